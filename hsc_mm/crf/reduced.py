"""Mean field with the bilateral kernel between groups of pixels, on a CPU.

Pixels that lie close to each other and have nearly the same colour receive
nearly the same message of the bilateral kernel. So they are put in groups:
cells of a grid over position and colour. A group has the mean of its
features, and counts as often as it has pixels. Between groups the kernel is
exact, one small matrix; pixels of a group share its message. The kernel of
positions stays at full resolution, as do unary and softmax.
"""
import cv2
import numpy as np
import torch

from hsc_mm.functional.grid_crf import mean_field
from hsc_mm.registry import CRF_BACKENDS
from hsc_mm.utils import check_number
from .dense import CRFBackend
from .numbers import CRFNumbers, log_unary

__all__ = [
    'MAX_CELLS', 'ReducedBackend', 'group_pixels', 'reduced_mean_field'
]

#: Most groups of an image.
MAX_CELLS = 2048
#: Sides of cells in units of the width of the kernel, at first.
PLACE, COLOUR = 0.5, 0.7
#: Entries of the largest table that stands for a sort.
TABLE = 2**23
#: exp of less is a denormal number in float32, at twenty times the cost.
LOWEST = -80.0


def group_pixels(image: np.ndarray, sxy: float, srgb: float,
                 max_cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put pixels alike in place and colour into groups.

    Cells are at first half the kernel's width wide in place and 0.7 of it in
    colour; where more than ``max_cells`` are occupied, those of colour grow,
    and where no colour is left to tell apart, those of place.

    Returns:
        tuple: Group of each pixel, (H * W,) int64; mean features in units
        of the kernel's width, (M, 5) float32: x, y and colour; pixels of
        each group, (M,) float32.
    """
    height, width = image.shape[:2]
    colours = image.reshape(-1, 3)
    row, column = np.arange(height), np.arange(width)
    place, colour = max(PLACE * sxy, 1), max(COLOUR * srgb, 1)
    while True:
        rows, columns = (-(-size // int(np.ceil(place)))
                         for size in (height, width))
        cell = (row * rows // height * columns)[:, None] \
            + column * columns // width
        level = (np.arange(256) / colour).astype(np.int64)
        bins = int(level[-1]) + 1
        code = cell.ravel() * bins**3
        for channel in range(3):
            code += (level * bins**channel)[colours[:, channel]]
        codes = rows * columns * bins**3
        count = _count(code, codes)
        if count <= max_cells or codes == 1:
            break
        grow = min(max(1.05, (count / max_cells)**0.4), 1.6)
        place, colour = ((place * grow, colour) if bins == 1 else
                         (place, colour * grow))
    group = _number(code, codes)
    count = np.bincount(group)
    features = np.stack([
        np.bincount(group, value.ravel()) / count / scale
        for value, scale in (
            (np.broadcast_to(column, (height, width)), sxy),
            (np.broadcast_to(row[:, None], (height, width)), sxy),
            *((channel, srgb) for channel in colours.T))
    ], 1)
    return group, features.astype(np.float32), count.astype(np.float32)


def _count(code: np.ndarray, codes: int) -> int:
    """Count the different numbers below ``codes``."""
    if codes > TABLE:
        return len(np.unique(code))
    held = np.zeros(codes, bool)
    held[code] = True
    return np.count_nonzero(held)


def _number(code: np.ndarray, codes: int) -> np.ndarray:
    """Replace numbers below ``codes`` by their ranks."""
    if codes > TABLE:
        return np.unique(code, return_inverse=True)[1].ravel()
    held = np.zeros(codes, bool)
    held[code] = True
    rank = np.empty(codes, np.int64)
    rank[held] = np.arange(np.count_nonzero(held))
    return rank[code]


def _group_kernel(features: np.ndarray, count: np.ndarray) -> torch.Tensor:
    """Return n K n between groups, with the numbers of pixels in n."""
    value = torch.from_numpy(features - features.mean(axis=0))
    half = value.square().sum(dim=1, keepdim=True) / -2
    one = torch.ones_like(half)
    kernel = torch.cat([value, half, one], 1) \
        @ torch.cat([value, one, half], 1).t()
    kernel.clamp_(min=LOWEST, max=0).exp_()
    scale = (kernel @ torch.from_numpy(count) + 1e-20).rsqrt()
    return kernel.mul_(scale).mul_(scale[:, None])


@torch.no_grad()
def reduced_mean_field(prob: np.ndarray,
                       image: np.ndarray,
                       numbers: CRFNumbers,
                       max_cells: int = MAX_CELLS) -> np.ndarray:
    """Compute Q, (L, H, W) float32, with groups of pixels; see the module.

    The kernel of M groups takes 4 M^2 bytes.
    """
    labels, *size = prob.shape
    group, features, count = group_pixels(
        image, numbers.bilateral_sxy, numbers.bilateral_srgb, max_cells)
    kernel = _group_kernel(features, count) * numbers.bilateral_weight

    reach = int(np.ceil(6 * numbers.gaussian_sxy))  # exp(-18) is 1.5e-8
    line = np.exp(-(np.arange(-reach, reach + 1) /
                    numbers.gaussian_sxy)**2 / 2).astype(np.float32)

    def smooth(plane: np.ndarray) -> np.ndarray:
        return cv2.sepFilter2D(
            plane, -1, line, line, borderType=cv2.BORDER_CONSTANT)

    scale = 1 / np.sqrt(smooth(np.ones(size, np.float32)) + 1e-20)
    weight = scale * np.float32(numbers.gaussian_weight)
    def message(prob: torch.Tensor) -> torch.Tensor:
        current = prob.numpy()
        total = np.stack([
            np.bincount(group, plane.ravel(), len(count))
            for plane in current
        ]).astype(np.float32)  # (L, M)
        found = np.take((torch.from_numpy(total) @ kernel).numpy(), group,
                        axis=1).reshape(labels, *size)
        for plane, before in zip(found, current, strict=True):
            plane += weight * smooth(scale * before)
        return torch.from_numpy(found)

    return mean_field(
        torch.from_numpy(log_unary(prob)), message, numbers.steps).numpy()


@CRF_BACKENDS.register_module(name='reduced')
class ReducedBackend(CRFBackend):
    """Exact kernels between groups of pixels; anywhere, on a CPU.

    Args:
        max_cells (int): Most groups of pixels.

    Raises:
        ValueError: ``max_cells`` is not positive.
    """

    def __init__(self, max_cells: int = MAX_CELLS) -> None:
        self.max_cells = check_number(
            'max_cells of the CRF', max_cells, above=0)

    @classmethod
    def suits(cls) -> bool:
        """Say yes."""
        return True

    def __call__(self, prob: np.ndarray, image: np.ndarray,
                 numbers: CRFNumbers, device: str) -> np.ndarray:
        """See :func:`reduced_mean_field`."""
        return reduced_mean_field(prob, image, numbers, self.max_cells)
