"""Hooks."""
from .exact_resume_hook import ExactResumeHook
from .startup_check_hook import StartupCheckHook

__all__ = ['ExactResumeHook', 'StartupCheckHook']
