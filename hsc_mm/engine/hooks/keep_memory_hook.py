"""Hook that keeps freed memory of runs on a CPU for the next step."""
import ctypes
import platform

from mmengine.hooks import Hook

from hsc_mm.registry import HOOKS

__all__ = ['keep_freed_memory', 'KeepMemoryHook']

# Of malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
# What glibc starts with.
TRIM_THRESHOLD, MMAP_MAX = 128 * 1024, 65536


def keep_freed_memory(keep: bool = True) -> bool:
    """Let the C library reuse freed memory instead of handing it back.

    By itself glibc takes every large block from the kernel again and hands it
    back when it is freed, and the kernel clears it page by page each time.
    Training on a CPU takes and frees gigabytes in each step: kept, they are
    worth about a tenth of its time (``benchmarks/train_step.py``). The process
    then holds on to the most that it ever needed, until it ends.

    Args:
        keep (bool): False restores what glibc starts with.

    Returns:
        bool: Whether the C library took it; others than glibc are left as
        they are.
    """
    if platform.libc_ver()[0] != 'glibc':
        return False
    mallopt = ctypes.CDLL(None).mallopt
    # -1 becomes the largest size there is: never.
    done = [mallopt(M_TRIM_THRESHOLD, -1 if keep else TRIM_THRESHOLD),
            mallopt(M_MMAP_MAX, 0 if keep else MMAP_MAX)]
    return all(done)


@HOOKS.register_module()
class KeepMemoryHook(Hook):
    """Keep freed memory for the next step where a model runs on a CPU.

    See :func:`keep_freed_memory`. On a GPU nothing is
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
