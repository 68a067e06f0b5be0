"""Names that look the same in other characters: an ä is one, or two."""
import os
import unicodedata
from collections.abc import Iterable

__all__ = ['RENAME', 'composed', 'look_alikes', 'missing_lines']

#: What to do about such names.
RENAME = ('macOS writes a letter and its accent as two characters. Rename the '
          'files or folders, for example with convmv, or write the list again')


def composed(name: str) -> str:
    """Return a name with a letter and its accent in one character (NFC)."""
    return unicodedata.normalize('NFC', name)


def look_alikes(missing: Iterable[str]) -> dict[str, str]:
    """Find files and folders of the same look in place of missing ones.

    Args:
        missing (iterable[str]): Paths that do not exist.

    Returns:
        dict[str, str]: Path -> one that exists; without those of which there
        is none.
    """
    content: dict[str, dict[str, str]] = {}
    found = {path: '' if path.isascii() else _find(path, content)
             for path in missing}
    return {path: one for path, one in found.items() if one}


def _find(path: str, content: dict[str, dict[str, str]]) -> str:
    """Look along a path; ``content`` keeps the folders that were read."""
    folder, name = os.path.split(path)
    if folder and name and not os.path.isdir(folder):
        folder = _find(folder, content)
        if not folder:
            return ''
    if folder not in content:
        there = name and os.path.isdir(folder or '.')
        content[folder] = {composed(one): one for one in (
            os.listdir(folder or '.') if there else ())}
    same = content[folder].get(composed(name), '')
    return same and os.path.join(folder, same)


def missing_lines(missing: Iterable[str]) -> list[str]:
    """Return a line for each path that does not exist, for an error."""
    missing = list(missing)
    alike = look_alikes(missing)
    return [f'{path}: missing' + (
        f' (a name that looks the same is there: {RENAME})'
        if path in alike else '') for path in missing]
