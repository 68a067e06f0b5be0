"""Positions that speak for a class: the strongest of a batch."""
import torch
from torch import Tensor

from .distributed import all_gather, rank

__all__ = ['strongest', 'weighted_sums']


@torch.no_grad()
def strongest(weight: Tensor, *counts: int,
              share_ties: bool = True) -> list[Tensor]:
    """Mark the largest weights of each class over the joined batch.

    Behind a ReLU many positions have the same weight. Those that are equal
    to the last one chosen share the places that are left, so that neither
    the order of images nor the number of ranks matters.

    Args:
        weight (Tensor): (C, n): the n positions of this rank's images.
        *counts (int): How many of each class; all positions, if there are
            fewer.
        share_ties (bool): False takes equal weights in the order of
            ``torch.topk``, as HSC's release does.

    Returns:
        list[Tensor]: For each count (C, n) in [0, 1]: 1 where chosen, the
        share of a place where tied, else 0. Over all ranks the marks of a
        class sum to the count.
    """
    joined = all_gather(weight.t()).t().contiguous()  # (C, N * n)
    size = weight.shape[1]
    start = rank() * size
    best = joined.topk(min(max(counts), joined.shape[1]), dim=1)
    chosen = []
    for count in counts:
        top, index = best.values[:, :count], best.indices[:, :count]
        if share_ties:
            least = top[:, -1:]
            places = (top == least).sum(1, keepdim=True)
            tied = (joined == least).sum(1, keepdim=True)
            mark = (weight > least).to(weight)
            mark = torch.where(weight == least, (places / tied).to(mark), mark)
        else:
            mark = torch.zeros_like(joined).scatter_(1, index, 1.0)
            mark = mark[:, start:start + size]
        chosen.append(mark)
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
