"""Mean of the views of a segmentor at test time."""
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from mmseg.utils import ConfigType, OptConfigType, SampleList
from torch import Tensor, nn

from hsc_mm.registry import MODELS
from .merged_views import MergedViews

__all__ = ['SegTTAModel', 'mean_probability', 'set_prediction']


def mean_probability(views: SampleList, out_channels: int) -> Tensor:
    """Return the mean of the probabilities of the views of an image.

    Args:
        views (list[SegDataSample]): With ``seg_logits`` (C, H, W) at the
            size of the image: logits, or, of one channel, mmseg's
            probabilities of the foreground.
        out_channels (int): C of the segmentor.

    Returns:
        Tensor: (C, H, W) float32, for one channel (2, H, W); sums to one.
    """
    maps = [view.seg_logits.data.float() for view in views]
    if out_channels > 1:
        return sum(one.softmax(dim=0) for one in maps) / len(maps)
    front = sum(maps) / len(maps)
    return torch.cat([1 - front, front])


def set_prediction(sample: SegDataSample, prob: Tensor,
                   segmentor: nn.Module) -> SegDataSample:
    """Put probabilities into a sample, as a segmentor of mmseg would.

    Args:
        sample (SegDataSample): Gets ``seg_logits``, whose softmax they are
            (of one channel: the probability of the foreground), and
            ``pred_sem_seg`` (1, H, W).
        prob (Tensor): See :func:`mean_probability`.
        segmentor (nn.Module): With ``out_channels``; of one channel with a
            ``threshold`` of its head.

    Returns:
        SegDataSample: The sample.
    """
    if segmentor.out_channels > 1:
        predicted = prob.argmax(dim=0, keepdim=True)
        logits = prob.clamp(min=torch.finfo(prob.dtype).tiny).log()
    else:
        logits = prob[1:]
        predicted = (logits > segmentor.decode_head.threshold).to(logits)
    sample.set_data(
        dict(
            seg_logits=PixelData(data=logits),
            pred_sem_seg=PixelData(data=predicted)))
    return sample


@MODELS.register_module()
class SegTTAModel(MergedViews):
    """Average the probabilities of a segmentor over scales and flips.

    Masks are those of mmseg's class of this name, which leaves the
    ``seg_logits`` of the last view, and takes the sigmoid of a probability
    where a segmentor has one channel. Everything else of a sample is that of
    the first view.

    Args:
        module (dict): Config of a segmentor of mmseg.
        data_preprocessor (dict, optional): See :class:`.MergedViews`.

    Raises:
        ValueError: The module makes seeds.
    """
    #: Whether the maps of a sample are those of all views.
    merges_maps = True

    def __init__(self,
                 module: ConfigType,
                 data_preprocessor: OptConfigType = None) -> None:
        super().__init__(module, data_preprocessor)
        if getattr(self.module, 'predicts_seeds', False):
            raise ValueError(
                'module of SegTTAModel: expected a segmentor such as '
                f'EncoderDecoder, found {type(self.module).__name__}. '
                'hsc_mm.CAMTTAModel sums CAMs.')

    def merge(self, views: SampleList) -> SegDataSample:
        """Average the probabilities of the views."""
        prob = mean_probability(views, self.module.out_channels)
        return set_prediction(views[0], prob, self.module)
