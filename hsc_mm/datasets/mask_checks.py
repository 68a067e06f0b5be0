"""Checks of masks that hold other values than class indices."""
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from hsc_mm.utils import read_index_png
from hsc_mm.utils.headers import open_picture
from hsc_mm.utils.images import refuse_few_bits
from hsc_mm.utils.progress import progress

__all__ = [
    'MASK_ADVICE', 'check_indices', 'check_masks', 'index_problems',
    'mask_problems', 'mode_problems', 'some_of'
]

T = TypeVar('T')
# A palette or grey PNG of one byte per pixel or less holds indices.
INDEX_MODES = ('P', 'L', '1')
MASK_ADVICE = (
    'Masks are palette or grey PNGs of class indices. For MS-COCO, '
    '"python -m hsc_mm prepare_coco --root ROOT" makes them from the '
    'annotations; other masks: map colours or ids to indices and export '
    'them again.')

def mode_problems(path: str) -> list[str]:
    """Say whether a mask holds colours; only its header is read.

    Returns:
        list[str]: One line when it holds RGB, RGBA or anything else that is
        no index, or grey of 2 or 4 bits, or cannot be opened; else empty.
    """
    try:
        with open_picture(path, path, checked=False)[0] as picture:
            mode = picture.mode
        with open(path, 'rb') as file:
            refuse_few_bits(path, file.read(26))
    except OSError as error:
        return [f'{path}: expected a mask, but {error}']
    except ValueError as error:
        return [str(error)]
    if mode in INDEX_MODES:
        return []
    kind = 'colours' if mode.startswith('RGB') else 'pixels'
    return [
        f'{path}: expected a PNG with one class index per pixel (mode P or '
        f'L), found {kind} of mode {mode}'
    ]


def index_problems(path: str,
                   all_classes: int,
                   ignore_index: int = 255) -> list[str]:
    """Return a line if indices of a mask are no class, or the file is broken.

    The whole file is read. VOC has 21 classes with the background, COCO 81.
    """
    try:
        found = np.unique(read_index_png(path))
    except (OSError, ValueError) as error:
        return [str(error)]
    return _wrong_indices(found, path, all_classes, ignore_index)


def check_indices(mask: np.ndarray, path: str | None, all_classes: int,
                  ignore_index: int = 255) -> None:
    """Raise ValueError if a mask that was read holds what is no class.

    Args:
        mask (np.ndarray): Indices of classes, (H, W).
        path (str, optional): Its file, for the message.
        all_classes (int): C, the background included.
        ignore_index (int): Index of pixels that do not count.
    """
    if mask.size and mask.max() >= all_classes:
        lines = _wrong_indices(np.unique(mask), path or 'a mask',
                               all_classes, ignore_index)
        if lines:
            raise ValueError(f'{lines[0]}. Do masks and classes belong '
                             'together?')


def _wrong_indices(found: np.ndarray, path: str, all_classes: int,
                   ignore_index: int) -> list[str]:
    wrong = [int(i) for i in found if i >= all_classes and i != ignore_index]
    if not wrong:
        return []
    line = (f'{path}: expected indices 0..{all_classes - 1} and '
            f'{ignore_index}, found {wrong}')
    if all_classes == 81 and max(wrong) <= 91:
        line += ' (category ids of COCO, 1..90, in place of indices 1..80?)'
    return [line]


def mask_problems(path: str,
                  all_classes: int,
                  ignore_index: int = 255) -> list[str]:
    """Return a line for each problem of a mask, in its mode or content."""
    return mode_problems(path) or index_problems(path, all_classes,
                                                 ignore_index)


def check_masks(paths: Sequence[str],
                all_classes: int,
                ignore_index: int = 255,
                most: int = 32) -> list[str]:
    """Check the masks of a data set quickly; return a line for each problem.

    The mode of all is read, and the content of some, evenly spaced: masks
    of other indices or of ids show that in nearly every file.
    """
    read = progress(paths, len(paths), 'checking masks', 'masks', delay=2)
    problems = [line for path in read for line in mode_problems(path)]
    if problems:
        return problems
    chosen = some_of(paths, most)
    return [
        line for path in chosen
        for line in index_problems(path, all_classes, ignore_index)
    ]


def some_of(items: Sequence[T], most: int = 32) -> list[T]:
    """Return items of a sequence, evenly spaced, at most so many."""
    count = min(len(items), most)
    places = np.linspace(0, len(items) - 1, count).round().astype(int)
    return [items[place] for place in places]
