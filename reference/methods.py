"""Heads and contrasts built from the config fragments of the methods."""
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config, ConfigDict
from torch import Tensor

from hsc_mm.models import HierarchicalContrast, View
from hsc_mm.registry import MODELS

__all__ = [
    'build_contrast', 'contrast_config', 'head_config', 'make_views'
]

METHODS = Path(__file__).resolve().parents[1] / 'configs/_base_/methods'


def head_config(*names: str, **overrides) -> ConfigDict:
    """Return what fragments say of a head, one merged into the other.

    The contrast has its full weight from the start, unless ``overrides`` say
    otherwise: what is compared is one step, not a training.

    Args:
        *names (str): Of files in ``configs/_base_/methods``, in order.
        **overrides: Entries of the head, merged last.
    """
    cfg = Config(dict(head=dict()))
    for name in names:
        fragment = Config.fromfile(METHODS / f'{name}.py')[name]
        cfg.merge_from_dict(dict(head=fragment.to_dict()))
    if 'contrast' in cfg.head.get('losses', {}):
        cfg.head.losses.contrast.warmup = 0.0
    cfg.merge_from_dict(dict(head=overrides))
    return cfg.head


def contrast_config(recipe: str = 'clean', **overrides) -> ConfigDict:
    """Return the config of the contrast: ``'clean'`` or ``'release'``.

    Its grid is that of view 2, where ``overrides`` do not set another.
    """
    names = ('hsc', 'hsc_release') if recipe == 'release' else ('hsc', )
    cfg = Config(dict(contrast=head_config(*names).losses.contrast))
    cfg.merge_from_dict(dict(contrast={'grid': None, **overrides}))
    return cfg.contrast


def make_views(cams: Sequence[Tensor], pixels: Sequence[Tensor],
               regions: Sequence[Tensor], colours: Tensor) -> list[View]:
    """Make views of given maps, as the contrast sees them.

    Args:
        cams (sequence[Tensor]): Refined CAMs, (B, C, h, w) each.
        pixels (sequence[Tensor]): Pixel embeddings.
        regions (sequence[Tensor]): Region embeddings.
        colours (Tensor): In [0, 255], (B, 3, H, W).
    """
    return [
        View(colours, (), cam, cam, embed=dict(
            pixel=lambda one=pixel: one, region=lambda one=region: one))
        for cam, pixel, region in zip(cams, pixels, regions, strict=True)
    ]


def build_contrast(num_classes: int, region: int, pixel: int,
                   **config) -> HierarchicalContrast:
    """Build the contrast for embeddings of given channels.

    ``config`` is that of :func:`contrast_config`.
    """
    contrast = MODELS.build(contrast_config(**config))
    contrast.bind(num_classes, dict(region=region, pixel=pixel))
    return contrast
