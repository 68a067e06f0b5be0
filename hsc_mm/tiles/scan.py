"""Pictures of any size, read from top to bottom."""
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack

import numpy as np

from hsc_mm.utils.headers import read_header
from hsc_mm.utils.limits import check_pixels, most_pixels
from hsc_mm.utils.pixels import as_stored
from hsc_mm.utils.rasters import Raster

__all__ = ['Scan', 'is_large']

# A full disk is an error here; later it would end the process.
_reserve = getattr(os, 'posix_fallocate', lambda *_: None)
_AT_ONCE = 256  # rows of a picture that is turned
_GDAL = dict(GDAL_CACHEMAX=64)  # megabytes


def is_large(path: str | os.PathLike) -> bool:
    """Say whether a picture is above the limit, and read in parts.

    A broken one is not: who reads it whole says what is wrong.

    Raises:
        FileNotFoundError: The file is missing.
        ValueError: It is no file, or has no pixel.
    """
    try:
        height, width = read_header(path, checked=False).stored
    except FileNotFoundError:
        raise
    except OSError:
        return False
    if height * width > most_pixels():
        return True
    check_pixels(path, height, width)
    return False


class Scan:
    """Rows of a picture; those that were read last are kept.

    Above the limit of megapixels it needs rasterio and is read row by row.
    What EXIF turns is decoded once, into a temporary file (in ``TMPDIR``)
    of height * width * bands bytes. Below, a picture is read whole.

    Args:
        path (str, optional): The file.
        read (callable): Reads a file whole, as the pipeline does.
        options (dict): ``bands`` and ``value_range`` of
            :class:`hsc_mm.LoadImage`.
        image (np.ndarray, optional): The picture itself, instead of a file.

    Attributes:
        shape (tuple[int, int]): Height and width.
        large (bool): Whether it is read in parts.

    Raises:
        OSError: The file is missing, or there is no space for a turned one.
        ValueError: It is no image, or it is large and rasterio is missing.
    """

    def __init__(self,
                 path: str | None,
                 read: Callable[[str], np.ndarray],
                 options: dict,
                 image: np.ndarray | None = None) -> None:
        self._stack = ExitStack()
        self._raster = None
        self._rows = image
        self._top = 0
        self.path = path
        self.large = path is not None and is_large(path)
        if self.large:
            header = read_header(path, checked=False)
            self.shape = header.seen
            self._raster = self._stack.enter_context(
                Raster(path, **options))
            if header.orientation != 1:
                self._rows = self._turned(header.orientation)
        else:
            if image is None:
                self._rows = read(path)
            self.shape = self._rows.shape[:2]

    @property
    def image(self) -> np.ndarray | None:
        """np.ndarray, optional: The picture, if it is read whole."""
        return None if self.large else self._rows

    def window(self, top: int, bottom: int, left: int,
               right: int) -> np.ndarray:
        """Return a part, (bottom - top, right - left, 3 or N) uint8.

        ``top`` and ``bottom`` must not become smaller from call to call,
        unless they restart at row 0.
        """
        if self.large and not isinstance(self._rows, np.memmap):
            self._fetch(top, bottom)
        rows = self._rows[top - self._top:bottom - self._top]
        return np.ascontiguousarray(rows[:, left:right])

    def _turned(self, orientation: int) -> np.memmap:
        """Decode the picture into a file, turned."""
        from rasterio import Env
        with Env(**_GDAL):
            first = self._raster.rows(0, 1)
            shape = (*self.shape, *first.shape[2:])
            file = self._stack.enter_context(tempfile.TemporaryFile())
            try:
                _reserve(file.fileno(), 0, int(np.prod(shape)))
            except OSError as error:
                raise OSError(
                    error.errno, f'{error.strerror}: {np.prod(shape) // 10**6}'
                    f' MB are needed here to turn {self.path}. Free some '
                    'space, or name another folder (TMPDIR=FOLDER).',
                    tempfile.gettempdir()) from error
            turned = np.memmap(file, np.uint8, 'w+', shape=shape)
            stored = as_stored(turned, orientation)
            for top in range(0, len(stored), _AT_ONCE):
                bottom = min(top + _AT_ONCE, len(stored))
                stored[top:bottom] = self._raster.rows(top, bottom)
        return turned

    def _fetch(self, top: int, bottom: int) -> None:
        """Hold these rows: what is there is kept, the others are read."""
        from rasterio import Env
        held = self._top + (0 if self._rows is None else len(self._rows))
        if self._rows is None or not self._top <= top <= held:
            self._rows, self._top, held = None, top, top
        if bottom <= held and top == self._top:
            return
        kept = [] if self._rows is None else [self._rows[top - self._top:]]
        with Env(**_GDAL):
            if bottom > held:
                kept.append(self._raster.rows(held, bottom))
        self._rows, self._top = np.concatenate(kept), top

    def __enter__(self) -> 'Scan':
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()
