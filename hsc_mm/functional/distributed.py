"""Sums and lists over ranks, as if the batch were in one process.

Every rank computes the value of the joined batch; DistributedDataParallel
then averages the gradients of the ranks. A term that every rank computes
whole must therefore send back its own share N times: the functions below do.
"""
import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ['all_gather', 'all_sum', 'rank', 'world_size']


def world_size() -> int:
    """Return the number of ranks, 1 without a process group."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_world_size()
    return 1


def rank() -> int:
    """Return the number of this rank, 0 without a process group."""
    return dist.get_rank() if world_size() > 1 else 0


class _AllSum(torch.autograd.Function):
    """Sum over ranks; the gradient is multiplied by their number."""

    @staticmethod
    def forward(ctx, value: Tensor) -> Tensor:
        value = value.clone().contiguous()
        dist.all_reduce(value)
        return value

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        return grad * world_size()


class _AllGather(torch.autograd.Function):
    """Concatenation over ranks; the own share of the gradient, N times."""

    @staticmethod
    def forward(ctx, value: Tensor) -> Tensor:
        value = value.contiguous()
        parts = [torch.empty_like(value) for _ in range(world_size())]
        dist.all_gather(parts, value)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        size = len(grad) // world_size()
        start = rank() * size
        return grad[start:start + size] * world_size()


def all_sum(value: Tensor) -> Tensor:
    """Sum a tensor of the same shape over ranks, differentiably."""
    return value if world_size() == 1 else _AllSum.apply(value)


def all_gather(value: Tensor) -> Tensor:
    """Concatenate tensors of the same shape over ranks, differentiably.

    Args:
        value (Tensor): (B, ...).

    Returns:
        Tensor: (N * B, ...), rank by rank.
    """
    return value if world_size() == 1 else _AllGather.apply(value)
