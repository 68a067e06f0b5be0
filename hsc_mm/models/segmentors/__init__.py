"""Segmentors."""
from .cam_predictor import CAMPredictor
from .cam_segmentor import CAMSegmentor
from .cam_tta import CAMTTAModel
from .crf_segmentor import CRFRefinedSegmentor
from .seg_tta import SegTTAModel

__all__ = [
    'CAMPredictor', 'CAMSegmentor', 'CAMTTAModel', 'CRFRefinedSegmentor',
    'SegTTAModel'
]
