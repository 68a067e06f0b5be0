"""Masks that lie beside the pictures in folders of classes."""
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from hsc_mm.utils.headers import open_picture
from .mask_checks import some_of

__all__ = ['masks_beside', 'refuse_masks_beside']

_WORD = r'(?:masks?|gt|labels?|labelids|seg|segm|segmentations?|' \
    r'groundtruth|ground[ _-]truth|annotations?|anno)'
# What is left of the name of a mask is that of its picture.
_NAMES = (re.compile(rf'(.+?)[ _.-]+{_WORD}', re.IGNORECASE),
          re.compile(rf'{_WORD}[ _.-]+(.+)', re.IGNORECASE))
_FOLDER = re.compile(_WORD, re.IGNORECASE)
_COLOURS = 64  # more than the classes of most masks, fewer than a photograph
# Smooth edges and JPEG make more of them, but a few cover a mask. The shares
# of these in a mask at least, and in its picture at most.
_COMMONEST, _OF_MASK, _OF_PICTURE = 8, 0.75, 0.5
_LOOKED_AT = 1000  # pixels of a side


def refuse_masks_beside(root: str | Path, pictures: Iterable[Path]) -> None:
    """Refuse pictures if some are the masks of others.

    A mask has the name of a picture in the same folder, with another suffix
    or a word such as ``_mask``, and its size; or it lies in a folder such as
    ``masks`` of a class folder. It has few colours where the picture has
    many; or its name has such a word, and a few colours cover most of it and
    not of the picture. Of many such names some are opened.

    Args:
        root (str | Path): Folder of the pictures, for messages.
        pictures (iterable[Path]): All of them.

    Raises:
        ValueError: There is such a mask.
    """
    pairs = [*_pairs(Path(root), pictures)]
    for mask, picture in some_of(pairs):
        if _is_mask_of(mask, picture):
            raise ValueError(
                f'{root}: expected pictures alone, found a mask, {mask}, '
                f'beside its picture, {picture.name} (files with names of '
                f'masks: {len(pairs)}). Move the masks into a folder of their '
                'own, with the sub-folders and names of the pictures '
                '(--masks, data_prefix.seg_map_path). A picture of few '
                'colours, or mostly of a few, that is no mask, such as a '
                'drawing, needs another name.')


def masks_beside(pictures: Iterable[Path]) -> set[Path]:
    """Return those of some pictures that are the masks of others.

    See :func:`refuse_masks_beside`; all such names are opened.
    """
    return {mask for mask, picture in _pairs(None, pictures)
            if _is_mask_of(mask, picture)}


def _pairs(root: Path | None, pictures: Iterable[Path]
           ) -> Iterator[tuple[Path, Path]]:
    """Yield what could be a mask by its name, and its picture."""
    known: dict[tuple[Path, str], list[Path]] = {}
    for path in pictures:
        known.setdefault((path.parent, path.stem), []).append(path)
    masks = {folder for folder in {folder for folder, _ in known}
             if _FOLDER.fullmatch(folder.name) and folder.parent != root}
    near = {(place, stem): paths[0] for (folder, stem), paths in known.items()
            if folder not in masks
            for place in (folder, folder.parent)} if masks else {}
    for (folder, stem), paths in known.items():
        first = min(paths, key=lambda path: path.suffix.lower() == '.png')
        yield from ((path, first) for path in paths if path is not first)
        names = [found[1] for found in (
            name.fullmatch(stem) for name in _NAMES) if found]
        other = next((known[folder, name][0] for name in names
                      if (folder, name) in known), None)
        if folder in masks:
            other = other or next(filter(None, (
                near.get((folder.parent, name))
                for name in (stem, *names))), None)
        if other:
            yield from ((path, other) for path in paths)


def _is_mask_of(mask: Path, picture: Path) -> bool:
    """Say whether few colours cover a file, and in one folder its size is one.

    Where they cover the picture as well, both may be drawings.
    """
    try:
        if not os.path.getsize(mask) or not mask.is_file():
            return False
        found, header = open_picture(mask, mask)
        with found:
            other, of_picture = open_picture(picture, picture)
            with other:
                named = mask.stem != picture.stem
                return (of_picture.seen == header.seen
                        or mask.parent != picture.parent) and (
                    (_has_few(found) and not _has_few(other))
                    or (named and _share(found) >= _OF_MASK
                        and _share(other) < _OF_PICTURE))
    except (OSError, ValueError, SyntaxError):
        return False


def _has_few(picture: Image.Image) -> bool:
    """Say whether a picture, of up to 32 bits a channel, has few colours."""
    wide = picture.mode[0] in 'IF'  # would be cut at 255
    return (len(np.unique(np.asarray(picture))) <= _COLOURS if wide else
            picture.convert('RGB').getcolors(_COLOURS) is not None)


def _share(picture: Image.Image) -> float:
    """Return the share of the pixels that the commonest colours cover.

    None is counted of numbers of more than 8 bits: 0.
    """
    if picture.mode[0] in 'IF':
        return 0.
    step = max(1, *(-(-side // _LOOKED_AT) for side in picture.size))
    pixels = np.asarray(picture.convert('RGB'))[::step, ::step]
    colours = pixels.astype(np.int64) @ (1 << 16, 1 << 8, 1)
    count = np.sort(np.unique(colours, return_counts=True)[1])
    return count[-_COMMONEST:].sum() / colours.size
