"""Pictures of any bands and values: opened by rasterio, scaled to bytes."""
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .headers import import_rasterio, open_raster
from .values import fill_range, no_data, on_white, to_bytes

__all__ = ['Raster']

# The most bytes that a progressive JPEG takes without being asked.
_MEMORY = 1 << 30
_COLOURS = ('red', 'green', 'blue')


class Raster:
    """A picture whose rows are read when they are asked for.

    Pixels are those of :func:`hsc_mm.utils.pixels.decode`, as stored: EXIF's
    rotation is not done. GDAL decodes JPEGs, in files of their own or in
    TIFFs, in another way than OpenCV: at the edges of colours some differ by
    up to 60 levels, on average by less than one. What a TIFF marks as no data
    is black; in a PNG the same mark means transparency, which is white.

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
            not exist, nothing says which bands are seen, or its colours are
            those of CIELAB.
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
        self._bits = [self._depth(band) for band in self._bands]

    def _depth(self, band: int) -> int | None:
        """Return the bits of a band that spans fewer than its type."""
        kind = self.file.colorinterp[band - 1].name
        ranged = self.value_range is not None and kind != 'alpha'
        if kind == 'palette' or (
                ranged and self.file.dtypes[band - 1] != 'uint8'):
            return None
        found = self.file.tags(band, ns='IMAGE_STRUCTURE').get('NBITS')
        return found and int(found)

    def _seen(self) -> list[int]:
        """Return the bands a person sees: grey or colours, and opacity."""
        stored = self.file.tags(ns='IMAGE_STRUCTURE')
        if stored.get('SOURCE_COLOR_SPACE') == 'CIELAB':
            raise ValueError(
                f'{self.path}: expected grey, RGB or a palette in a picture '
                'that is read in parts, found CIELAB. Convert it to RGB.')
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
        clear = self._clear(raw)
        nothing = no_data(raw, None if clear is not None else self.file.nodata)
        raw[nothing] = 0
        for place, bits in enumerate(self._bits):
            raw[..., place] = fill_range(raw[..., place], bits)
        if self._chosen:
            image = to_bytes(self.path, raw, self.value_range)
            image = image[..., ::-1] if image.shape[2] == 3 else image
        elif self._table is not None:
            image = on_white(self.path, self._table[raw[..., 0]][
                ..., [2, 1, 0, 3]])
        else:
            if clear is not None:
                most = np.iinfo(raw.dtype).max
                alpha = np.where(clear, 0, most).astype(raw.dtype)
                raw = np.dstack([raw, alpha])
            if raw.shape[2] == 2:  # grey and opacity
                raw = raw[..., [0, 0, 0, 1]]
            if raw.shape[2] > 1:
                raw = raw[..., [2, 1, 0, 3][:raw.shape[2]]]
            image = on_white(self.path, raw, self.value_range)
            if self.file.tags(ns='IMAGE_STRUCTURE').get('MINISWHITE'):
                image = 255 - image
        image[nothing] = 0
        return np.ascontiguousarray(image)

    def _clear(self, raw: np.ndarray) -> np.ndarray | None:
        """Say what a PNG's colour for transparency makes so, (H, W) bool.

        None where there is no such colour. A palette has it in its table.
        """
        values = self.file.nodatavals
        if self._chosen or values[0] is None or self.file.driver != 'PNG':
            return None
        return (raw == [values[b - 1] for b in self._bands]).all(axis=2)

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
                f'--co TILED=YES {shlex.quote(str(self.path))} PICTURE.tif')
        self.file.close()
        with import_rasterio(self.path).Env(JPEGMEM='1000M'):
            self.file = open_raster(self.path, self._source)

    def __enter__(self) -> 'Raster':
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()
