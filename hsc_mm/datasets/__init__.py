"""Data sets with image-level labels, and their transforms."""
from .base import BaseImageLabelDataset
from .class_balance import ClassBalancedSampler
from .coco import COCOImageLabelDataset
from .image_label import ImageLabelDataset
from .sampler import ReproducibleSampler
from .transforms import *  # noqa: F403
from .voc import VOCImageLabelDataset

__all__ = [
    'BaseImageLabelDataset', 'COCOImageLabelDataset', 'ClassBalancedSampler',
    'ImageLabelDataset', 'ReproducibleSampler', 'VOCImageLabelDataset'
]
