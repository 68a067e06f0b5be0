"""Formats of seeds, and which of them a folder holds."""
from pathlib import Path

from .safe_npy import load_npy

__all__ = ['FORMATS', 'source_format']

#: Format -> suffix of its files.
FORMATS = dict(npy='.npy', irn='.npy', npz='.npz', png='.png')


def source_format(source: str | Path, ids: list[str]) -> str:
    """Find out in which format a folder holds the seeds of some images.

    Args:
        source (str | Path): The folder.
        ids (list[str]): Ids of the images.

    Returns:
        str: One of :data:`FORMATS`.

    Raises:
        FileNotFoundError: There is no such folder, or no seed in it.
        ValueError: It holds more than one kind of files.
    """
    source = Path(source)
    if not source.is_dir():
        raise FileNotFoundError(f'{source}: there is no such folder.')
    first = {}
    for suffix in sorted(set(FORMATS.values())):
        paths = (source / f'{one}{suffix}' for one in ids)
        first[suffix] = next((path for path in paths if path.is_file()), None)
    found = [suffix for suffix, path in first.items() if path]
    if not found:
        raise FileNotFoundError(
            f'{source}: expected files <img_id>.npy, .npz or .png of the '
            f'{len(ids)} images of the split, such as {ids[0]}.npy; found '
            'none.')
    if len(found) > 1:
        raise ValueError(f'{source}: found files {" and ".join(found)} of '
                         'the split. Name the right ones by --format.')
    if found != ['.npy']:
        return found[0][1:]
    for one in ids:
        try:
            content = load_npy(source / f'{one}.npy')
        except (OSError, ValueError):
            continue
        return 'irn' if isinstance(content, dict) and 'keys' in content \
            else 'npy'
    raise ValueError(f'{source}: expected .npy files of maps, found none '
                     'that can be read. Name the format to see why.')
