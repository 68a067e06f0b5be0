"""Pictures of CAMs, masks and scores."""
from .figures import (
    cosine_matrix,
    similarity_figure,
    threshold_curve,
)
from .pictures import (
    cam_overlay,
    mask_overlay,
    present_tiles,
    stack_rows,
    titled_strip,
)

__all__ = [
    'cam_overlay', 'cosine_matrix', 'mask_overlay', 'present_tiles',
    'similarity_figure', 'stack_rows', 'threshold_curve', 'titled_strip'
]
