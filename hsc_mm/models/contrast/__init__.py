"""Hierarchical semantic contrast: the objective and its levels."""
from .levels import (
    ClassContrast,
    ContrastLevel,
    Evidence,
    PixelContrast,
    ROIContrast,
)
from .objective import HierarchicalContrast

__all__ = [
    'ClassContrast', 'ContrastLevel', 'Evidence', 'HierarchicalContrast',
    'PixelContrast', 'ROIContrast'
]
