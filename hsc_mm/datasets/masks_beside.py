"""Masks that lie beside the pictures in folders of classes."""
import os
import re
from collections.abc import Iterable
from pathlib import Path

from hsc_mm.utils.headers import open_picture
from .mask_checks import some_of

__all__ = ['refuse_masks_beside']

_WORD = r'(?:masks?|gt|labels?|labelids|seg|segm|segmentation|groundtruth|' \
    r'ground[ _-]truth|annotation|anno)'
# What is left of the name of a mask is that of its picture.
_NAMES = (re.compile(rf'(.+?)[ _.-]+{_WORD}', re.IGNORECASE),
          re.compile(rf'{_WORD}[ _.-]+(.+)', re.IGNORECASE))
_COLOURS = 64  # more than the classes of most masks, fewer than a photograph


def refuse_masks_beside(root: str | Path, pictures: Iterable[Path]) -> None:
    """Refuse pictures of which some are the masks of others.

    A mask has the name of a picture in the same folder, with another suffix
    or a word such as ``_mask``, its size, and few colours. Of many such
    names some are opened.

    Args:
        root (str | Path): Folder of the pictures, for messages.
        pictures (iterable[Path]): All of them.

    Raises:
        ValueError: There is such a mask.
    """
    pairs = [*_pairs(pictures)]
    for mask, picture in some_of(pairs):
        if _is_mask_of(mask, picture):
            raise ValueError(
                f'{root}: expected pictures alone, found a mask, {mask}, '
                f'beside its picture, {picture.name} (masks by their names: '
                f'{len(pairs)}). Move the masks into another folder, in '
                'sub-folders and with names like those of the pictures '
                '(--masks, data_prefix.seg_map_path).')


def _pairs(pictures: Iterable[Path]) -> Iterable[tuple[Path, Path]]:
    """Yield what could be a mask by its name, and its picture."""
    known: dict[tuple[Path, str], list[Path]] = {}
    for path in pictures:
        known.setdefault((path.parent, path.stem), []).append(path)
    for (folder, stem), paths in known.items():
        first = min(paths, key=lambda path: path.suffix.lower() == '.png')
        yield from ((path, first) for path in paths if path is not first)
        names = (found[1] for found in (
            name.fullmatch(stem) for name in _NAMES) if found)
        other = next((known[folder, name] for name in names
                      if (folder, name) in known), None)
        if other:
            yield from ((path, other[0]) for path in paths)


def _is_mask_of(mask: Path, picture: Path) -> bool:
    """Say whether a file has the size of a picture, and few colours."""
    try:
        if not os.path.getsize(mask) or not mask.is_file():
            return False
        found, header = open_picture(mask, mask)
        with found:
            of_picture, other = open_picture(picture, picture)
            of_picture.close()
            return other.seen == header.seen and found.convert(
                'RGB').getcolors(_COLOURS) is not None
    except (OSError, ValueError, SyntaxError):
        return False
