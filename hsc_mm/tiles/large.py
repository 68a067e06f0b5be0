"""Seeds and masks of pictures that are held in memory in parts alone."""
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hsc_mm.functional.similarity import map_rows
from hsc_mm.utils import to_mask_indices
from .blend import Block, Tiles, blend
from .masks import MaskWriter
from .scan import Scan

__all__ = ['Preview', 'Survey', 'cam_blocks', 'joined', 'survey',
           'write_blocks']

_LONGEST = 1024  # pixels of a side of a preview, at most

#: Gets a window, returns its maps (K, h, w) float32 and scores (K,).
Predict = Callable[[np.ndarray], tuple[np.ndarray, Tensor | None]]


class Survey(NamedTuple):
    """What a first look at all windows of a picture finds.

    Attributes:
        low (Tensor): Minimum of each blended map.
        high (Tensor): Maximum.
        scores (Tensor): The highest probability of each class in any
            window, (K,).
    """
    low: Tensor
    high: Tensor
    scores: Tensor


class _Scores:
    """Compute maps of windows, and keep the highest scores."""

    def __init__(self, scan: Scan, predict: Predict) -> None:
        self.scan, self.predict = scan, predict
        self.best: Tensor | None = None

    def __call__(self, *box: int) -> np.ndarray:
        maps, scores = self.predict(self.scan.window(*box))
        if scores is not None:
            self.best = scores if self.best is None else torch.maximum(
                self.best, scores)
        return maps


def joined(scan: Scan, tiles: Tiles,
           predict: Predict) -> tuple[np.ndarray, Tensor | None]:
    """Return the maps of a whole picture, (K, H, W), and its scores."""
    compute = _Scores(scan, predict)
    found: np.ndarray | None = None
    for block in blend(scan.shape, tiles, compute):
        if block.maps.shape[1:] == scan.shape:
            return block.maps, compute.best
        if found is None:
            found = np.empty((len(block.maps), *scan.shape), np.float32)
        height, width = block.maps.shape[1:]
        found[:, block.top:block.top + height,
              block.left:block.left + width] = block.maps
    return found, compute.best


def survey(scan: Scan, tiles: Tiles, predict: Predict) -> Survey:
    """Look at all windows, and keep extremes and scores."""
    compute = _Scores(scan, predict)
    low = high = None
    for block in blend(scan.shape, tiles, compute):
        maps = torch.from_numpy(block.maps)
        least, most = maps.amin((1, 2)), maps.amax((1, 2))
        low = least if low is None else torch.minimum(low, least)
        high = most if high is None else torch.maximum(high, most)
    return Survey(low, high, compute.best)


def cam_blocks(scan: Scan, tiles: Tiles, predict: Predict, found: Survey,
               present: Tensor, make_cams: Callable) -> Iterator[Block]:
    """Yield the CAMs of the classes that are present.

    Args:
        scan (Scan): The picture.
        tiles (Tiles): The windows.
        predict (callable): Returns activations.
        found (Survey): Of the same windows.
        present (Tensor): (K,), 0 or 1.
        make_cams (callable): That of
            :class:`hsc_mm.models.segmentors.CAMPredictor`.

    Yields:
        Block: (k, h, w) in [0, 1].
    """
    chosen = present.nonzero()[:, 0]
    rows = map_rows(chosen, len(present), len(found.low)).numpy()
    extremes = (found.low[chosen], found.high[chosen])
    ones = torch.ones(len(chosen))
    for block in blend(scan.shape, tiles,
                       lambda *box: predict(scan.window(*box))[0][rows]):
        yield block._replace(maps=make_cams(
            torch.from_numpy(block.maps), ones, extremes).numpy())


def write_blocks(writer: MaskWriter, blocks: Iterable[Block],
                 label: Callable[[np.ndarray], np.ndarray],
                 label_map: dict[int, int] | None,
                 preview: 'Preview | None' = None) -> np.ndarray:
    """Label blocks, and write them row by row.

    Args:
        writer (MaskWriter): Of the mask, open.
        blocks (iterable[Block]): Of :func:`hsc_mm.tiles.blend`.
        label (callable): Makes class indices (h, w) of maps (K, h, w).
        label_map (dict[int, int], optional): Mask index -> class index.
        preview (Preview, optional): Gets the class indices.

    Returns:
        np.ndarray: Whether each class index occurs, (256,) bool.
    """
    seen, row = np.zeros(256, bool), []
    for block in blocks:
        part = label(block.maps).astype(np.uint8)
        if preview is not None:
            preview.add(block.top, block.left, part)
        seen[np.unique(part)] = True
        row.append(part)
        if block.left + part.shape[1] == writer.shape[1]:
            writer.write(to_mask_indices(np.concatenate(row, 1), label_map))
            row = []
    return seen


class Preview:
    """A picture or map in small: every n-th pixel of what passes by.

    Args:
        shape (tuple[int, int]): Height and width of the picture.

    Attributes:
        step (int): n.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.step = -(-max(shape) // _LONGEST)
        self.shape = tuple(-(-side // self.step) for side in shape)
        self._found: np.ndarray | None = None

    def add(self, top: int, left: int, part: np.ndarray) -> None:
        """Add a part of it, (..., h, w), whose first pixel is given."""
        down, right = -top % self.step, -left % self.step
        small = part[..., down::self.step, right::self.step]
        if self._found is None:
            self._found = np.zeros((*part.shape[:-2], *self.shape),
                                   part.dtype)
        y, x = -(-top // self.step), -(-left // self.step)
        self._found[..., y:y + small.shape[-2],
                    x:x + small.shape[-1]] = small

    @property
    def array(self) -> np.ndarray:
        """np.ndarray: (..., h, w)."""
        return self._found
