"""Heads of both stages."""
from .cam_head import CAMHead, ViewOutput
from .deeplab_v2_head import DeepLabV2Head
from .hsc_head import HSCHead
from .refined_cam_head import RefinedCAMHead

__all__ = [
    'CAMHead', 'DeepLabV2Head', 'HSCHead', 'RefinedCAMHead', 'ViewOutput'
]
