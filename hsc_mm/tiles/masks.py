"""Masks of any size, written from top to bottom."""
import errno
import os
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from hsc_mm.utils.headers import read_header
from hsc_mm.utils.images import NOTE
from hsc_mm.utils.io import draft_path
from hsc_mm.utils.wholeness import check_whole

__all__ = ['MaskWriter', 'georeference']

_PLACED = ('.tif', '.tiff', '.jp2')


def georeference(path: str | None) -> dict[str, Any] | None:
    """Return ``crs`` and ``transform`` of a picture.

    None where it has no georeference, which what EXIF turns loses, or
    rasterio is not installed.
    """
    if path is None or Path(path).suffix.lower() not in _PLACED:
        return None
    try:
        import rasterio
    except ImportError:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            with rasterio.open(path) as file:
                if (file.crs is None and file.transform.is_identity) or \
                        read_header(path, checked=False).orientation != 1:
                    return None
                return dict(crs=file.crs, transform=file.transform)
        except (rasterio.RasterioIOError, TypeError):
            return None


class MaskWriter:
    """Write a palette PNG, and a GeoTIFF beside it, a few rows at a time.

    Both appear under their names when they are whole. Use it in ``with``;
    rows come by :meth:`write`, from the first to the last.

    Args:
        path (str | Path): The PNG.
        shape (tuple[int, int]): Height and width.
        palette (np.ndarray): Colours, (n, 3) uint8 RGB.
        note (str): Text beside the pixels, see
            :func:`hsc_mm.utils.write_index_png`.
        place (dict, optional): Of :func:`georeference`: the GeoTIFF is
            written.
        tif (str | Path, optional): Its path.

    Raises:
        OSError: A file cannot be written.
    """

    def __init__(self,
                 path: str | Path,
                 shape: tuple[int, int],
                 palette: np.ndarray,
                 note: str = '',
                 place: dict[str, Any] | None = None,
                 tif: str | Path | None = None) -> None:
        self.path, self.tif = Path(path), tif and Path(tif)
        self.shape, self.palette = shape, np.asarray(palette, np.uint8)
        self.note, self.place = note, place
        self._row = 0
        self._drafts = {one: draft_path(one)
                        for one in (self.path, self.tif) if one}

    def _chunk(self, kind: bytes, data: bytes) -> None:
        self._file.write(struct.pack('>I', len(data)) + kind + data +
                         struct.pack('>I', zlib.crc32(kind + data)))

    def __enter__(self) -> 'MaskWriter':
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(self._drafts[self.path], 'wb')
        self._zip = zlib.compressobj()
        self._file.write(b'\x89PNG\r\n\x1a\n')
        height, width = self.shape
        self._chunk(b'IHDR', struct.pack('>2I5B', width, height, 8, 3, 0, 0,
                                         0))
        self._chunk(b'PLTE', self.palette.tobytes())
        if self.note:
            self._chunk(b'tEXt', NOTE.encode() + b'\0' + self.note.encode())
        self._raster = None
        if self.place is not None and self.tif is not None:
            import rasterio
            self._raster = rasterio.open(
                self._drafts[self.tif], 'w', driver='GTiff', dtype='uint8',
                count=1, height=height, width=width, compress='deflate',
                blockysize=32, photometric='palette', BIGTIFF='IF_SAFER',
                **self.place)
            self._raster.write_colormap(1, {
                i: (*map(int, c), 255) for i, c in enumerate(self.palette)})
        return self

    def write(self, rows: np.ndarray) -> None:
        """Write the next rows, (h, W) uint8."""
        framed = np.zeros((len(rows), rows.shape[1] + 1), np.uint8)
        framed[:, 1:] = rows  # in front of each row: no filter
        data = self._zip.compress(framed.tobytes())
        if data:
            self._chunk(b'IDAT', data)
        if self._raster is not None:
            from rasterio.windows import Window
            self._raster.write(rows, 1, window=Window(
                0, self._row, rows.shape[1], len(rows)))
        self._row += len(rows)

    def _check_raster(self) -> None:
        """Refuse a GeoTIFF that is cut: GDAL does not say so on closing."""
        if self._raster is not None:
            with open(self._drafts[self.tif], 'rb') as file:
                try:
                    check_whole(self.tif, file)
                except ValueError as error:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC),
                                  str(self.tif)) from error

    def __exit__(self, kind: type | None, *error: object) -> None:
        try:
            if kind is None:
                if self._row != self.shape[0]:
                    raise ValueError(f'{self.path}: expected {self.shape[0]} '
                                     f'rows, found {self._row}.')
                self._chunk(b'IDAT', self._zip.flush())
                self._chunk(b'IEND', b'')
            self._file.close()
            if self._raster is not None:
                self._raster.close()
            if kind is None:
                self._check_raster()
                os.replace(self._drafts[self.path], self.path)
                if self._raster is not None:
                    os.replace(self._drafts[self.tif], self.tif)
        finally:
            self._file.close()
            self._drafts[self.path].unlink(missing_ok=True)
            if self._raster is not None:
                self._raster.close()
                self._drafts[self.tif].unlink(missing_ok=True)
