"""Refinement of CAMs inside a head."""
from .pixel_correlation import PixelCorrelation

__all__ = ['PixelCorrelation']
