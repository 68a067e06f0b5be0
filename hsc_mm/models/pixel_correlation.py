"""Pixel correlation module: a CAM refined by similar pixels."""
from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from mmseg.utils import OptMultiConfig
from torch import Tensor, nn

from hsc_mm.functional.refinement import propagate, source_cam
from hsc_mm.functional.resize import resize_bilinear
from hsc_mm.registry import MODELS
from .features import pick_features

__all__ = ['PixelCorrelation']


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
        image_channels (int): Bands of the image.
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
                 image_channels: int = 3,
                 init_cfg: OptMultiConfig = [
                     dict(type='Kaiming', mode='fan_in', layer='Conv2d'),
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
            sum(reduced) + image_channels, embed_channels, 1, bias=False)

    def forward(self, cam: Tensor, feats: tuple[Tensor, ...],
                image: Tensor) -> Tensor:
        """Refine a CAM.

        Args:
            cam (Tensor): Raw CAM, (B, C, h, w), background first.
            feats (tuple[Tensor]): Feature maps, (B, D, h_i, w_i) each.
            image (Tensor): The normalised view, (B, image_channels, H, W).

        Returns:
            Tensor: Refined CAM, (B, C, h, w).
        """
        size = tuple(cam.shape[2:])
        parts = [resize_bilinear(image, size)]
        chosen = pick_features(feats, self.in_index, self.in_channels,
                               type(self).__name__, 'decode_head.refiner')
        for feat, reduce in zip(chosen, self.reduce, strict=True):
            reduced = reduce(feat.detach()).relu()
            parts.append(resize_bilinear(reduced, size))
        feature = self.embed(torch.cat(parts, dim=1))
        if self.center:
            feature = feature - feature.mean((2, 3), keepdim=True)
        with torch.autocast(feature.device.type, enabled=False):
            return propagate(source_cam(cam), feature)
