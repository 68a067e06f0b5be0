"""The wide residual network of 38 layers, dilated to output stride 8."""
from collections.abc import Sequence

from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from mmseg.utils import ConfigType, OptMultiConfig
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from hsc_mm.registry import MODELS
from .wide_blocks import WideBlock, WideBottleneck, conv, norm_relu

__all__ = ['ResNet38d']


@MODELS.register_module()
class ResNet38d(BaseModule):
    """Wide ResNet-38 as AffinityNet, SEAM, EPS and HSC use it.

    "Wider or Deeper" (Wu, Shen and van den Hengel, 2016), model A1 without
    its classifier. Strides end after b4 (output stride 8); b5 is dilated by
    2 from its second convolution on, b6 and b7 by 4. Modules have the names
    of the public PyTorch checkpoints, so that their keys need no mapping:

    ======  ======  ==============  ======  ========  =======
    stage   blocks  channels        stride  dilation  dropout
    ======  ======  ==============  ======  ========  =======
    conv1a  1       64              1       1
    b2      3       128             2       1
    b3      3       256             4       1
    b4      6       512             8       1
    b5      3       512, 1024       8       2
    b6      1       512-1024-2048   8       4         0.3
    b7      1       1024-2048-4096  8       4         0.5
    ======  ======  ==============  ======  ========  =======

    The blocks are pre-activated, so a feature map is the normalised and
    rectified tensor with which the next stage begins: conv4 = relu(BN(b4))
    by the first BN of b5, (B, 512, h, w); conv5 = relu(BN(b5)) by that of
    b6, (B, 1024, h, w); conv6 = relu(bn7(b7)), (B, 4096, h, w), with
    h = ceil(H / 8) and w = ceil(W / 8).

    Args:
        base_channels (int): Channels of conv1a; all others are multiples.
        out_indices (Sequence[int]): Which of conv4 (0), conv5 (1) and
            conv6 (2) are returned, in this order.
        frozen_stages (int): Stages that do not train: -1 none, 0 conv1a,
            1 also b2, and so on to 6, also b7. The default is that of SEAM,
            EPS and HSC.
        norm_cfg (dict): Normalisation. ``requires_grad=False``, the default,
            keeps its scales and shifts as they were pretrained.
        norm_eval (bool): Whether batch normalisation uses its running
            statistics in training too, and leaves them alone.
        init_cfg (dict, optional): Initialisation of the weights.

    Raises:
        ValueError: ``out_indices`` or ``frozen_stages`` is out of range.
    """

    stages = (('conv1a', ), ('b2', 'b2_1', 'b2_2'), ('b3', 'b3_1', 'b3_2'),
              ('b4', 'b4_1', 'b4_2', 'b4_3', 'b4_4', 'b4_5'),
              ('b5', 'b5_1', 'b5_2'), ('b6', ), ('b7', 'bn7'))

    def __init__(self,
                 base_channels: int = 64,
                 out_indices: Sequence[int] = (0, 1, 2),
                 frozen_stages: int = 1,
                 norm_cfg: ConfigType = dict(type='BN', requires_grad=False),
                 norm_eval: bool = True,
                 init_cfg: OptMultiConfig = [
                     dict(type='Kaiming', layer='Conv2d'),
                     dict(
                         type='Constant',
                         val=1,
                         layer=['_BatchNorm', 'GroupNorm'])
                 ]) -> None:
        super().__init__(init_cfg=init_cfg)
        self._check(out_indices, frozen_stages)
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        base = base_channels
        self.conv1a = conv(3, base, 3)
        self._add_stage(1, base, 2 * base, 2 * base, 2, norm_cfg)
        self._add_stage(2, 2 * base, 4 * base, 4 * base, 2, norm_cfg)
        self._add_stage(3, 4 * base, 8 * base, 8 * base, 2, norm_cfg)
        self._add_stage(4, 8 * base, 8 * base, 16 * base, 1, norm_cfg, 2)
        self.b6 = WideBottleneck(16 * base, 4, .3, norm_cfg)
        self.b7 = WideBottleneck(32 * base, 4, .5, norm_cfg)
        self.bn7 = build_norm_layer(norm_cfg, 64 * base)[1]
        self._freeze_stages()

    @classmethod
    def _check(cls, out_indices: Sequence[int], frozen_stages: int) -> None:
        """Raise ValueError when an argument is out of range."""
        if not out_indices or not set(out_indices) <= {0, 1, 2}:
            raise ValueError('out_indices: expected some of 0 (conv4), '
                             f'1 (conv5) and 2 (conv6), found {out_indices}.')
        last = len(cls.stages) - 1
        # False would read as 0, and freeze.
        if isinstance(frozen_stages, bool) or not -1 <= frozen_stages <= last:
            raise ValueError('frozen_stages: expected a number from -1 '
                             f'(none) to {last}, found {frozen_stages}.')

    def _add_stage(self, stage: int, inputs: int, mid: int, outputs: int,
                   stride: int, norm_cfg: ConfigType,
                   dilation: int = 1) -> None:
        """Add the blocks of a stage; its first convolution is not dilated."""
        first, *others = self.stages[stage]
        self.add_module(
            first,
            WideBlock(inputs, mid, outputs, stride, (1, dilation), norm_cfg))
        for name in others:
            self.add_module(
                name,
                WideBlock(outputs, mid, outputs, 1, (dilation, dilation),
                          norm_cfg))

    def _freeze_stages(self) -> None:
        """Stop training, and dropout, in the first stages."""
        for names in self.stages[:self.frozen_stages + 1]:
            for name in names:
                module = getattr(self, name)
                module.eval()
                module.requires_grad_(False)

    def train(self, mode: bool = True) -> 'ResNet38d':
        """Set the mode; what is frozen and normalisation stay as they are."""
        super().train(mode)
        self._freeze_stages()
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute feature maps.

        Args:
            x (Tensor): Normalised RGB images, (B, 3, H, W).

        Returns:
            tuple[Tensor]: Those of conv4, conv5 and conv6, (B, D, h, w),
            that ``out_indices`` asks for.
        """
        x = self.conv1a(x)
        maps = []
        for name in (name for stage in self.stages[1:6] for name in stage):
            x, activated = getattr(self, name)(x)
            if name in ('b5', 'b6'):
                maps.append(activated)
        x, _ = self.b7(x)
        maps.append(norm_relu(self.bn7, x))
        return tuple(maps[i] for i in range(3) if i in self.out_indices)
