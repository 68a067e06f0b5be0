"""Names and paths of outputs, which lie inside their folder."""
import os
import posixpath
import re
from pathlib import Path

from .locks import LOCK

__all__ = ['MARKER', 'Name', 'check_name', 'inside', 'place', 'same_file']

MARKER = '.hsc_mm_outputs'
_DRIVE = re.compile(r'[A-Za-z]:[\\/]')
Name = str | os.PathLike


def check_name(name: Name) -> str:
    """Return a relative path as it is, unless it could lead out of its folder.

    Raises:
        ValueError: It is empty, absolute, has a drive or a NUL, or climbs
            (``..``).
    """
    text, why = os.fspath(name), ''
    parts = re.split(r'[\\/]', text)
    if '\0' in text:
        why = 'it holds a NUL character'
    elif os.path.isabs(text) or parts[0] == '' or _DRIVE.match(text) or \
            os.path.splitdrive(text)[0]:
        why = 'it is absolute'
    elif '..' in parts:
        why = 'it leaves its folder (..)'
    elif parts[-1] in ('.', '', MARKER, LOCK):
        why = 'it names no file'
    if why:
        raise ValueError(f'name {text!r}: expected a path relative to its '
                         f'folder, but {why}. Correct it in the list that '
                         'names it.')
    return text


def inside(name: Name, folder: Name) -> str | None:
    """Return a path, absolute or not, relative to a folder it lies under.

    ``./a`` and ``b/./a`` become ``a`` and ``b/a``: a file has one name.
    None if it leads out of it.
    """
    text = os.fspath(name)
    try:
        return posixpath.normpath(check_name(text))
    except ValueError:
        if not text.strip() or '\0' in text or (
                _DRIVE.match(text) and not os.path.isabs(text)):
            return None  # a drive of Windows is no folder of this machine
    for real in (os.path.abspath, os.path.realpath):
        root = real(folder)
        found = os.path.relpath(real(os.path.join(root, text)), root)
        if found.split(os.sep)[0] != '..':
            return Path(found).as_posix()
    return None


def place(root: Name, name: Name) -> Path:
    """Return the path of a file under a folder, or refuse it.

    Raises:
        ValueError: The name is refused, or a symbolic link leads out of the
            folder.
    """
    path = Path(root) / check_name(name)
    home, real = os.path.realpath(root), os.path.realpath(path.parent)
    if os.path.commonpath([home, real]) != home:
        raise ValueError(f'{path}: expected a file under {root}, but a '
                         f'symbolic link leads to {real}. Remove the link or '
                         'choose another folder.')
    return path


def same_file(one: Name, other: Name) -> bool:
    """Say whether two paths are one file, through links of either kind."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
