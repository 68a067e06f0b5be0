"""Bilinear resizing as two small matrix products."""
from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ['resize_bilinear']


@lru_cache(maxsize=64)
def _weights(source: int, target: int, device: torch.device,
             dtype: torch.dtype) -> Tensor:
    """Return the (target, source) matrix of linear interpolation."""
    weights = torch.zeros(target, source, dtype=torch.float64)
    step = (source - 1) / (target - 1) if target > 1 else 0.0
    for row in range(target):
        position = row * step
        left = min(int(position), source - 1)
        right = min(left + 1, source - 1)
        weights[row, left] += 1 - (position - left)
        weights[row, right] += position - left
    return weights.to(device=device, dtype=dtype)


def resize_bilinear(maps: Tensor, size: Sequence[int]) -> Tensor:
    r"""Resize maps bilinearly, corners aligned.

    Bilinear interpolation is separable and linear,
    :math:`Y = W_h X W_w^\top`, so two matrix products do it, forward and
    backward. For embeddings of hundreds of channels that shrink to a small
    grid this takes less time than a general interpolation on a CPU, and is
    equal to it up to rounding.

    Args:
        maps (Tensor): (B, D, H, W), floating.
        size (sequence[int]): Height h and width w of the result.

    Returns:
        Tensor: (B, D, h, w), as ``F.interpolate(maps, size,
        mode='bilinear', align_corners=True)`` gives it.

    Raises:
        TypeError: The maps are whole numbers, which would be cut off.
    """
    if not maps.is_floating_point():
        raise TypeError('maps of resize_bilinear: expected floating numbers, '
                        f'found {maps.dtype}. Take maps.float().')
    if torch.jit.is_tracing():  # matrices would fix the sizes in the trace
        return F.interpolate(maps, tuple(size), mode='bilinear',
                             align_corners=True)
    height, width = maps.shape[2:]
    if (height, width) == tuple(size):
        return maps
    # Inference mode would cache tensors that autograd refuses later.
    with torch.inference_mode(False):
        rows = _weights(height, size[0], maps.device, maps.dtype)
        columns = _weights(width, size[1], maps.device, maps.dtype)
    if maps.is_contiguous() or not maps.is_contiguous(
            memory_format=torch.channels_last):
        return rows @ (maps @ columns.t())
    # Channels last: the same products, along the lines that memory has.
    lines = maps.permute(0, 2, 3, 1)  # (B, H, W, D)
    lines = (rows @ lines.flatten(2)).unflatten(2, (width, -1))
    return (columns @ lines).permute(0, 3, 1, 2)
