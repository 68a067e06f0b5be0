"""Checks of output paths: inside their folder, nothing of the user's.

A name that comes out of a list, a JSON or a CSV is data. Three rules hold
for every file that is written: it lies under the folder that the user named
(:func:`.paths.place`); it is no input of the run; and it replaces nothing
but what was written here before (:func:`claim`). What was written is noted in
:data:`.paths.MARKER`, a hidden text file in the same folder, a name in a
line.
"""
import errno
import json
import os
import stat
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from .limits import check_regular
from .locks import LOCK
from .paths import MARKER, Name, place, same_file

__all__ = [
    'claim', 'claim_file', 'claim_folder', 'drop', 'refuse_data_folder',
    'refuse_foreign', 'written'
]

_HEAD = '# Files here that hsc_mm wrote. It replaces no others.\n'


def refuse_data_folder(root: Name, files: Iterable[Name | None],
                       option: str = '--out',
                       names: Iterable[Name] = ()) -> None:
    """Refuse a folder in which results would lie among inputs of the run.

    Args:
        root (str | Path): The folder of the outputs.
        files (iterable): Files that the run reads; None stands for none.
        option (str): What messages call the folder.
        names (iterable): What will be written, relative to ``root``; names
            keep the sub-folders of images.

    Raises:
        FileExistsError: It, or the sub-folder of a name, is the folder of
            one of the files.
        ValueError: A name is refused, see :func:`.paths.place`.
    """
    if not os.path.isdir(root):
        return
    below = {os.path.dirname(os.fspath(name)) for name in names} - {''}
    homes = {os.path.realpath(folder) for folder in (
        root, *(place(root, f'{one}/x').parent for one in below))}
    for folder in {os.path.dirname(os.fspath(f)) or '.' for f in files if f}:
        if os.path.realpath(folder) in homes:
            raise FileExistsError(
                f'{option} {root}: expected another folder than that of the '
                f'inputs (images, masks, maps), found some in {folder}, where '
                'results would be written. Nothing was written; choose a new '
                'folder.')


def refuse_foreign(root: Name,
                   name: Name,
                   inputs: Iterable[Name | None] = (),
                   option: str = '--out') -> Path:
    """Decide where a file may be written; see :func:`claim`."""
    path = place(root, name)
    if not os.path.lexists(path):
        return path
    if any(same_file(path, one) for one in inputs if one):
        raise FileExistsError(
            f'{option} {path}: expected another file, found an input of '
            'the run. Nothing was written; choose another name.')
    ours = os.fspath(name) in written(root)
    if path.is_dir() or path.is_symlink() or not ours:
        raise FileExistsError(
            f'{option} {path}: expected no such file, or one that was '
            f'written by this tool (they are listed in {MARKER} beside '
            'it, which a copy of the folder needs too). It was left '
            'unchanged; choose another name or folder.')
    return path


def claim(root: Name,
          name: Name,
          inputs: Iterable[Name | None] = (),
          option: str = '--out') -> Path:
    """Decide where a file is written, and note that it is ours.

    Args:
        root (str | Path): The folder of the outputs; made if missing.
        name (str | Path): See :func:`.paths.check_name`.
        inputs (iterable): Files that the run reads; None stands for none.
        option (str): What messages call the folder.

    Returns:
        Path: May be written.

    Raises:
        FileExistsError: It is an input, or a file that was not written here.
        ValueError: See :func:`.paths.place`.
        OSError: The folder cannot be made or written.
    """
    path = refuse_foreign(root, name, inputs, option)
    if not os.path.lexists(path):
        _note(Path(root), os.fspath(name))
    return path


def claim_file(path: Name,
               inputs: Iterable[Name | None] = (),
               option: str = '--out') -> Path:
    """Decide about one file that the user names; see :func:`claim`."""
    path = Path(path)
    if path.name in ('', '..', MARKER) or '\0' in str(path):
        raise ValueError(f'{option} {path}: expected the name of a file.')
    return claim(path.parent, path.name, inputs, option)


def claim_folder(root: Name, option: str = '--out') -> Path:
    """Take a folder for files whose names others choose.

    Raises:
        FileExistsError: It holds something, and was not taken before.
    """
    root = Path(root)
    if '*' in written(root):
        return root
    if root.exists() and (not root.is_dir() or {*os.listdir(root)} - {LOCK}):
        raise FileExistsError(
            f'{option} {root}: expected a new or empty folder, or one of an '
            'earlier run, found other files. Choose another folder.')
    _note(root, '*')
    return root


def drop(root: Name, name: Name) -> None:
    """Remove a file of an earlier run that is not written again.

    Beside the new files it would pass for one of them. A file that was not
    written here stays.
    """
    path = place(root, name)
    if os.path.isfile(path) and not os.path.islink(path) and \
            os.fspath(name) in written(root):
        path.unlink()


def written(root: Name) -> frozenset[str]:
    """Return the names in the marker of a folder, which were written here."""
    marker = os.path.join(root, MARKER)
    try:
        found = os.stat(marker)
        check_regular(marker)
        return _lines(marker, found.st_mtime_ns, found.st_size)
    except (OSError, ValueError):
        return frozenset()


@lru_cache(maxsize=8)
def _lines(marker: str, *_stamp: int) -> frozenset[str]:
    names = set()
    for line in Path(marker).read_text('utf-8', 'replace').splitlines():
        try:
            names.add(str(json.loads(line)))
        except ValueError:  # the head, or a line half written
            continue
    return frozenset(names)


def _note(root: Path, name: str) -> None:
    """Note a name, before its file is written; other processes do too."""
    root.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    for name_of in ('O_NOFOLLOW', 'O_NONBLOCK'):  # no link, no pipe
        flags |= getattr(os, name_of, 0)
    file = os.open(root / MARKER, flags, 0o666)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO),
                          str(root / MARKER))
        size = os.fstat(file).st_size
        # A line that a full disk cut off is ended first.
        head = _HEAD if not size else '' if (
            os.pread(file, 1, size - 1) == b'\n') else '\n'
        line = f'{head}{json.dumps(name)}\n'.encode()
        if os.write(file, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC),
                          str(root / MARKER))
    finally:
        os.close(file)
