"""Overlapping windows of a picture, and maps blended across their seams."""
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from hsc_mm.utils import check_number

__all__ = ['Block', 'Tiles', 'blend']

# Windows begin at multiples of the strides of networks, so that positions of
# feature maps lie at the same pixels as in the whole picture.
_GRID = 32

Compute = Callable[[int, int, int, int], np.ndarray]


class Block(NamedTuple):
    """A part of the maps of a picture that is complete.

    Attributes:
        top (int): Row of its first pixel.
        left (int): Column of its first pixel.
        maps (np.ndarray): (K, h, w).
    """
    top: int
    left: int
    maps: np.ndarray


class Tiles(NamedTuple):
    """Size of windows.

    Attributes:
        size (int): Height and width in pixels, from 64.
        overlap (int): Pixels that neighbours share at least, up to half the
            size. The outer quarter of it is not used: what lies there has
            seen the border of its window.
    """
    size: int = 1024
    overlap: int = 256

    def check(self) -> 'Tiles':
        """Return it.

        Raises:
            ValueError: A number is out of range.
        """
        check_number('tile', self.size, least=2 * _GRID, whole=True)
        check_number('overlap of tiles', self.overlap, least=0,
                     most=self.size // 2, whole=True)
        return self

    def along(self, length: int) -> list[tuple[int, int]]:
        """Return begin and end of the windows along a side.

        They are spread evenly, begin at multiples of 32, and the last one
        ends with the side, shorter than the others by up to 31 pixels.
        """
        if length <= self.size:
            return [(0, length)]
        last = -(-(length - self.size) // _GRID)
        step = (self.size - self.overlap) // _GRID
        count = -(-last // step) + 1
        starts = np.linspace(0, last, count).astype(int) * _GRID
        return [(int(a), min(int(a) + self.size, length)) for a in starts]


def _weights(spans: list[tuple[int, int]]) -> list[np.ndarray]:
    """Return the weight of each window along a side; they sum to one."""
    total = np.zeros(spans[-1][1])
    ramps = [np.ones(stop - start) for start, stop in spans]
    for i, (_, stop) in enumerate(spans[:-1]):
        shared = stop - spans[i + 1][0]
        unused = shared // 4
        rising = (np.arange(shared) + 0.5 - unused) / max(
            shared - 2 * unused, 1)
        rising = rising.clip(0, 1)
        if shared:
            ramps[i][-shared:] *= 1 - rising
            ramps[i + 1][:shared] *= rising
    for (start, stop), ramp in zip(spans, ramps, strict=True):
        total[start:stop] += ramp
    return [(ramp / total[start:stop]).astype(np.float32)
            for (start, stop), ramp in zip(spans, ramps, strict=True)]


def blend(shape: tuple[int, int], tiles: Tiles,
          compute: Compute) -> Iterator[Block]:
    """Compute maps window by window, and yield what is complete.

    Held in memory are one window, the part of it that its right neighbour
    shares, and the rows that the windows below share: K * overlap * W
    numbers. A single window is yielded as it is.

    Args:
        shape (tuple[int, int]): Height H and width W of the picture.
        tiles (Tiles): The windows.
        compute (callable): Gets top, bottom, left and right of a window and
            returns its maps, (K, bottom - top, right - left) float32. Called
            from the top row of windows to the last, each from the left.

    Yields:
        Block: Each pixel of the picture once; the blocks of a row of windows
        have the same rows.
    """
    rows, columns = tiles.along(shape[0]), tiles.along(shape[1])
    across, along = _weights(rows), _weights(columns)
    above = None
    for i, (top, bottom) in enumerate(rows):
        end = rows[i + 1][0] if i + 1 < len(rows) else bottom
        beside, below = None, None
        for j, (left, right) in enumerate(columns):
            maps = compute(top, bottom, left, right)
            if len(rows) == len(columns) == 1:
                yield Block(0, 0, maps)
                return
            maps = maps * (across[i][:, None] * along[j])
            known = 0
            if beside is not None:
                known = beside.shape[2]
                maps[:, :, :known] += beside
            if above is not None:
                maps[:, :above.shape[1], known:] += above[
                    :, :, left + known:right]
            stop = columns[j + 1][0] if j + 1 < len(columns) else right
            if below is None:
                below = np.empty((len(maps), bottom - end, shape[1]),
                                 maps.dtype)
            below[:, :, left:stop] = maps[:, end - top:, :stop - left]
            beside = maps[:, :, stop - left:].copy()
            yield Block(top, left, maps[:, :end - top, :stop - left])
        above = below
