"""Pictures of CAMs, masks and scores."""
from .figures import class_bars, threshold_curve
from .overlay import cam_overlay, label_strip, mask_overlay
from .sheet import present_tiles, stack_rows, titled_strip
from .similarity import cosine_matrix, similarity_figure

__all__ = [
    'cam_overlay', 'class_bars', 'cosine_matrix', 'label_strip',
    'mask_overlay', 'present_tiles', 'similarity_figure', 'stack_rows',
    'threshold_curve', 'titled_strip'
]
