"""Pixel correlation module: a CAM refined by the looks of its pixels."""
from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from mmseg.utils import OptMultiConfig
from torch import Tensor, nn

from hsc_mm.functional.resize import resize_bilinear
from hsc_mm.models.features import pick_features
from hsc_mm.registry import MODELS

__all__ = ['PixelCorrelation', 'propagate', 'source_cam']

EPS = 1e-5


@torch.no_grad()
def source_cam(cam: Tensor) -> Tensor:
    r"""Normalise a CAM for propagation, without gradient, in float32.

    .. math:: \hat A = \frac{\max(0, A - \epsilon)}{\max A + \epsilon},
              \quad \hat A_{bg} = 1 - \max_{fg} \hat A

    with the maximum over the positions of each image and channel; then
    foreground channels that are not the maximum of their pixel become 0.

    Args:
        cam (Tensor): Raw CAM, (B, C, h, w), background first.

    Returns:
        Tensor: (B, C, h, w) in [0, 1].
    """
    foreground = cam[:, 1:].detach().float().relu()
    peak = foreground.amax((2, 3), True)
    foreground = (foreground - EPS).relu() / (peak + EPS)
    best = foreground.amax(1, True)
    foreground = torch.where(foreground < best, 0.0, foreground)
    return torch.cat([1 - best, foreground], dim=1)


def propagate(source: Tensor, feature: Tensor) -> Tensor:
    r"""Average a CAM over the pixels that look alike.

    .. math:: R = \hat A \, \frac{G}{1^\top G + \epsilon}, \quad
              G = \max(0, \hat f^\top \hat f), \quad
              \hat f = \frac{f}{|f| + \epsilon}

    (SEAM, Wang et al., CVPR 2020.)

    Args:
        source (Tensor): :func:`source_cam`, (B, C, h, w).
        feature (Tensor): f, (B, D, h, w).

    Returns:
        Tensor: Refined CAM R, (B, C, h, w).
    """
    flat = feature.float().flatten(2)  # (B, D, n)
    flat = flat / (flat.norm(dim=1, keepdim=True) + EPS)
    affinity = (flat.transpose(1, 2) @ flat).relu()  # (B, n, n)
    # Symmetric: the sum of a column scales a column of the product.
    scale = 1 / (affinity.sum(dim=1, keepdim=True) + EPS)
    return (source.flatten(2) @ affinity * scale).view_as(source)


@MODELS.register_module()
class PixelCorrelation(BaseModule):
    """Refines a CAM by the similarity of intermediate features.

    The features are cut from the graph, reduced by a 1x1 convolution each,
    joined with the image and embedded by one more; :func:`propagate` does
    the rest. Gradients reach these convolutions alone.

    Args:
        in_channels (Sequence[int]): Channels of the features it looks at.
        in_index (Sequence[int]): Which of the backbone's outputs they are.
        reduced (Sequence[int]): Channels that each is reduced to.
        embed_channels (int): Channels of f.
        center (bool): Whether the mean of f over the image is subtracted
            first. SEAM does not; features that all point the same way, as
            those of a network trained from random numbers do, need it.
        init_cfg (dict, optional): Initialisation.

    Raises:
        ValueError: Numbers of entries differ, or (when run) the backbone
            gives other features than ``in_channels`` and ``in_index`` say.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 in_index: Sequence[int],
                 reduced: Sequence[int] = (64, 128),
                 embed_channels: int = 192,
                 center: bool = False,
                 init_cfg: OptMultiConfig = [
                     dict(type='Kaiming', layer='Conv2d'),
                     dict(
                         type='Xavier', gain=4, distribution='uniform',
                         override=dict(name='embed'))
                 ]) -> None:
        super().__init__(init_cfg=init_cfg)
        if not len(in_channels) == len(in_index) == len(reduced):
            raise ValueError(
                'in_channels, in_index and reduced of PixelCorrelation: '
                'expected one entry for each feature map, found '
                f'{len(in_channels)}, {len(in_index)} and {len(reduced)}.')
        self.in_channels = tuple(in_channels)
        self.in_index = tuple(in_index)
        self.center = center
        self.reduce = nn.ModuleList(
            nn.Conv2d(wide, narrow, 1, bias=False)
            for wide, narrow in zip(in_channels, reduced, strict=True))
        self.embed = nn.Conv2d(
            sum(reduced) + 3, embed_channels, 1, bias=False)

    def forward(self, cam: Tensor, feats: tuple[Tensor, ...],
                image: Tensor) -> Tensor:
        """Refine a CAM.

        Args:
            cam (Tensor): Raw CAM, (B, C, h, w), background first.
            feats (tuple[Tensor]): Feature maps, (B, D, h_i, w_i) each.
            image (Tensor): The normalised view, (B, 3, H, W).

        Returns:
            Tensor: Refined CAM, (B, C, h, w).
        """
        size = tuple(cam.shape[2:])
        parts = [resize_bilinear(image, size)]
        chosen = pick_features(feats, self.in_index, self.in_channels,
                               type(self).__name__, 'decode_head.pcm')
        for feat, reduce in zip(chosen, self.reduce, strict=True):
            reduced = reduce(feat.detach()).relu()
            parts.append(resize_bilinear(reduced, size))
        feature = self.embed(torch.cat(parts, dim=1))
        if self.center:
            feature = feature - feature.mean((2, 3), keepdim=True)
        with torch.autocast(feature.device.type, enabled=False):
            return propagate(source_cam(cam), feature)
