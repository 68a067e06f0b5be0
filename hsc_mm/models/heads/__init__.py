"""Heads of the CAM stage."""
from .cam_head import CAMHead, ViewOutput

__all__ = ['CAMHead', 'ViewOutput']
