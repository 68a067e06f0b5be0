"""Numbers of pixels, of any type, as bytes that a person sees."""
from collections.abc import Sequence
from pathlib import Path

import numpy as np

__all__ = ['fill_range', 'no_data', 'on_white', 'to_bytes']


def no_data(raw: np.ndarray, value: float | None) -> np.ndarray:
    """Say where a picture (H, W, N) has no data, (H, W) bool.

    That is where all bands have the value that the file names, or one is
    NaN if that is the value.
    """
    if value is None:
        return np.zeros(raw.shape[:2], bool)
    if np.isnan(value):
        return np.isnan(raw).any(axis=2)
    return (raw == value).all(axis=2)


def fill_range(raw: np.ndarray, bits: int | None) -> np.ndarray:
    """Spread numbers of a few bits over all values of their type.

    Args:
        raw (np.ndarray): Numbers; those of 8 or 16 bits without sign change.
        bits (int, optional): How many of them are in use; None: all.
    """
    if raw.dtype not in (np.uint8, np.uint16) or bits in (
            None, 8 * raw.itemsize):
        return raw
    full, most = 2**bits - 1, np.iinfo(raw.dtype).max
    return ((raw.astype(np.uint32) * most + full // 2) // full).astype(
        raw.dtype)


def to_bytes(path: str | Path, raw: np.ndarray,
             value_range: Sequence[float] | None) -> np.ndarray:
    """Scale values of any type to 0..255.

    See :func:`hsc_mm.utils.pixels.decode`.

    Raises:
        ValueError: Nothing says what is black and what is white.
    """
    if raw.dtype == np.uint8:
        return raw
    if value_range is None and raw.dtype == np.uint16:
        return ((raw.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if not np.isfinite(raw).all():
        raise ValueError(f'{path}: expected numbers, found inf or nan. Fill '
                         'these pixels, or name the value that stands for '
                         'no data in the file.')
    if value_range is None:
        low, high = raw.min(), raw.max()
        if raw.dtype.kind != 'f' or low < 0 or high > 1:
            raise ValueError(
                f'{path}: expected 8 or 16 bits without sign, or fractions '
                f'in [0, 1], found {raw.dtype} from {low} to {high}. Say '
                'which values are black and white: value_range=(LOW, HIGH) '
                'in hsc_mm.LoadImage.')
        value_range = (0, 1)
    low, high = value_range
    scaled = (raw.astype(np.float32) - low) * (255 / (high - low))
    return np.rint(scaled.clip(0, 255)).astype(np.uint8)


def on_white(path: str | Path, raw: np.ndarray,
              value_range: Sequence[float] | None = None) -> np.ndarray:
    """Scale (H, W[, 1, 3 or 4]) to bytes and put it on white, (H, W, 3)."""
    if raw.ndim == 2:
        raw = raw[..., None]
    image = to_bytes(path, raw[..., :3], value_range)
    if image.shape[2] == 1:
        image = np.repeat(image, 3, axis=2)
    if raw.shape[2] < 4:
        return np.ascontiguousarray(image)
    alpha = to_bytes(path, raw[..., 3:], None).astype(np.uint16)
    return ((image * alpha + 255 * (255 - alpha) + 127) // 255).astype(
        np.uint8)
