"""Transforms for images with saliency maps and image labels."""
from .color import RandomHSV
from .formatting import PackImageLabelInputs
from .geometry import CropPad, RandomLongSideResize
from .loading import LoadSaliencyMap
from .pseudo_label import LoadPseudoLabel
from .seeding import SeedBySampler

__all__ = [
    'CropPad', 'LoadPseudoLabel', 'LoadSaliencyMap', 'PackImageLabelInputs',
    'RandomHSV', 'RandomLongSideResize', 'SeedBySampler'
]
