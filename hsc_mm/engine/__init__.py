"""Runner, and hooks of its training loop."""
from .hooks import ExactResumeHook, StartupCheckHook
from .runner import CheckedRunner

__all__ = ['CheckedRunner', 'ExactResumeHook', 'StartupCheckHook']
