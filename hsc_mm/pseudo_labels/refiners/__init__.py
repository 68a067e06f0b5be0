"""Refiners between CAMs and pseudo labels."""
from .attention import AttentionAffinity
from .base import Refiner, build_refiner
from .crf import CRFRefiner
from .par import PAR
from .segments import SegmentRefiner

__all__ = [
    'AttentionAffinity', 'CRFRefiner', 'PAR', 'Refiner', 'SegmentRefiner',
    'build_refiner'
]
