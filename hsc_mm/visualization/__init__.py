"""Pictures of CAMs, masks and scores."""
from .figures import class_bars, threshold_curve
from .overlay import cam_overlay, label_strip, mask_overlay

__all__ = [
    'cam_overlay', 'class_bars', 'label_strip', 'mask_overlay',
    'threshold_curve'
]
