"""Mean field with exact Gaussian kernels, computed in blocks of rows."""
import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from hsc_mm.functional.grid_crf import mean_field
from hsc_mm.registry import CRF_BACKENDS
from hsc_mm.utils import check_number
from .dense import CRFBackend
from .numbers import CRFNumbers, log_unary

__all__ = [
    'ExactBackend', 'exact_mean_field', 'make_bilateral', 'make_gaussian'
]

_DTYPES = {'float32': torch.float32, 'float64': torch.float64}

#: Bytes of a block on a CPU: what stays in its cache is faster.
CPU_BLOCK = 2**22
#: exp of less is a denormal number in float32, at twenty times the cost.
LOWEST = -80.0


def _normalised(filtered: Callable[[Tensor], Tensor],
                ones: Tensor) -> Callable[[Tensor], Tensor]:
    """Return v -> n K (n v) with n = 1 / sqrt(K 1 + 1e-20)."""
    scale = (filtered(ones) + 1e-20).rsqrt()
    return lambda value: scale * filtered(scale * value)


def make_gaussian(height: int, width: int, sxy: float, device: torch.device,
                  dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    """Return the normalised kernel of positions, a function of (L, H * W).

    It is a product over rows and columns, so two small matrices do exactly
    what one of (n, n) would. ``sxy`` is its width in pixels.
    """
    lines = []
    for size in (height, width):
        place = torch.arange(size, device=device, dtype=dtype) / sxy
        lines.append(torch.exp(-(place[:, None] - place).square() / 2))

    def filtered(value: Tensor) -> Tensor:
        value = value.view(-1, height, width)
        return (lines[0] @ value @ lines[1]).flatten(1)

    return _normalised(
        filtered, torch.ones(1, height * width, device=device, dtype=dtype))


def _square_distance(value: Tensor) -> tuple[Tensor, Tensor]:
    """Return A (n, F + 2) and B (F + 2, n): A B = |v_i - v_j|^2.

    Of integers the result is exact, also in float32, up to 2^24.
    """
    square = value.square().sum(dim=1, keepdim=True)
    one = torch.ones_like(square)
    return (torch.cat([value, square, one], 1),
            torch.cat([-2 * value, one, square], 1).t().contiguous())


def make_bilateral(image: Tensor, sxy: float, srgb: float, memory: int,
                   dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    """Return the normalised kernel of positions and colours, as a function.

    It maps (L, H * W) to the same; the image is RGB in 0..255. Positions and
    colours are integers around zero. Their squared distances
    are exact before they are scaled, which keeps float32 good to 1e-6 where
    differences of large squares would not. The kernel is symmetric: each
    block holds the columns from its first row on, and acts both ways. Blocks
    take ``memory`` bytes: where half the kernel fits, it is computed once,
    else in every step again.
    """
    height, width = image.shape[:2]
    n, device = height * width, image.device
    pixel = torch.arange(n, device=device)
    place = torch.stack([
        pixel.div(width, rounding_mode='floor') - height // 2,
        pixel % width - width // 2
    ], 1).to(dtype)
    colour = image.reshape(n, 3).to(dtype) - 128
    (near, near_t), (alike, alike_t) = map(_square_distance, (place, colour))
    size = torch.finfo(dtype).bits // 8
    keep = n * n * size * 0.55 <= memory
    block = memory if device.type != 'cpu' else min(memory, CPU_BLOCK)
    if keep:
        block = min(block, memory // 16)
    rows = max(1, block // (size * n))
    starts = range(0, n, rows)
    scratch = None if keep else torch.empty(
        min(rows, n) * n, device=device, dtype=dtype)

    def kernel(start: int) -> Tensor:
        """Return rows from ``start``, columns from ``start``."""
        end = min(start + rows, n)
        shape = (end - start, n - start)
        found = torch.empty(shape, device=device, dtype=dtype) \
            if scratch is None else scratch[:shape[0] * shape[1]].view(shape)
        torch.mm(alike[start:end], alike_t[:, start:], out=found)
        torch.addmm(found, near[start:end], near_t[:, start:],
                    beta=-0.5 / srgb**2, alpha=-0.5 / sxy**2, out=found)
        return found.clamp_(min=LOWEST).exp_()

    kept = [kernel(start) for start in starts] if keep else None

    def filtered(value: Tensor) -> Tensor:
        value, out = value.contiguous(), torch.zeros_like(value)
        for number, start in enumerate(starts):
            part = kernel(start) if kept is None else kept[number]
            end = start + len(part)
            out[:, start:end] += value[:, start:] @ part.t()
            out[:, end:] += value[:, start:end] @ part[:, end - start:]
        return out

    return _normalised(filtered, torch.ones(1, n, device=device, dtype=dtype))


@contextlib.contextmanager
def _full_precision() -> Iterator[None]:
    """Multiply matrices in float32 proper: TF32 would spoil distances."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision('highest')
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@torch.no_grad()
def exact_mean_field(prob: np.ndarray,
                     image: np.ndarray,
                     numbers: CRFNumbers,
                     device: str = 'cpu',
                     memory: int = 2**29,
                     dtype: torch.dtype = torch.float32) -> np.ndarray:
    """Compute Q, (L, H, W) float32, with exact kernels.

    Time grows with the square of pixels; ``memory`` is the number of bytes
    for blocks of the kernel. See :meth:`CRFBackend.__call__` for the rest.
    """
    device = torch.device(device)
    with torch.autocast(device.type, enabled=False), _full_precision():
        score = torch.from_numpy(log_unary(prob)).to(device, dtype).flatten(1)
        terms = [
            (numbers.gaussian_weight,
             make_gaussian(*prob.shape[1:], numbers.gaussian_sxy, device,
                           dtype)),
            (numbers.bilateral_weight,
             make_bilateral(
                 torch.tensor(image, device=device), numbers.bilateral_sxy,
                 numbers.bilateral_srgb, memory, dtype)),
        ]
        found = mean_field(
            score, lambda prob: sum(weight * term(prob)
                                    for weight, term in terms), numbers.steps)
        return found.view(prob.shape).float().cpu().numpy()


@CRF_BACKENDS.register_module(name='exact')
class ExactBackend(CRFBackend):
    """Exact kernels in torch, on any device; ``'auto'`` never takes it.

    Args:
        memory_mb (float): MB for blocks of the kernel.
        dtype (str): ``'float32'`` or ``'float64'``.

    Raises:
        ValueError: An argument is something else.
    """
    on_device = True

    def __init__(self, memory_mb: float = 512, dtype: str = 'float32') -> None:
        self.memory = int(
            check_number('memory_mb of the CRF', memory_mb, above=0) * 1e6)
        if dtype not in _DTYPES:
            raise ValueError('dtype of the CRF: expected one of '
                             f'{tuple(_DTYPES)}, found {dtype!r}.')
        self.dtype = dtype

    def __call__(self, prob: np.ndarray, image: np.ndarray,
                 numbers: CRFNumbers, device: str) -> np.ndarray:
        """See :func:`exact_mean_field`."""
        return exact_mean_field(prob, image, numbers, device, self.memory,
                                _DTYPES[self.dtype])
