"""What becomes of memory that is freed."""
import ctypes
import platform

__all__ = ['keep_freed_memory']

# Of malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
# What glibc starts with.
TRIM_THRESHOLD, MMAP_MAX = 128 * 1024, 65536


def keep_freed_memory(keep: bool = True) -> bool:
    """Let the C library reuse freed memory instead of handing it back.

    By itself glibc takes every large block from the kernel anew and hands it
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
