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
        image_channels (int): Bands of the image.
        init_cfg (dict, optional): Initialisation.

    Raises:
        ValueError: Numbers of entries differ, or (when run) the backbone
            gives other features than ``in_channels`` and ``in_index`` say,
            or images have other bands than ``image_channels``.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 in_index: Sequence[int],
                 reduced: Sequence[int] = (64, 128),
                 embed_channels: int = 192,
                 image_channels: int = 3,
                 init_cfg: OptMultiConfig = [
                     dict(type='Kaiming', mode='fan_in', layer='Conv2d'),
                     dict(
                         type='Xavier', gain=4, distribution='uniform',
                         override=dict(name='embed'))
                 ]) -> None:
        super().__init__(init_cfg=init_cfg)
        for name, value in (('in_channels', in_channels),
                            ('in_index', in_index), ('reduced', reduced)):
            if not isinstance(value, Sequence):
                raise ValueError(f'{name} of PixelCorrelation: expected a '
                                 'list, an entry for each feature map, found '
                                 f'{value!r}.')
        if not len(in_channels) == len(in_index) == len(reduced):
            raise ValueError(
                'in_channels, in_index and reduced of PixelCorrelation: '
                'expected one entry for each feature map, found '
                f'{len(in_channels)}, {len(in_index)} and {len(reduced)}.')
        self.in_channels = tuple(in_channels)
        self.in_index = tuple(in_index)
        self.image_channels = image_channels
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
        if image.shape[1] != self.image_channels:
            raise ValueError(
                f'image_channels of {type(self).__name__}: expected '
                f'{image.shape[1]}, the bands of the images, found '
                f'{self.image_channels}. Set '
                'model.decode_head.refiner.image_channels.')
        size = tuple(cam.shape[2:])
        parts = [resize_bilinear(image, size)]
        chosen = pick_features(feats, self.in_index, self.in_channels,
                               type(self).__name__, 'decode_head.refiner')
        for feat, reduce in zip(chosen, self.reduce, strict=True):
            reduced = reduce(feat.detach()).relu()
            parts.append(resize_bilinear(reduced, size))
        feature = self.embed(torch.cat(parts, dim=1))
        with torch.autocast(feature.device.type, enabled=False):
            return propagate(source_cam(cam), feature)
