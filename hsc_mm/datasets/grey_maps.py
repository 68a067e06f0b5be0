"""Grey values of auxiliary maps, checked and of 8 bits."""
from pathlib import Path

import numpy as np

from hsc_mm.utils import read_map
from hsc_mm.utils.headers import open_picture

__all__ = ['colour_problem', 'is_black', 'to_grey']

_GREY_MODES = ('1', 'L', 'LA', 'I', 'I;16', 'I;16B', 'I;16L')


def to_grey(path: str | Path, image: np.ndarray, kind: str) -> np.ndarray:
    """Return a decoded map as one channel of 8 bits, (H, W) uint8.

    It is (H, W) or (H, W, 3 or 4), uint8 or uint16, as OpenCV decodes it; of
    16 bits the upper 8 are taken, a fourth channel (opacity) is left aside.

    Raises:
        ValueError: Three channels differ (these are colours), or values are
            no integers of 8 or 16 bits.
    """
    if image.ndim == 3:
        if not np.array_equal(image[..., 0], image[..., 1]) or \
                not np.array_equal(image[..., 0], image[..., 2]):
            raise ValueError(
                f'{path}: expected a grey {kind}, found colours. Name '
                'the folder of the maps, not of the images or overlays.')
        image = image[..., 0]
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if image.dtype != np.uint8:
        raise ValueError(f'{path}: expected a {kind} of 8 or 16 bits per '
                         f'pixel, found {image.dtype}. Export it as PNG.')
    return image


def colour_problem(path: str | Path, kind: str) -> str | None:
    """Say whether a map has colours; a grey one costs only its header."""
    try:
        with open_picture(path, path, checked=False)[0] as picture:
            if picture.mode in _GREY_MODES:
                return None
        to_grey(path, read_map(path), kind)
    except (OSError, ValueError) as error:
        return str(error)
    return None


def is_black(path: str | Path) -> bool:
    """Say whether a map holds nothing but 0 and 1 of 255.

    Raises:
        ValueError: See :func:`to_grey`.
    """
    return int(to_grey(path, read_map(path), 'map').max(initial=0)) < 2
