"""Runner, and hooks of its training loop."""
from .cpu_ranks import CPUDataParallel
from .hooks import ExactResumeHook, StartupCheckHook
from .runner import CheckedRunner

__all__ = [
    'CPUDataParallel', 'CheckedRunner', 'ExactResumeHook', 'StartupCheckHook'
]
