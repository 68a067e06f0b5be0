"""Hooks."""
from .cam_visualization_hook import CAMVisualizationHook
from .exact_resume_hook import ExactResumeHook
from .finite_loss_hook import FiniteLossHook
from .keep_memory_hook import KeepMemoryHook
from .leak_guard_hook import LeakGuardHook
from .momentum_prototype_hook import MomentumPrototypeHook
from .prediction_visualization_hook import PredictionVisualizationHook
from .safe_checkpoint_hook import SafeCheckpointHook
from .startup_check_hook import NoticeHook, StartupCheckHook
from .training_health_hook import TrainingHealthHook

__all__ = [
    'CAMVisualizationHook', 'ExactResumeHook', 'FiniteLossHook',
    'KeepMemoryHook', 'LeakGuardHook', 'MomentumPrototypeHook', 'NoticeHook',
    'PredictionVisualizationHook', 'SafeCheckpointHook', 'StartupCheckHook',
    'TrainingHealthHook'
]
