"""Hooks."""
from .cam_visualization_hook import CAMVisualizationHook
from .exact_resume_hook import ExactResumeHook
from .momentum_prototype_hook import MomentumPrototypeHook
from .startup_check_hook import StartupCheckHook

__all__ = [
    'CAMVisualizationHook', 'ExactResumeHook', 'MomentumPrototypeHook',
    'StartupCheckHook'
]
