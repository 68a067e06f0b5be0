"""Heads of both stages."""
from .cam_head import CAMHead
from .deeplab_v2_head import DeepLabV2Head

__all__ = ['CAMHead', 'DeepLabV2Head']
