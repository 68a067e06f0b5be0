"""Counts of pixels that all scores of seeds follow from."""
from typing import NamedTuple

import torch
from mmengine.dist import all_reduce
from torch import Tensor

from .confusion import seed_histogram
from .threshold_rules import BINS

__all__ = [
    'SIZES', 'ImageCounts', 'SeedCounts', 'cam_histogram', 'image_counts',
    'picture_size', 'precision_histogram'
]

#: Pictures by the share of their pixels that show a class: none, below 5 %,
#: below 20 %, and the others.
SIZES = ('empty', 'small', 'medium', 'large')
_BOUNDS = (0.05, 0.2)


class ImageCounts(NamedTuple):
    """Counts of one image, or sums over images.

    Attributes:
        seeds (Tensor): Of :func:`hsc_mm.evaluation.seed_histogram`,
            (C, K, T + 1).
        cams (Tensor): Of :func:`cam_histogram`, (BINS,).
        pixels (Tensor): Of :func:`precision_histogram`, (K, 2, BINS).
    """
    seeds: Tensor
    cams: Tensor
    pixels: Tensor


def cam_histogram(cam: Tensor) -> Tensor:
    """Count pixels by their highest CAM; masks are not looked at.

    Args:
        cam (Tensor): Normalised CAMs, (K, H, W) in [0, 1].

    Returns:
        Tensor: (BINS,) int64; zeros for an image without any class.
    """
    if not cam.any():
        return torch.zeros(BINS, dtype=torch.int64, device=cam.device)
    return torch.bincount(_bins(cam.amax(dim=0)).flatten(), minlength=BINS)


def precision_histogram(cam: Tensor, target: Tensor,
                        ignore_index: int = 255) -> Tensor:
    """Count pixels of the classes that a mask holds by their CAM.

    Args:
        cam (Tensor): Normalised CAMs, (K, H, W) in [0, 1].
        target (Tensor): Ground truth, (H, W), 0..K or ``ignore_index``.
        ignore_index (int): Pixels left out.

    Returns:
        Tensor: (K, 2, BINS) int64: pixels of other classes, and of this
        one; zeros for classes that the mask lacks.
    """
    found = torch.zeros(
        len(cam), 2, BINS, dtype=torch.int64, device=cam.device)
    kept = target != ignore_index
    truth = target[kept]
    for index in truth.unique().tolist():
        if index:
            where = _bins(cam[index - 1][kept]) + BINS * (truth == index)
            found[index - 1] = torch.bincount(
                where, minlength=2 * BINS).view(2, BINS)
    return found


def _bins(values: Tensor) -> Tensor:
    return (values * BINS).long().clamp(0, BINS - 1)


def image_counts(cam: Tensor, target: Tensor, thresholds: Tensor,
                 ignore_index: int = 255) -> ImageCounts:
    """Count the pixels of an image, see :class:`ImageCounts`.

    Raises:
        ValueError: See :func:`hsc_mm.evaluation.seed_histogram`.
    """
    return ImageCounts(
        seed_histogram(cam, target, thresholds, ignore_index).cpu(),
        cam_histogram(cam).cpu(),
        precision_histogram(cam, target, ignore_index).cpu())


def picture_size(seeds: Tensor) -> int:
    """Return the place in :data:`SIZES` of an image.

    Args:
        seeds (Tensor): Its :func:`hsc_mm.evaluation.seed_histogram`.
    """
    total, shown = int(seeds.sum()), int(seeds[1:].sum())
    return shown and 1 + sum(shown >= total * bound for bound in _BOUNDS)


class SeedCounts:
    """Sums of :class:`ImageCounts` by use and size of the pictures.

    Args:
        thresholds (Tensor): Increasing, (T,).
        ignore_index (int): Index of pixels that do not count.

    Attributes:
        seeds (Tensor): (2, 4, C, K, T + 1): images that are scored and
            those that a threshold is chosen on, by :data:`SIZES`.
        images (Tensor): Their number, (2, 4).
        cams (Tensor): Of all images, (BINS,).
        pixels (Tensor): Of those that are scored, (K, 2, BINS).
    """

    def __init__(self, thresholds: Tensor, ignore_index: int = 255) -> None:
        self.thresholds, self.ignore_index = thresholds, ignore_index
        self.images = torch.zeros(2, len(SIZES), dtype=torch.int64)
        self._last: tuple[int, int, ImageCounts] | None = None

    def add(self, cam: Tensor, target: Tensor, selecting: bool = False
            ) -> None:
        """Count an image.

        Args:
            cam (Tensor): Normalised CAMs, (K, H, W).
            target (Tensor): Ground truth, (H, W).
            selecting (bool): Whether a threshold is chosen on it; it is not
                scored then.

        Raises:
            ValueError: See :func:`hsc_mm.evaluation.seed_histogram`.
        """
        one = image_counts(cam, target, self.thresholds.to(cam),
                           self.ignore_index)
        if self._last is None:
            self.seeds = one.seeds.new_zeros(2, len(SIZES), *one.seeds.shape)
            self.cams = torch.zeros_like(one.cams)
            self.pixels = torch.zeros_like(one.pixels)
        self._last = int(selecting), picture_size(one.seeds), one
        self._add(1)

    def take_back(self) -> None:
        """Undo the last :meth:`add`."""
        self._add(-1)

    def _add(self, sign: int) -> None:
        use, size, one = self._last or (0, 0, None)
        if one is None:
            raise ValueError('take_back: expected an image, found none.')
        self.seeds[use, size] += sign * one.seeds
        self.images[use, size] += sign
        self.cams += sign * one.cams
        self.pixels += sign * (1 - use) * one.pixels

    def all_reduce(self) -> None:
        """Sum over all ranks."""
        for counts in (self.seeds, self.images, self.cams, self.pixels):
            all_reduce(counts)

    @property
    def scored(self) -> Tensor:
        """Tensor: Of the images that are scored, (C, K, T + 1)."""
        return self.seeds[0].sum(dim=0)

    @property
    def selection(self) -> Tensor:
        """Tensor: Of those that a threshold is chosen on, (C, K, T + 1)."""
        return self.seeds[1].sum(dim=0)
