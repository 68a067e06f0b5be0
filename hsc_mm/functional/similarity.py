"""Similarity of pixels to prototypes of classes, and seeds that use it."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .prototypes import Bank

__all__ = ['bank_similarity', 'join_similarity', 'map_rows']


def bank_similarity(embedding: Tensor, banks: Sequence[Bank]) -> Tensor:
    """Compare embeddings with the prototypes of classes, in float32.

    Args:
        embedding (Tensor): (B, D, h, w).
        banks (sequence[Bank]): Of C rows each, one for each view.

    Returns:
        Tensor: Cosine to each row, the mean of the banks, (B, C, h, w) in
        [-1, 1]; -1 for a class that a bank has not seen.
    """
    found = []
    with torch.autocast(embedding.device.type, enabled=False):
        unit = F.normalize(embedding.float(), dim=1)
        for bank in banks:
            cosine = torch.einsum('bdhw,cd->bchw', unit,
                                  F.normalize(bank.rows.float(), dim=1))
            found.append(cosine.masked_fill(~bank.seen[:, None, None], -1.0))
    return torch.stack(found).mean(dim=0)


def join_similarity(cam: Tensor,
                    similarity: Tensor,
                    temperature: float = 0.1) -> Tensor:
    r"""Average CAMs and the probabilities that prototypes give the classes.

    .. math:: \tfrac12 \left( \hat A_k + \operatorname{softmax}_k
              \left( s / \tau \right) \right)

    The softmax is over the background and the classes that the image holds.
    Prototypes of the pixel level of HSC then take part in the seeds. (HSC,
    Wu et al., IJCAI 2023, makes its seeds of the CAM alone.)

    Args:
        cam (Tensor): Normalised CAMs of the n classes that the image holds,
            (n, H, W) in [0, 1].
        similarity (Tensor): Mean cosines over the views, background first,
            (n + 1, H, W).
        temperature (float): tau, > 0; that of the pixel contrast by default,
            whatever it was in training.

    Returns:
        Tensor: (n, H, W) in [0, 1].
    """
    return (cam + (similarity / temperature).softmax(dim=0)[1:]) / 2


def map_rows(chosen: Tensor, num_classes: int, num_maps: int) -> Tensor:
    """Return which maps of an image belong to chosen classes.

    Args:
        chosen (Tensor): Indices of n foreground classes, from 0.
        num_classes (int): K, foreground classes.
        num_maps (int): K, of CAMs alone; or 2 K + 1, where the similarity of
            the background and of the K classes follows.

    Returns:
        Tensor: (n, ) or (2 n + 1, ).
    """
    if num_maps == num_classes:
        return chosen
    return torch.cat([chosen, chosen.new_tensor([num_classes]),
                      num_classes + 1 + chosen])
