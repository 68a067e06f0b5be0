"""Segmentors."""
from .cam_predictor import CAMPredictor
from .cam_segmentor import CAMSegmentor
from .cam_tta import CAMTTAModel
from .crf_segmentor import CRFRefinedSegmentor

__all__ = [
    'CAMPredictor', 'CAMSegmentor', 'CAMTTAModel', 'CRFRefinedSegmentor'
]
