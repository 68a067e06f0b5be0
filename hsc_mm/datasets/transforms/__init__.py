"""Transforms for images with auxiliary maps and image labels."""
from .color import RandomHSV
from .formatting import PackImageLabelInputs
from .geometry import CropPad, RandomLongSideResize
from .loading import LoadAuxMaps
from .pseudo_label import LoadPseudoLabel
from .seeding import SeedBySampler

__all__ = [
    'CropPad', 'LoadAuxMaps', 'LoadPseudoLabel', 'PackImageLabelInputs',
    'RandomHSV', 'RandomLongSideResize', 'SeedBySampler'
]
