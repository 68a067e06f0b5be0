"""Pictures that rasterio opens: any bands, and rows of any height."""
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .headers import import_rasterio, open_raster
from .scaling import on_white, to_bytes

__all__ = ['Raster', 'memory_file']

_COLOURS = ('red', 'green', 'blue')


def memory_file(path: str | Path, data: bytes) -> Any:
    """Return the content of a file as rasterio opens it.

    Raises:
        ValueError: rasterio is not installed.
    """
    return import_rasterio(path).MemoryFile(data)


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
        from rasterio.windows import Window
        bottom = self.shape[0] if bottom is None else bottom
        try:
            raw = self.file.read(self._bands, window=Window(
                0, top, self.shape[1], bottom - top))
        except RasterioIOError as error:
            reason = error.__cause__ or error
            raise ValueError(
                f'{self.path}: expected a whole image, but {reason}. Fetch '
                'or export the file again.') from error
        raw = np.moveaxis(raw, 0, -1)
        if self._table is not None:
            return on_white(self.path, self._table[raw[..., 0]][
                ..., [2, 1, 0, 3]])
        nothing = np.zeros(raw.shape, bool)
        if self.file.nodata is not None:
            nothing = np.isnan(raw) if np.isnan(self.file.nodata) else (
                raw == self.file.nodata)
            raw[nothing] = 0
        if self._chosen:
            image = to_bytes(self.path, raw, self.value_range)
            image[nothing] = 0
            return np.ascontiguousarray(
                image[..., ::-1] if image.shape[2] == 3 else image)
        if raw.shape[2] == 2:  # grey and opacity
            raw = raw[..., [0, 0, 0, 1]]
        if raw.shape[2] > 1:
            raw = raw[..., [2, 1, 0, 3][:raw.shape[2]]]
        image = on_white(self.path, raw, self.value_range)
        image[nothing.any(axis=2)] = 0
        return image

    def __enter__(self) -> 'Raster':
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()
