"""Maps of an image as a file holds them, and as its image needs them."""
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

__all__ = ['ForeignMaps', 'fit_to_image', 'stack_maps', 'unit_range']

_STRIDES = (2, 4, 8, 16, 32)


class ForeignMaps(NamedTuple):
    """What a reader finds in a file.

    Attributes:
        indices (np.ndarray): Index of each map as the file counts, (k,) int.
        maps (np.ndarray): (k, h, w) float32.
        has_background (bool): Whether the file itself says that it counts
            the background as 0; then no offset is added.
    """
    indices: np.ndarray
    maps: np.ndarray
    has_background: bool = False


def stack_maps(maps) -> np.ndarray:
    """Bring maps to one array.

    Args:
        maps (sequence | np.ndarray): k maps (h, w), or an array (k, h, w),
            (1, k, h, w) or (k, 1, h, w).

    Returns:
        np.ndarray: (k, h, w) float32.

    Raises:
        ValueError: They are no such maps, or of unequal size.
    """
    try:
        parts = [np.asarray(one) for one in maps]
    except TypeError as error:
        raise ValueError(f'expected maps (k, h, w), but {error}') from error
    if len({part.shape for part in parts}) > 1:
        raise ValueError('expected maps of one size, found '
                         f'{sorted({part.shape for part in parts})}')
    whole = np.stack(parts) if parts else np.zeros((0, 0, 0))
    if whole.ndim == 4 and 1 in whole.shape[:2]:
        whole = whole.reshape(-1, *whole.shape[2:])
    if whole.ndim != 3 or whole.dtype.kind not in 'fiub':
        raise ValueError('expected maps of numbers, (k, h, w), found an array '
                         f'of shape {whole.shape} and type {whole.dtype}')
    return whole.astype(np.float32)


def fit_to_image(maps: np.ndarray, size: tuple[int, int],
                 strided: bool) -> np.ndarray:
    r"""Bring maps to the size of the image, if they are of it.

    Maps at stride s have :math:`\lceil H / s \rceil` rows. They are enlarged
    by s, bilinearly with ``align_corners=False``, and what reaches over the
    edge is cut off: as IRN does with its own.

    Args:
        maps (np.ndarray): (k, h, w) float32.
        size (tuple[int, int]): H and W of the image.
        strided (bool): Whether maps of stride 2, 4, 8, 16 or 32 are
            expected; otherwise only those of the image's size are.

    Returns:
        np.ndarray: (k, H, W) float32.

    Raises:
        ValueError: The maps are of another size.
    """
    if not len(maps):
        return np.zeros((0, *size), np.float32)
    found = maps.shape[1:]
    if found == tuple(size):
        return maps
    for stride in _STRIDES if strided else ():
        if found == tuple(-(-length // stride) for length in size):
            large = F.interpolate(
                torch.from_numpy(maps)[None],
                scale_factor=stride,
                mode='bilinear',
                align_corners=False)[0]
            return large[:, :size[0], :size[1]].numpy()
    raise ValueError(
        f'expected maps of the size of the image, {size[0]} x {size[1]}'
        f'{", or at a stride of it" if strided else ""}, found {found[0]} x '
        f'{found[1]}')


def unit_range(maps: np.ndarray, normalize: bool) -> np.ndarray:
    """Bring maps to [0, 1], if they are not there.

    Args:
        maps (np.ndarray): (k, H, W).
        normalize (bool): Whether each map is cut off below 0 and divided by
            its maximum; otherwise maps must be in [0, 1], and stay.

    Returns:
        np.ndarray: (k, H, W) in [0, 1].

    Raises:
        ValueError: There are values that are not finite, or, without
            ``normalize``, values outside [0, 1].
    """
    if not np.isfinite(maps).all():
        raise ValueError('expected finite values, found NaN or infinity')
    if normalize:
        maps = maps.clip(min=0)
        peak = maps.max(axis=(1, 2), keepdims=True, initial=0)
        return maps / (peak + 1e-5)
    low, high = maps.min(initial=0), maps.max(initial=0)
    if low < -1e-3 or high > 1 + 1e-3:
        raise ValueError(
            f'expected values in [0, 1], found {low:.4g} to {high:.4g}. Add '
            '--normalize to divide each map by its maximum')
    return maps.clip(0, 1)
