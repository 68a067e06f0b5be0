"""Backbones that mmseg and mmpretrain lack."""
from .resnet38d import ResNet38d
from .timm_backbone import TIMMBackbone

__all__ = ['ResNet38d', 'TIMMBackbone']
