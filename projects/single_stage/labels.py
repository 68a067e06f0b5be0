"""Pseudo labels and losses of a single stage: pairs, random walk, pixels."""
import torch
import torch.nn.functional as F
from torch import Tensor

from hsc_mm.functional import IGNORE

__all__ = [
    'affinity_labels', 'affinity_loss', 'banded_labels', 'local_pairs',
    'normalised_maps', 'random_walk', 'segmentation_loss'
]


def normalised_maps(cam: Tensor, labels: Tensor) -> Tensor:
    r"""Bring the CAM of each class that an image holds to [0, 1].

    .. math:: M_k = y_k \, (A_k - \min A_k)
              / (\max A_k - \min A_k + 10^{-5})

    Args:
        cam (Tensor): Activations of the foreground, (B, K, h, w).
        labels (Tensor): Image labels y, (B, K), 0 or 1.

    Returns:
        Tensor: (B, K, h, w), 0 for classes that an image does not hold.
    """
    low, high = cam.amin((2, 3), True), cam.amax((2, 3), True)
    return (cam - low) / (high - low + 1e-5) * labels.to(cam)[..., None, None]


def banded_labels(maps: Tensor, low: float, high: float) -> Tensor:
    """Label what is surely foreground and what is surely background.

    Args:
        maps (Tensor): Maps of the foreground, (B, K, H, W) in [0, 1].
        low (float): Up to it a pixel is background.
        high (float): Above it a pixel has the class of its highest map.

    Returns:
        Tensor: (B, H, W) int64, background 0; IGNORE in between.
    """
    value, index = maps.max(dim=1)
    rest = torch.where(value > low, IGNORE, 0)
    return torch.where(value > high, index + 1, rest)


def local_pairs(size: tuple[int, int],
                radius: int,
                device: torch.device | None = None) -> Tensor:
    """Say which positions of a grid are near each other.

    Args:
        size (tuple[int, int]): Rows h and columns w; n = h * w.
        radius (int): Largest distance in rows and in columns.
        device (torch.device, optional): Where the result lies.

    Returns:
        Tensor: (n, n) bool; a position is near itself.
    """
    rows, columns = (torch.arange(one, device=device) for one in size)
    place = torch.cartesian_prod(rows, columns)  # (n, 2)
    return (place[:, None] - place).abs().amax(dim=2) <= radius


def affinity_labels(label: Tensor, near: Tensor) -> Tensor:
    """Label pairs of positions: 1 for one class, 0 for two.

    Args:
        label (Tensor): Labels of positions, (B, h, w), with IGNORE.
        near (Tensor): Pairs that count, (n, n) bool.

    Returns:
        Tensor: (B, n, n) int64; IGNORE where a pair does not count, or
        one of its positions has no label.
    """
    one, other = label.flatten(1)[:, :, None], label.flatten(1)[:, None]
    counts = near & (one != IGNORE) & (other != IGNORE)
    return torch.where(counts, (one == other).long(), IGNORE)


def affinity_loss(affinity: Tensor, target: Tensor) -> Tensor:
    r"""Draw the affinity of like pairs to 1 and that of unlike ones to 0.

    .. math:: \frac{1}{2 |P|} \sum_{(i, j) \in P} (1 - a_{ij})
              + \frac{1}{2 |N|} \sum_{(i, j) \in N} a_{ij}

    (Ru et al., CVPR 2022, as its code has it.) P and N are the pairs of the
    whole batch; an empty one adds nothing.

    Args:
        affinity (Tensor): a in [0, 1], (B, n, n).
        target (Tensor): :func:`affinity_labels`, (B, n, n).

    Returns:
        Tensor: Scalar in [0, 1].
    """
    like, unlike = (target == 1).float(), (target == 0).float()
    return 0.5 * (((1 - affinity) * like).sum() / like.sum().clamp(min=1) +
                  (affinity * unlike).sum() / unlike.sum().clamp(min=1))


def random_walk(maps: Tensor,
                affinity: Tensor,
                near: Tensor,
                power: float = 2.0,
                steps: int = 1) -> Tensor:
    r"""Spread maps to positions that are alike.

    .. math:: T = D^{-1} A^{\circ \alpha}, \quad
              D_{ii} = \sum_j A_{ij}^\alpha, \quad M \leftarrow T^t M

    (Ru et al., CVPR 2022.) The power is taken of each element, and only
    pairs that are near count.

    Args:
        maps (Tensor): M, (B, K, h, w).
        affinity (Tensor): A >= 0, symmetric, (B, n, n), n = h * w.
        near (Tensor): (n, n) bool, see :func:`local_pairs`.
        power (float): alpha.
        steps (int): t; 0 leaves the maps as they are.

    Returns:
        Tensor: (B, K, h, w); a map of one value keeps it.
    """
    weight = (affinity * near)**power
    tiny = torch.finfo(weight.dtype).tiny
    weight = weight / weight.sum(dim=2, keepdim=True).clamp(min=tiny)
    flat = maps.flatten(2).to(weight)  # (B, K, n)
    for _ in range(steps):
        flat = flat @ weight.transpose(1, 2)
    return flat.unflatten(2, tuple(maps.shape[2:]))


def segmentation_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Average cross entropy of the background and of the foreground.

    Each is a mean over its pixels of the whole batch, and counts half,
    whatever its area (code of Ru et al., CVPR 2022); an empty one adds
    nothing.

    Args:
        logits (Tensor): (B, C, H, W), background first.
        target (Tensor): (B, H, W) int64, with IGNORE.

    Returns:
        Tensor: Scalar.
    """
    terms = F.cross_entropy(
        logits, target, ignore_index=IGNORE, reduction='none')
    return 0.5 * sum(
        (terms * part).sum() / part.sum().clamp(min=1)
        for part in (target == 0, target > 0))
