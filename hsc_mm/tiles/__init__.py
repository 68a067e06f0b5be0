"""Large pictures in overlapping windows: geometry, reading, writing."""
from .blend import Block, Tiles, blend
from .masks import MaskWriter
from .scan import Scan, is_large

__all__ = ['Block', 'MaskWriter', 'Scan', 'Tiles', 'blend', 'is_large']
