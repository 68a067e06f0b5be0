"""Segmentors."""
from .cam_segmentor import CAMSegmentor
from .cam_tta import CAMTTAModel

__all__ = ['CAMSegmentor', 'CAMTTAModel']
