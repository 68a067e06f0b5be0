"""Files of an export that is a folder or a zip archive."""
import zipfile
from collections.abc import Callable
from pathlib import Path

from hsc_mm.utils.limits import check_regular
from hsc_mm.utils.paths import check_name

__all__ = ['BROKEN', 'open_files']

#: What reading a damaged archive, or a damaged picture of one, may raise.
BROKEN = (OSError, KeyError, EOFError, SyntaxError, zipfile.BadZipFile,
          zipfile.zlib.error)


def _true_name(entry: zipfile.ZipInfo) -> str:
    """Return the name of a file; macOS writes UTF-8 and does not say so."""
    if entry.flag_bits & 0x800 or entry.filename.isascii():
        return entry.filename
    try:
        return entry.filename.encode('cp437').decode('utf-8')
    except UnicodeError:
        return entry.filename


def open_files(path: Path) -> tuple[set[str], Callable[[str, int], bytes]]:
    """List a folder or an archive; return what reads a file of it.

    Args:
        path (Path): It.

    Returns:
        tuple[set[str], callable]: Names, with "/" between folders; and a
        function of a name and of the most bytes that a file may have.

    Raises:
        ValueError: It is no archive, a name leads out of it, or a name comes
            twice. The function raises it for files of an archive that are
            too large or damaged.
    """
    if path.is_dir():
        names = {one.relative_to(path).as_posix()
                 for one in path.rglob('*') if one.is_file()}
        return names, lambda name, most: (path / name).read_bytes()
    check_regular(path)
    try:
        archive = zipfile.ZipFile(path)
    except BROKEN as error:
        raise ValueError(f'{path}: expected a zip archive, but {error}. '
                         'Export it again.') from error

    def read(name: str, most: int) -> bytes:
        size = entries[name].file_size
        if size > most:
            raise ValueError(f'{path}: {name}: expected at most {most} bytes, '
                             f'found {size}. Export it again.')
        try:
            return archive.read(entries[name])
        except (*BROKEN, NotImplementedError, RuntimeError) as error:
            raise ValueError(f'{path}: {name}: expected a file that can be '
                             f'unpacked, but {error}. Export it again.'
                             ) from error

    names = [*map(_true_name, archive.infolist())]
    entries = dict(zip(names, archive.infolist(), strict=True))
    names = [name for name in names if name[-1:] != '/']
    for name in names:
        check_name(name)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'{path}: expected each file once, found {twice} '
                         'twice. Export it again.')
    return set(names), read
