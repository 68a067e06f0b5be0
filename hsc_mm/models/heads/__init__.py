"""Heads of the CAM stage."""
from .cam_head import CAMHead, ViewOutput
from .hsc_head import HSCHead
from .refined_cam_head import RefinedCAMHead

__all__ = ['CAMHead', 'HSCHead', 'RefinedCAMHead', 'ViewOutput']
