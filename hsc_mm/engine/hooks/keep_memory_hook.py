"""Memory of runs on a CPU."""
from mmengine.hooks import Hook

from hsc_mm.registry import HOOKS
from hsc_mm.utils.memory import keep_freed_memory

__all__ = ['KeepMemoryHook']


@HOOKS.register_module()
class KeepMemoryHook(Hook):
    """Keep freed memory for the next step where a model runs on a CPU.

    See :func:`hsc_mm.utils.memory.keep_freed_memory`. On a GPU nothing is
    done: torch keeps its memory there by itself.

    Args:
        keep (bool): False does nothing, on a CPU either.
    """

    priority = 'VERY_HIGH'

    def __init__(self, keep: bool = True) -> None:
        self.keep = keep

    def before_run(self, runner) -> None:
        """Look where the model is."""
        if self.keep and all(
                p.device.type == 'cpu' for p in runner.model.parameters()):
            keep_freed_memory()
