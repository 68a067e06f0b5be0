"""Transforms for images with auxiliary maps and image labels."""
from ..sampler import SeedBySampler
from .augmentation import CropPad, RandomHSV, RandomLongSideResize
from .load_image import LoadImage
from .loading import LoadAuxMaps, PackImageLabelInputs
from .pseudo_label import LoadPseudoLabel

__all__ = [
    'CropPad', 'LoadAuxMaps', 'LoadImage', 'LoadPseudoLabel',
    'PackImageLabelInputs', 'RandomHSV', 'RandomLongSideResize',
    'SeedBySampler'
]
