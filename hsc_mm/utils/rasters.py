"""Pictures of any bands and values: opened by rasterio, scaled to bytes."""
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .headers import import_rasterio, open_raster

__all__ = ['Raster', 'no_data', 'on_white', 'to_bytes']

# The most bytes that a progressive JPEG takes without being asked.
_MEMORY = 1 << 30
_COLOURS = ('red', 'green', 'blue')


class Raster:
    """A picture whose rows are read when they are asked for.

    Pixels are those of :func:`hsc_mm.utils.pixels.decode`, as stored: EXIF's
    rotation is not done. What the file marks as no data is black.

    Args:
        path (str | Path): The file.
        bands (sequence[int], optional): See :func:`decode`.
        value_range (sequence[float], optional): See :func:`decode`.
        source (MemoryFile, optional): What is opened in its place.

    Attributes:
        shape (tuple[int, int]): Height and width.
        file (rasterio.DatasetReader): With its georeference.

    Raises:
        ValueError: rasterio is not installed or cannot open it, a band does
            not exist, or nothing says which bands are seen.
    """

    def __init__(self,
                 path: str | Path,
                 bands: Sequence[int] | None = None,
                 value_range: Sequence[float] | None = None,
                 source: Any = None) -> None:
        self.path = path
        self._source = source
        self.file = open_raster(path, source)
        self.shape = tuple(self.file.shape)
        self.value_range = value_range
        self._chosen = bands is not None
        self._table = None
        self._bands = list(bands or self._seen())
        absent = [b for b in self._bands if b > self.file.count]
        if absent:
            raise ValueError(f'{path}: bands: expected some of 1 to '
                             f'{self.file.count}, found {absent}.')

    def _seen(self) -> list[int]:
        """Return the bands a person sees: grey or colours, and opacity."""
        kinds = [kind.name for kind in self.file.colorinterp]
        if kinds[0] == 'palette':
            self._table = np.zeros((256, 4), np.uint8)
            for value, colour in self.file.colormap(1).items():
                if value < 256:
                    self._table[value] = colour
            return [1]
        alpha = [n for n, kind in enumerate(kinds, 1) if kind == 'alpha']
        colours = [kinds.index(c) + 1 for c in _COLOURS if c in kinds]
        if len(colours) < 3:
            colours = [n for n in range(1, len(kinds) + 1) if n not in alpha]
        if len(colours) not in (1, 3):
            raise ValueError(
                f'{self.path}: expected one band or three, found '
                f'{len(colours)}. Say which are seen, as red, green and '
                'blue or in any number: bands=(3, 2, 1) in '
                'hsc_mm.LoadImage.')
        return colours + alpha[:1]

    def rows(self, top: int = 0, bottom: int | None = None) -> np.ndarray:
        """Read rows, (bottom - top, W, 3) uint8 BGR, or (..., N)."""
        from rasterio import RasterioIOError
        bottom = self.shape[0] if bottom is None else bottom
        try:
            try:
                raw = self._read(top, bottom)
            except RasterioIOError as error:
                self._allow(str(error.__cause__ or error))
                raw = self._read(top, bottom)
        except RasterioIOError as error:
            raise ValueError(
                f'{self.path}: expected a whole image, but '
                f'{error.__cause__ or error}. Fetch or export the file '
                'again.') from error
        raw = np.moveaxis(raw, 0, -1)
        nothing = no_data(raw, self.file.nodata)
        raw[nothing] = 0
        if self._chosen:
            image = to_bytes(self.path, raw, self.value_range)
            image = image[..., ::-1] if image.shape[2] == 3 else image
        elif self._table is not None:
            image = on_white(self.path, self._table[raw[..., 0]][
                ..., [2, 1, 0, 3]])
        else:
            if raw.shape[2] == 2:  # grey and opacity
                raw = raw[..., [0, 0, 0, 1]]
            if raw.shape[2] > 1:
                raw = raw[..., [2, 1, 0, 3][:raw.shape[2]]]
            image = on_white(self.path, raw, self.value_range)
            if self.file.tags(ns='IMAGE_STRUCTURE').get('MINISWHITE'):
                image = 255 - image
        image[nothing] = 0
        return np.ascontiguousarray(image)

    def _read(self, top: int, bottom: int) -> np.ndarray:
        """Read rows as stored, (bands, bottom - top, W)."""
        from rasterio.windows import Window
        return self.file.read(self._bands, window=Window(
            0, top, self.shape[1], bottom - top))

    def _allow(self, reason: str) -> None:
        """Let a progressive JPEG have the memory that it needs, or refuse.

        GDAL gives it 500 MB unless ``JPEGMEM`` is set when it opens a file.
        It takes 6 bytes a pixel, or 3 where colours are subsampled, of which
        GDAL counts half.
        """
        found = re.search(r'at least (\d+) bytes.*JPEGMEM', reason)
        if found is None:
            return
        needed = max(int(found[1]), 3 * self.shape[0] * self.shape[1])
        if needed > _MEMORY:
            setting = f'JPEGMEM={-(-needed // 10**6)}M'
            raise ValueError(
                f'{self.path}: expected a JPEG that is read row by row, found '
                f'a progressive one, which needs {needed / 1e9:.1f} GB of '
                f'memory. If there is as much, set {setting} and run again, '
                f'or make a TIFF of it where there is: {setting} rio convert '
                f'--co TILED=YES {self.path} PICTURE.tif')
        self.file.close()
        with import_rasterio(self.path).Env(JPEGMEM='1000M'):
            self.file = open_raster(self.path, self._source)

    def __enter__(self) -> 'Raster':
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()


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
