"""Backbones that mmseg and mmpretrain do not have."""
from .resnet38d import ResNet38d

__all__ = ['ResNet38d']
