"""Hashes of what files hold, each file read once a process."""
import os
from collections.abc import Iterable
from functools import cache

from .checkpoints import file_sum
from .pool import map_threads

__all__ = ['content_sum', 'content_sums']


def content_sum(path: str) -> str:
    """Return the SHA-256 of a file, which is not read again until it changes.

    Raises:
        OSError: It cannot be read.
    """
    stat = os.stat(path)
    return _read(path, stat.st_size, stat.st_mtime_ns)


def content_sums(paths: Iterable[str]) -> list[str]:
    """Return those of several files, in their order."""
    return map_threads(content_sum, paths)


@cache
def _read(path: str, *_: int) -> str:
    return file_sum(path)
