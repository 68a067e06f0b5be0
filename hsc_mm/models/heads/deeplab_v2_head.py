"""DeepLab v2: parallel dilated convolutions on one feature map."""
from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.dist import get_world_size
from mmseg.models.decode_heads.aspp_head import ASPPModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from hsc_mm.registry import MODELS

__all__ = ['DeepLabV2Head']


class _SummedASPP(ASPPModule):
    """Sum of the dilated convolutions; (B, D, h, w) to (B, C, h, w)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum."""
        return sum(super().forward(x))


@MODELS.register_module()
class DeepLabV2Head(BaseDecodeHead):
    r"""Head of DeepLab v2, as published or with a hidden layer.

    Without ``channels`` that of Chen et al., *DeepLab*, TPAMI 2018: the
    scores are a sum of dilated 3x3 convolutions with bias,

    .. math:: s = \sum_d W_d *_d x + b_d

    With ``channels`` that of the public code of SEAM and HSC, whose results
    are reported as DeepLab v2 too: each convolution has a norm, a ReLU and
    that many channels; their outputs and, with ``image_pool``, the pooled
    image are joined, projected by a 1x1 convolution and classified.

    It is a head for mmseg's ``EncoderDecoder``:

    .. code:: text

        loss():    forward() -> loss_by_feat()
        predict(): forward() -> predict_by_feat()

    Args:
        in_channels (int): D, channels of the feature map.
        channels (int, optional): Channels of the hidden layer; None: no
            hidden layer.
        dilations (Sequence[int]): Dilation of each convolution; a 1 is a
            1x1 convolution, as in mmseg's ASPP.
        image_pool (bool): Join the pooled image; needs ``channels``.
        **kwargs: Of mmseg's ``BaseDecodeHead``, ``num_classes`` among them.
            Dropout, 0.1 by default there, is in front of the classifier;
            ``dropout_ratio=0`` is as published. ``norm_cfg`` and
            ``act_cfg`` are those of the hidden layer; a ``norm_cfg`` of
            None has a bias in its place.

    Raises:
        ValueError: ``dilations`` is empty or not of positive numbers;
            ``image_pool`` without ``channels``; ``norm_cfg`` without
            ``channels``. While training, when one image is alone in a batch
            norm: pooled, it has one value per channel.
    """

    def __init__(self,
                 in_channels: int,
                 channels: int | None = None,
                 *,
                 dilations: Sequence[int] = (6, 12, 18, 24),
                 image_pool: bool = False,
                 **kwargs) -> None:
        if not dilations or min(dilations) < 1:
            raise ValueError('dilations of DeepLabV2Head: expected positive '
                             f'integers, found {dilations}.')
        # The classifier that it makes of channels is replaced below.
        super().__init__(in_channels, channels or 1, **kwargs)
        self.dilations = tuple(dilations)
        if channels is None:
            for name, value in (('image_pool', image_pool),
                                ('norm_cfg', self.norm_cfg)):
                if value:
                    raise ValueError(
                        f'{name} of DeepLabV2Head: expected none without a '
                        f'hidden layer, found {value}. Set channels, say '
                        f'256, or leave {name} out.')
            self.channels = self.in_channels
            self.conv_seg = _SummedASPP(
                self.dilations, self.in_channels, self.out_channels,
                self.conv_cfg, norm_cfg=None, act_cfg=None)
            return
        layer = dict(conv_cfg=self.conv_cfg, norm_cfg=self.norm_cfg,
                     act_cfg=self.act_cfg)
        self.aspp = ASPPModule(self.dilations, self.in_channels, channels,
                               **layer)
        self.image_pool = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            ConvModule(self.in_channels, channels, 1, **layer)
        ) if image_pool else None
        self.bottleneck = ConvModule(
            (len(self.dilations) + image_pool) * channels, channels, 1,
            **layer)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the scores.

        Args:
            inputs (Sequence[Tensor]): Feature maps of the backbone; the one
                at ``in_index`` is (B, D, h, w).

        Returns:
            Tensor: (B, C, h, w), any real number.
        """
        x = self._transform_inputs(inputs)
        if isinstance(self.conv_seg, _SummedASPP):
            return self.cls_seg(x)
        branches = self.aspp(x)
        if self.image_pool is not None:
            self._check_batch(len(x))
            branches.append(self.image_pool(x).expand(-1, -1, *x.shape[2:]))
        return self.cls_seg(self.bottleneck(torch.cat(branches, dim=1)))

    def _check_batch(self, images: int) -> None:
        """Refuse what a batch norm would refuse without saying why."""
        pool = self.image_pool[1]
        if images > 1 or not pool.with_norm:
            return
        norm = pool.norm
        alone = not isinstance(norm, nn.SyncBatchNorm) or get_world_size() < 2
        if isinstance(norm, _BatchNorm) and norm.training and alone:
            raise ValueError(
                "DeepLabV2Head: expected at least two images in a training "
                "batch, found one; its pooled features have one value per "
                "channel, which a batch norm cannot normalise. Raise "
                "train_dataloader.batch_size (drop_last=True leaves out a "
                "shorter last batch), or take norm_cfg=dict(type='GN', "
                "num_groups=32), or image_pool=False.")
