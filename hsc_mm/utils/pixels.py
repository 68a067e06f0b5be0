"""Pixels of pictures in any format, as a person sees them.

In one file, though long: every format takes the same way to bytes.
"""
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from .headers import Header, import_rasterio, is_tiff, open_picture
from .limits import check_pixels
from .rasters import Raster
from .values import fill_range, no_data, on_white
from .wholeness import check_whole

__all__ = [
    'as_colours', 'as_rgb', 'as_stored', 'by_opencv', 'check_reading',
    'decode', 'turn'
]

_PLAIN = ('1', 'L', 'P', 'RGB')
_CLEAR = ('LA', 'PA', 'La', 'RGBA', 'RGBa')
_GREY = ('I;16', 'I;16B', 'F')
_BITS, _PHOTOMETRIC, _SAMPLES, _EXTRA, _NO_DATA = 258, 262, 277, 338, 42113
_FORMAT, _SIGNED = 339, 2
_WHITE_IS_ZERO, _BLACK_IS_ZERO = 0, 1
_STORED = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
# What EXIF's orientations do to an array.
_TURNS = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: image.swapaxes(0, 1)[:, ::-1],
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: image.swapaxes(0, 1)[::-1],
}


def check_reading(bands: Sequence[int] | None,
                  value_range: Sequence[float] | None) -> None:
    """Refuse options of :func:`decode` that mean nothing.

    Raises:
        ValueError: Bands are no numbers from 1, or the range is empty.
    """
    if bands is not None and (
            not isinstance(bands, list | tuple) or not bands or not all(
                isinstance(b, int) and b > 0 for b in bands)):
        raise ValueError('bands: expected numbers from 1, such as (3, 2, 1), '
                         f'found {bands!r}.')
    if value_range is not None and not (
            isinstance(value_range, list | tuple)
            and len(value_range) == 2 and value_range[0] < value_range[1]):
        raise ValueError('value_range: expected (lowest, highest), such as '
                         f'(0, 4095), found {value_range!r}.')


def decode(path: str | Path,
           data: bytes,
           bands: Sequence[int] | None = None,
           value_range: Sequence[float] | None = None) -> np.ndarray:
    """Decode a picture whole, or say what is wrong with it.

    Grey, palette and CMYK become colours, transparency becomes white, and
    EXIF's rotation is done. All bits are scaled, not cut off: 16 by 257, 12
    by their share of 4095, fractions in [0, 1] by 255, others by
    ``value_range``. Colour
    profiles are not applied; of several pages or frames the first counts.

    Args:
        path (str | Path): The file, for messages.
        data (bytes): Its content.
        bands (sequence[int], optional): Bands of a TIFF, from 1; three of
            them are red, green and blue. Needs rasterio.
        value_range (sequence[float], optional): Values that become 0 and
            255, in pictures of more than 8 bits; those beyond are cut off.

    Returns:
        np.ndarray: (H, W, 3) uint8 BGR; (H, W, N) of N bands that are not
        three, in their order.

    Raises:
        ValueError: It is not an image, truncated, too large, or has bands or
            values of which nothing says how they are seen.
    """
    check_whole(path, BytesIO(data))
    try:
        picture, header = open_picture(path, BytesIO(data))
    except OSError:
        picture, header = None, Header((0, 0))
    tiff = is_tiff(data)
    if bands is not None or (tiff and _needs_rasterio(picture)):
        found = _by_rasterio(path, data, bands, value_range)
    elif tiff:
        found = _by_pillow(path, picture, value_range)
        header = Header(header.stored)  # Pillow has turned it
    elif picture is None or _is_plain(picture, data):
        found = by_opencv(path, data, _STORED)
    elif _is_deep_png(data):
        raw = by_opencv(path, data, cv2.IMREAD_UNCHANGED)
        if raw.ndim == 2 and 'transparency' in picture.info:
            clear = raw == picture.info['transparency']
            alpha = np.where(clear, 0, 65535).astype(raw.dtype)
            raw = np.dstack([raw] * 3 + [alpha])
        found = on_white(path, raw, value_range)
    else:
        if data[:4] == b'\x89PNG' and picture.mode == 'L':
            _spread_transparency(picture.info, data[24])
        found = _by_pillow(path, picture)
    return turn(found, header.orientation)


def by_opencv(path: str | Path, data: bytes, flag: int) -> np.ndarray:
    """Decode a file by OpenCV, or raise ValueError."""
    found = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    if found is None:
        raise ValueError(f'{path}: expected an image, but it cannot be '
                         'decoded. Fetch or export the file again.')
    return found


def turn(image: np.ndarray, orientation: int) -> np.ndarray:
    """Turn an array (H, W, ...) as EXIF's orientation, 1..8, says."""
    return np.ascontiguousarray(_TURNS[orientation](image))


