"""Hashes of what files hold, each file read once a process."""
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from .checkpoints import file_sum
from .io import digest
from .pool import map_threads

__all__ = ['content_sum', 'content_sums', 'fingerprint']


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


def fingerprint(paths: Iterable[str | Path]) -> str:
    """Return a hash of what files hold, and of their names.

    Names are relative to the folder that they share, and times do not count:
    files that were copied or moved are the same files.

    Raises:
        OSError: A file cannot be read.
    """
    files = {os.path.abspath(path): os.fspath(path) for path in paths}
    names = sorted(files)
    shared = os.path.commonpath(names) if names else ''
    return digest([[os.path.relpath(name, shared) for name in names],
                   content_sums(files[name] for name in names)])


@cache
def _read(path: str, *_: int) -> str:
    return file_sum(path)
