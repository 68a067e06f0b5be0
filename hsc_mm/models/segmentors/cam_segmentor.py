"""The segmentor of the CAM stage: makes the views, routes the features."""
import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors.base import BaseSegmentor
from mmseg.structures import SegDataSample
from mmseg.utils import (
    ConfigType,
    OptConfigType,
    OptMultiConfig,
    OptSampleList,
    SampleList,
)
from torch import Tensor

from hsc_mm.registry import MODELS
from hsc_mm.utils.checkpoint_sources import check_named
from hsc_mm.utils.numbers import check_size
from hsc_mm.utils.picture_sizes import SizeError, refuse_size
from ..attention import record_attention
from ..features import output_maps
from .cam_predictor import CAMPredictor, check_test_cfg

__all__ = ['CAMSegmentor']


@MODELS.register_module()
class CAMSegmentor(CAMPredictor, BaseSegmentor):
    """Backbone and CAM head, trained from image labels.

    Training: ``loss -> make_views -> extract_feat -> decode_head.loss``.
    Testing: ``predict -> extract_feat -> decode_head.predict ->
    postprocess_result -> finish``.

    The second view is the first one resized bilinearly; a head sees a list
    of views and does not know how they came about.

    Args:
        backbone (dict): Any backbone of mmseg or mmpretrain.
        decode_head (dict): A head of this package.
        neck (dict, optional): A neck between the two.
        second_view (tuple[int, int], optional): Height and width of view 2
            in pixels; None for one view.
        test_cfg (dict): ``bg_threshold`` in [0, 1]; ``use_image_labels``:
            whether the image labels choose the classes of a seed (right for
            training images, whose labels are known) or the classifier does;
            ``score_thr``: probability above which it does. Optional:
            ``normalize``, see :attr:`CAMPredictor.normalization`;
            ``force_class``: whether the classifier's best class is in every
            image, False by default.
        attention (dict, optional): Arguments of :func:`hsc_mm.models.
            attention.record_attention`: losses then see the attention of
            these blocks. None records nothing.
        channels_last (bool): Whether weights and images lie in memory with
            the channels last: the same numbers, convolutions on a CPU and in
            half precision on a GPU are faster.
        data_preprocessor (dict): mmseg's ``SegDataPreProcessor``.
        init_cfg (dict, optional): Initialisation.

    Raises:
        ValueError: ``test_cfg`` is refused (:func:`check_test_cfg`), the
            head is trained from masks, or image labels are to be used and a
            sample has none.
    """

    def __init__(self,
                 backbone: ConfigType,
                 decode_head: ConfigType,
                 neck: OptConfigType = None,
                 second_view: tuple[int, int] | None = None,
                 attention: OptConfigType = None,
                 channels_last: bool = False,
                 train_cfg: OptConfigType = None,
                 test_cfg: OptConfigType = None,
                 data_preprocessor: OptConfigType = None,
                 init_cfg: OptMultiConfig = None) -> None:
        super().__init__(
            data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        check_named(backbone)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck) if neck is not None else None
        self.decode_head = MODELS.build(decode_head)
        if isinstance(self.decode_head, BaseDecodeHead):
            raise ValueError(
                'model.decode_head.type: expected a head that makes CAMs, '
                f'hsc_mm.CAMHead, found {type(self.decode_head).__name__}, '
                'which is trained from masks. Choose another head, or '
                'model.type=EncoderDecoder.')
        self._tell_statistics()
        self.second_view = check_size('model.second_view', second_view)
        if hasattr(self.decode_head, 'check_losses'):
            brings = dict(second_view=second_view, attention=attention)
            self.decode_head.check_losses(
                tuple(k for k, v in brings.items() if v is not None))
        self.attention = attention
        self.memory_format = (
            torch.channels_last if channels_last else torch.contiguous_format)
        self.to(memory_format=self.memory_format)
        self.train_cfg = train_cfg
        self.test_cfg = check_test_cfg(test_cfg, type(self).__name__)
        self.normalization  # noqa: B018 (refuses a wrong test_cfg)

    def _tell_statistics(self) -> None:
        """Tell the head how its images are normalised: maybe not at all.

        Of an image of more bands those of :attr:`View.colours` count.
        """
        known = getattr(self.data_preprocessor, '_enable_normalize', None)
        for name, neutral in (('mean', 0), ('std', 1)):
            own = getattr(self.decode_head, f'image_{name}', None)
            if known and own is not None:
                found = getattr(self.data_preprocessor, name)
                own.copy_(found[:3 if len(found) > 2 else 1])
            elif known is False and own is not None:
                own.fill_(neutral)

    @property
    def num_classes(self) -> int:
        """int: C, background included."""
        return self.decode_head.num_classes

    @property
    def out_channels(self) -> int:
        """int: Channels of ``seg_logits``, the same."""
        return self.decode_head.out_channels

    @property
    def align_corners(self) -> bool:
        """bool: Convention of resizes."""
        return self.decode_head.align_corners

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the feature maps of images (B, 3, H, W).

        Raises:
            SizeError: The network takes no images of this size.
            ValueError: Backbone or neck give no feature maps.
        """
        inputs = inputs.contiguous(memory_format=self.memory_format)
        try:
            feats = self.backbone(inputs)
        except (AssertionError, RuntimeError) as error:
            refuse_size(error, self.backbone, inputs)
            raise
        if self.with_neck:
            if not isinstance(feats, Tensor):
                feats = output_maps(feats, _named('backbone', self.backbone))
            return output_maps(self.neck(feats), _named('neck', self.neck))
        return output_maps(feats, _named('backbone', self.backbone))

    def make_views(self, inputs: Tensor) -> list[Tensor]:
        """Return the views of a batch, each (B, 3, H_v, W_v)."""
        if self.second_view is None:
            return [inputs]
        second = F.interpolate(
            inputs,
            size=tuple(self.second_view),
            mode='bilinear',
            align_corners=True)
        return [inputs, second]

    def look(self, view: Tensor) -> tuple:
        """Return features, view and, where it is recorded, attention."""
        if self.attention is None:
            return self.extract_feat(view), view
        with record_attention(
                self.backbone, **{'grad': True, **self.attention}) as record:
            feats = self.extract_feat(view)
        return feats, view, record.stacked()

    def loss(self, inputs: Tensor,
             data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses of a batch; see the head."""
        views = [self.look(view) for view in self.make_views(inputs)]
        losses = self.decode_head.loss(views, data_samples)
        return {f'decode.{name}': value for name, value in losses.items()}

    def encode_decode(
            self,
            inputs: Tensor,
            batch_data_samples: OptSampleList = None) -> tuple[Tensor, Tensor]:
        """Return activations (B, K, h, w) and probabilities (B, K)."""
        return self.decode_head.predict(self.extract_feat(inputs), inputs)

    def _forward(self,
                 inputs: Tensor,
                 data_samples: OptSampleList = None) -> Tensor:
        """Return the raw CAM of the first view, (B, C, h, w)."""
        return self.decode_head(self.extract_feat(inputs), inputs).cam

    def predict(self,
                inputs: Tensor,
                data_samples: OptSampleList = None) -> SampleList:
        """Compute the seeds of a batch; see :meth:`finish` for the fields."""
        try:
            activation, scores = self.encode_decode(inputs, data_samples)
        except SizeError as error:
            paths = [one.get('img_path') for one in data_samples or ()]
            if not any(paths):
                raise
            raise SizeError(f'{paths[0]}: {error}') from error
        if data_samples is None:
            meta = dict(ori_shape=tuple(inputs.shape[2:]))
            data_samples = [
                SegDataSample(metainfo=meta) for _ in range(len(inputs))
            ]
        return self.postprocess_result(activation, scores, data_samples,
                                       tuple(inputs.shape[2:]))


def _named(part: str, module: torch.nn.Module) -> str:
    return f'model.{part} ({type(module).__name__})'
