"""Transforms for images with saliency maps and image labels."""
from .formatting import PackImageLabelInputs
from .geometry import CropPad, RandomLongSideResize
from .loading import LoadPseudoLabel, LoadSaliencyMap
from .seeding import SeedBySampler

__all__ = [
    'CropPad', 'LoadPseudoLabel', 'LoadSaliencyMap', 'PackImageLabelInputs',
    'RandomLongSideResize', 'SeedBySampler'
]
