"""Similarity of pixels to prototypes of classes, and seeds that use it."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .prototypes import Bank

__all__ = ['bank_similarity', 'join_similarity', 'map_rows']

#: What stands for the similarity to a prototype that does not exist.
_UNSEEN = -2.0


def bank_similarity(embedding: Tensor, banks: Sequence[Bank]) -> Tensor:
    """Compare embeddings with the prototypes of classes, in float32.

    Args:
        embedding (Tensor): (B, D, h, w).
        banks (sequence[Bank]): Of C rows each, one for each view.

    Returns:
        Tensor: Cosine to each row, the mean of the banks that have seen the
        class, (B, C, h, w) in [-1, 1]; -2 for a class that none has seen.
    """
    with torch.autocast(embedding.device.type, enabled=False):
        unit = F.normalize(embedding.float(), dim=1)
        rows = torch.stack([bank.rows for bank in banks]).float()
        seen = torch.stack([bank.seen for bank in banks])
        count = seen.sum(dim=0)
        weights = seen / count.clamp(min=1)
        # The mean of cosines is a product with the mean of unit rows.
        mean = (F.normalize(rows, dim=2) * weights[..., None]).sum(dim=0)
        cosine = torch.einsum('bdhw,cd->bchw', unit, mean)
        return cosine.masked_fill((count == 0)[:, None, None], _UNSEEN)


def join_similarity(cam: Tensor,
                    similarity: Tensor,
                    temperature: float = 0.1) -> Tensor:
    r"""Average CAMs and the probabilities that prototypes give the classes.

    .. math:: \tfrac12 \left( \hat A_k + \operatorname{softmax}_k
              \left( s / \tau \right) \right)

    The softmax is over the background and the classes that the image holds.
    A class without a prototype has its CAM alone, as have all classes if the
    background has none.
    Prototypes of the pixel level of HSC then take part in the seeds. (HSC,
    Wu et al., IJCAI 2023, makes its seeds of the CAM alone.)

    Args:
        cam (Tensor): Normalised CAMs of the n classes that the image holds,
            (n, H, W) in [0, 1].
        similarity (Tensor): Of :func:`bank_similarity`, background first,
            (n + 1, H, W).
        temperature (float): tau, > 0; that of the pixel contrast by default,
            whatever it was in training.

    Returns:
        Tensor: (n, H, W) in [0, 1].
    """
    joined = (cam + (similarity / temperature).softmax(dim=0)[1:]) / 2
    # Halfway to the least cosine, -1, as resizing rounds.
    seen = similarity > (_UNSEEN - 1) / 2
    return torch.where(seen[1:] & seen[:1], joined, cam)


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
