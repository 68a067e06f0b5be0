"""Embeddings of the feature map that a head classifies."""
from mmcv.cnn import build_norm_layer
from mmseg.utils import ConfigType
from torch import nn

from hsc_mm.registry import MODELS

__all__ = ['PixelEmbedding', 'RegionEmbedding']


@MODELS.register_module()
class PixelEmbedding(nn.Sequential):
    """Pixel embedding u: ReLU(1x1 conv), (B, in, h, w) to (B, D, h, w).

    (Wu et al., IJCAI 2023.)

    Args:
        in_channels (int): Channels of the feature map; the head fills it in.
        channels (int): D.
    """

    def __init__(self, in_channels: int, channels: int = 128) -> None:
        super().__init__(
            nn.Conv2d(in_channels, channels, 1, bias=False), nn.ReLU())
        self.channels = channels


@MODELS.register_module()
class RegionEmbedding(nn.Sequential):
    """Region embedding z: 3x3 conv, norm, ReLU, 1x1 conv.

    (Wu et al., IJCAI 2023.)

    Args:
        in_channels (int): Channels of the feature map; the head fills it in.
        channels (int): D.
        norm_cfg (dict): Norm layer.
        norm_eval (bool): Whether that layer keeps to its running statistics,
            as in the release. Then a loss does not depend on how a batch is
            spread over devices.
    """

    def __init__(self,
                 in_channels: int,
                 channels: int = 256,
                 norm_cfg: ConfigType = dict(type='BN'),
                 norm_eval: bool = True) -> None:
        super().__init__(
            nn.Conv2d(in_channels, channels, 3, padding=1),
            build_norm_layer(norm_cfg, channels)[1], nn.ReLU(),
            nn.Conv2d(channels, channels, 1))
        self.channels = channels
        self.norm_eval = norm_eval

    def train(self, mode: bool = True) -> 'RegionEmbedding':
        """Set the mode; the norm layer stays as ``norm_eval`` says."""
        super().train(mode)
        if self.norm_eval:
            self[1].eval()
        return self
