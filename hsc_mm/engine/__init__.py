"""Hooks of the training loop."""
from .hooks import ExactResumeHook, StartupCheckHook

__all__ = ['ExactResumeHook', 'StartupCheckHook']
