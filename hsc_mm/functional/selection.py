"""Choosing the strongest positions of a batch, and summing them up."""
import torch
from torch import Tensor

from .distributed import all_gather, rank

__all__ = ['strongest', 'weighted_sums']


@torch.no_grad()
def strongest(weight: Tensor, *counts: int) -> list[Tensor]:
    """Mark the largest weights of each class over the joined batch.

    Args:
        weight (Tensor): (C, n): the n positions of this rank's images.
        *counts (int): How many of each class, the largest number first;
            all positions, if there are fewer.

    Returns:
        list[Tensor]: For each count (C, n), 1 where chosen, else 0.
    """
    joined = all_gather(weight.t()).t().contiguous()  # (C, N * n)
    size = weight.shape[1]
    index = joined.topk(min(counts[0], joined.shape[1]), dim=1).indices
    start = rank() * size
    chosen = []
    for count in counts:
        mark = torch.zeros_like(joined).scatter_(1, index[:, :count], 1.0)
        chosen.append(mark[:, start:start + size])
    return chosen


def weighted_sums(weight: Tensor, embedding: Tensor) -> Tensor:
    """Sum embeddings by weight.

    Args:
        weight (Tensor): (C, B * h * w), image by image.
        embedding (Tensor): (B, D, h, w).

    Returns:
        Tensor: (C, D).
    """
    flat = embedding.float().flatten(2)  # (B, D, h * w)
    weight = weight.unflatten(1, (len(flat), -1)).transpose(0, 1)
    return (weight @ flat.transpose(1, 2)).sum(0)
