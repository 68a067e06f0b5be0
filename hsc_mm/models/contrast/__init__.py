"""Hierarchical semantic contrast: the objective and its levels."""
from .base import ContrastLevel, Evidence
from .levels import ClassContrast, PixelContrast, ROIContrast
from .objective import HierarchicalContrast

__all__ = [
    'ClassContrast', 'ContrastLevel', 'Evidence', 'HierarchicalContrast',
    'PixelContrast', 'ROIContrast'
]
