"""Damage inside of the files of the data, which training passes over."""
import os
from collections.abc import Callable, Iterator
from functools import partial
from math import prod

import cv2
import numpy as np

from hsc_mm.datasets.checks import check_files, item_maps
from hsc_mm.datasets.transforms.load_image import image_reader
from hsc_mm.utils.damage import damaged, is_heard
from hsc_mm.utils.headers import read_header
from hsc_mm.utils.limits import most_pixels
from hsc_mm.utils.pool import map_threads
from .case import Case, Split
from .finding import Finding, error, warning

__all__ = ['damage']


def damage(case: Case, known: Case | None = None) -> Iterator[Finding]:
    """List JPEGs that are decoded with gaps, and files that are not at all.

    Other checks read all of masks and maps, so that only JPEGs of these are
    decoded. What the check of the files says is not said again. A file of
    several splits is decoded once.

    Args:
        case (Case): What is examined.
        known (Case, optional): Of another stage, whose files were decoded.
    """
    done = {path for split in known.splits for path in _paths(split)
            } if known else set()
    files = {split.name: [path for path in _paths(split) if path not in done]
             for split in case.splits}
    there = [*filter(os.path.isfile, dict.fromkeys(
        path for paths in files.values() for path in paths))]
    unheard = {path for path in there if not is_heard(path)}
    heard = [path for path in there if path not in unheard]
    said = {path: line for path, line in damaged(heard).items()
            if not check_files(path, {})}
    refused: dict[str, str] = {}
    for split in case.splits:
        new = [path for path in files[split.name]
               if path in unheard and path not in refused]
        refused.update(zip(new, map_threads(
            partial(_refused, read=image_reader(split.pipeline)), new),
            strict=True))
    for name, paths in files.items():
        found = [path for path in paths if path in said]
        unread = [refused[path] for path in paths if refused.get(path)]
        if unread:
            yield error(
                f'{name}: {len(unread)} files cannot be read: they are '
                'damaged, or of a kind that needs an option of the loader',
                'Each line says what to do. Replace damaged files, or remove '
                'their images from the list.', unread)
        gaps = [f'{path}: {said[path]}' for path in found
                if said[path].startswith('Corrupt JPEG')]
        other = [f'{path}: {said[path]}' for path in found
                 if not said[path].startswith('Corrupt JPEG')]
        if other:
            yield error(
                f'{name}: {len(other)} files are damaged and cannot be '
                'decoded', 'Replace these files or remove their images from '
                'the list.', other)
        if gaps:
            yield warning(
                f'{name}: libjpeg reports damage in {len(gaps)} JPEGs; a part '
                'of each may be grey or of other colours',
                'Look at them: where only "extraneous bytes" are reported, a '
                'picture can be whole. Fetch the others again, or remove them '
                'from the list.', gaps)


def _refused(path: str, read: Callable[[str], np.ndarray]) -> str:
    """Return what the reader of a pipeline says of a file; '' if it reads it.

    Pictures above the limit are computed in windows, and are not looked at.
    """
    try:
        if not check_files(path, {}) and prod(
                read_header(path, checked=False).seen) <= most_pixels():
            read(path)
    except (OSError, ValueError, cv2.error) as problem:
        return str(problem)
    return ''


def _paths(split: Split) -> list[str]:
    """List the pictures of a split, and those of its maps that are JPEGs."""
    if split.foreign:
        return []
    return list(dict.fromkeys([
        *(info['img_path'] for info in split.infos),
        *(path for info in split.infos for path in item_maps(info).values()
          if path.lower().endswith(('.jpg', '.jpeg')))]))
