"""Decoder and segmentor of a single-stage vision transformer."""
from mmseg.models.segmentors.base import BaseSegmentor
from mmseg.utils import OptSampleList, SampleList
from torch import Tensor, nn

from hsc_mm.functional import cam_to_input
from hsc_mm.models.segmentors import CAMSegmentor
from hsc_mm.registry import MODELS

__all__ = ['SegmentationDecoder', 'SingleStageSegmentor']


@MODELS.register_module()
class SegmentationDecoder(nn.Sequential):
    """Two dilated 3x3 convolutions and a 1x1 one (LargeFOV, as in ToCo).

    An entry of the head's ``embeddings``: (B, in, h, w) to logits
    (B, C, h, w), background first.

    Args:
        in_channels (int): Channels of the feature map; the head fills it in.
        hidden (int): Channels in between.
        dilation (int): Of both 3x3 convolutions.
    """

    def __init__(self,
                 in_channels: int,
                 hidden: int = 512,
                 dilation: int = 5) -> None:
        super().__init__(*(
            layer for width in (in_channels, hidden)
            for layer in (nn.Conv2d(width, hidden, 3, padding=dilation,
                                    dilation=dilation, bias=False),
                          nn.ReLU())))
        self.hidden = hidden

    def bind(self, num_classes: int) -> None:
        """Add the last layer; the head calls it when it is built."""
        self.append(nn.Conv2d(self.hidden, num_classes, 1, bias=False))
        self.channels = num_classes


@MODELS.register_module()
class SingleStageSegmentor(CAMSegmentor):
    """A CAM segmentor that predicts what its decoder segments.

    Training and CAMs, hence pseudo labels, are those of the base class.
    ``predict`` gives masks as any segmentor of mmseg does: ``seg_logits``,
    the decoder's logits (C, H, W), and ``pred_sem_seg`` (1, H, W). No image
    label is used for them.

    Args:
        kwargs: Those of :class:`hsc_mm.CAMSegmentor`.

    Raises:
        ValueError: The head has no decoder.
    """
    predicts_seeds = False

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        if 'segmentation' not in self.decode_head.embeddings:
            raise ValueError(
                'decode_head of SingleStageSegmentor: expected a decoder '
                'embeddings.segmentation, and a loss that trains it; found '
                f'{sorted(self.decode_head.embeddings)}.')

    def predict(self,
                inputs: Tensor,
                data_samples: OptSampleList = None) -> SampleList:
        """Predict the masks of a batch; see the class."""
        view = self.decode_head(self.extract_feat(inputs), inputs)
        logits = cam_to_input(
            view.embedding('segmentation').float(), tuple(inputs.shape[2:]),
            self.align_corners)
        return BaseSegmentor.postprocess_result(self, logits, data_samples)
