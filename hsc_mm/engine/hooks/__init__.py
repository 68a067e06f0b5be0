"""Hooks."""
from .exact_resume_hook import ExactResumeHook
from .momentum_prototype_hook import MomentumPrototypeHook
from .startup_check_hook import StartupCheckHook

__all__ = ['ExactResumeHook', 'MomentumPrototypeHook', 'StartupCheckHook']