def as_stored(image: np.ndarray, orientation: int) -> np.ndarray:
    """Return a turned array (H, W, ...) as it was before, a view of it."""
    return _TURNS[{6: 8, 8: 6}.get(orientation, orientation)](image)


def as_colours(image: np.ndarray) -> np.ndarray:
    """Return (H, W, 3) uint8 of an image of any bands, to be looked at.

    Three are BGR and stay; of others the first stand for red, green, blue.
    Numbers of 16 bits become 8; others are taken for 0..255.
    """
    if image.ndim == 2:
        image = image[..., None]
    if image.dtype == np.uint16:
        image = image // 257
    if image.dtype != np.uint8:
        image = image.clip(0, 255).astype(np.uint8)
    if image.shape[2] == 3:
        return image
    chosen = [0, 1, 2] if image.shape[2] > 3 else [0, 0, 0]
    return np.ascontiguousarray(image[..., chosen[::-1]])


def as_rgb(image: np.ndarray) -> np.ndarray:
    """Return an image of any bands as (H, W, 3) RGB, to be drawn on."""
    return np.ascontiguousarray(as_colours(image)[..., ::-1])


def _is_plain(picture: Image.Image, data: bytes) -> bool:
    """Say whether OpenCV sees what a person sees."""
    return picture.mode in _PLAIN and 'transparency' not in picture.info \
        and not _is_deep_png(data)


def _is_deep_png(data: bytes) -> bool:
    return data[:4] == b'\x89PNG' and data[24] == 16


def _spread_transparency(info: dict, bits: int) -> None:
    """Scale the transparent grey of a PNG as Pillow scales all others."""
    if isinstance(info.get('transparency'), int):
        info['transparency'] *= 255 // (2**bits - 1)


def _needs_rasterio(picture: Image.Image | None) -> bool:
    """Say whether Pillow does not see all of a TIFF."""
    if picture is None or _several(picture):
        return True
    deep = max(picture.tag_v2.get(_BITS, (1, ))) > 8
    signed = _SIGNED in picture.tag_v2.get(_FORMAT, ())
    return signed or (deep and picture.mode not in _GREY)


def _several(picture: Image.Image) -> bool:
    """Say whether a TIFF has bands that are neither grey nor opacity."""
    tags = picture.tag_v2
    extra = tags.get(_EXTRA, (0, ))
    extra = extra if isinstance(extra, tuple) else (extra, )
    return tags.get(_PHOTOMETRIC) in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) and \
        tags.get(_SAMPLES, 1) > 1 and not {1, 2} & set(extra)


def _by_pillow(path: str | Path, picture: Image.Image,
               value_range: Sequence[float] | None = None) -> np.ndarray:
    """Decode what has transparency, a palette, other colours; TIFFs."""
    clear = picture.mode in _CLEAR or 'transparency' in picture.info
    tags = getattr(picture, 'tag_v2', {})
    try:
        nothing = _no_data(picture, tags)
        if picture.mode in _GREY:
            raw = np.asarray(picture)
            raw = raw.astype(raw.dtype.newbyteorder('='))
            if value_range is None:
                raw = fill_range(raw, max(tags.get(_BITS, (16, ))))
        else:
            order = [2, 1, 0, 3] if clear else [2, 1, 0]
            raw = np.asarray(
                picture.convert('RGBA' if clear else 'RGB'))[..., order]
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f'{path}: expected a whole image, but {error}. '
                         'Fetch or export the file again.') from error
    raw[nothing] = 0
    found = on_white(path, raw, value_range)
    if picture.mode in _GREY and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        found = 255 - found
    found[nothing] = 0
    return found


def _no_data(picture: Image.Image, tags: Mapping) -> np.ndarray:
    """Say where a picture has what GDAL's tag names for no data, (H, W).

    The tag means numbers as they are stored. Pillow spreads grey of few bits
    over 8, and turns it round where zero is white.
    """
    try:
        value = float(tags[_NO_DATA])
    except (KeyError, ValueError):
        return np.zeros((picture.height, picture.width), bool)
    raw = np.atleast_3d(picture)
    if picture.mode in ('1', 'L'):
        raw = raw.astype(np.uint8) * (255 if picture.mode == '1' else 1)
        if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
            raw = 255 - raw
        raw = raw // (255 // (2**min(tags.get(_BITS, (1, ))) - 1))
    return no_data(raw, value)


def _by_rasterio(path: str | Path, data: bytes, bands: Sequence[int] | None,
                 value_range: Sequence[float] | None) -> np.ndarray:
    """Decode a TIFF of several bands or more than 8 bits, as stored."""
    with import_rasterio(path).MemoryFile(data) as file, Raster(
            path, bands, value_range, file) as raster:
        check_pixels(path, *raster.shape)
        return raster.rows()
