"""Names that look like others: an ä is one character or two, a.PNG a.png."""
import os
import unicodedata
from collections.abc import Callable, Iterable, Sequence

__all__ = [
    'IMAGE_SUFFIXES', 'RENAME', 'NearNames', 'composed', 'look_alikes',
    'missing_example', 'missing_lines'
]

#: Of images that are read.
IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')
#: What to do about such names.
RENAME = ('macOS writes a letter and its accent as two characters. Rename the '
          'files or folders, for example with convmv, or write the list again')


def composed(name: str) -> str:
    """Return a name with a letter and its accent in one character (NFC)."""
    return unicodedata.normalize('NFC', name)


def _caseless(name: str) -> str:
    return composed(name).casefold()


def _stem(name: str) -> str:
    return os.path.splitext(_caseless(name))[0]


class NearNames:
    """Finds files of nearly the name that is wanted; reads a folder once."""

    def __init__(self) -> None:
        self._content: dict[tuple[str, Callable], dict[str, str]] = {}

    def same(self, path: str) -> str:
        """Return what looks the same as a path that is not there, or nothing.

        Its letters have their accents in other characters.
        """
        return '' if path.isascii() else self._find(path, composed)

    def near(self, path: str) -> str:
        """Return a file whose name differs in case or suffix, or nothing.

        Folders above it may differ in case.
        """
        return self._find(path, _caseless, _stem)

    def doubt(self, path: str) -> str:
        """Return a question that names what is :meth:`near`, or nothing."""
        near = self.near(path)
        return near and (f'is {near} meant? Its name differs in case or '
                         'suffix')

    def _find(self, path: str, *keys: Callable[[str], str]) -> str:
        folder, name = os.path.split(path)
        if folder and name and not os.path.isdir(folder):
            folder = self._find(folder, keys[0])
            if not folder:
                return ''
        for key in keys if name else ():
            found = self._names(folder, key).get(key(name), '')
            whole = found and os.path.join(folder, found)
            if whole and not (key is _stem and os.path.isdir(whole)):
                return whole
        return ''

    def _names(self, folder: str, key: Callable[[str], str]) -> dict[str, str]:
        """Return what a folder holds, key -> name."""
        if (folder, key) not in self._content:
            try:
                names = sorted(os.listdir(folder or '.'), reverse=True)
            except OSError:  # there is none, or it may not be listed
                names = []
            self._content[folder, key] = {key(name): name for name in names}
        return self._content[folder, key]


def look_alikes(missing: Iterable[str]) -> dict[str, str]:
    """Find files and folders of the same look in place of missing ones.

    Args:
        missing (iterable[str]): Paths that do not exist.

    Returns:
        dict[str, str]: Path -> one that exists; without those of which there
        is none.
    """
    names = NearNames()
    found = {path: names.same(path) for path in missing}
    return {path: one for path, one in found.items() if one}


def _hints(missing: Sequence[str]) -> dict[str, str]:
    """Return path -> what is there instead, in brackets, or nothing."""
    names = NearNames()
    found = {}
    for path in missing:
        listed = os.path.splitext(path)[0]  # a suffix that is none of ours
        suffix = os.path.splitext(listed)[1].lower()
        if suffix not in ('', *IMAGE_SUFFIXES) and os.path.isfile(listed):
            text = (f'{listed} is there, a format that is not read; convert '
                    'it to PNG or JPEG, and correct the list')
        elif names.same(path):
            text = f'a name that looks the same is there: {RENAME}'
        else:
            text = names.doubt(path)
        found[path] = text and f' ({text})'
    return found


def missing_lines(missing: Iterable[str]) -> list[str]:
    """Return a line for each path that does not exist, for an error."""
    missing = list(missing)
    hints = _hints(missing)
    return [f'{path}: missing{hints[path]}' for path in missing]


def missing_example(missing: Sequence[str]) -> str:
    """Return one of the paths that do not exist, for an error.

    It is the first of which something of nearly that name is there, with
    that name, else the first of all.
    """
    hints = _hints(missing)
    path = next((path for path in missing if hints[path]), missing[0])
    return path + hints[path]
