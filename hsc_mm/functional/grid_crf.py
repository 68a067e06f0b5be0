"""Mean field, and the dense CRF on a small grid."""
import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ['crf_from_labels', 'mean_field', 'pairwise_matrix']


def mean_field(score: Tensor, message: Callable[[Tensor], Tensor], steps: int,
               dim: int = 0) -> Tensor:
    r"""Iterate mean field with the Potts model.

    .. math:: Q \leftarrow \mathrm{softmax}(-U + m(Q)), \quad
              Q_0 = \mathrm{softmax}(-U)

    Args:
        score (Tensor): -U, of any shape.
        message (Callable): m, the weighted sum of the kernels' messages:
            from Q to a new tensor of the shape of ``score``.
        steps (int): Number of iterations.
        dim (int): Dimension of the labels.

    Returns:
        Tensor: Q, of the shape of ``score``.
    """
    prob = score.softmax(dim)
    for _ in range(steps):
        prob = message(prob).add_(score).softmax(dim)
    return prob


def _gaussian(feature: Tensor) -> Tensor:
    """Return the normalised kernel of features (B, n, F), (B, n, n)."""
    # Not by a product of matrices, which TF32 would round to three digits.
    distance = torch.cdist(
        feature, feature, compute_mode='donot_use_mm_for_euclid_dist')
    # Below exp(-80) nothing adds up, and subnormal numbers are slow.
    kernel = torch.exp(-0.5 * distance.square().clamp(max=160))
    scale = (kernel.sum(dim=2) + 1e-20).rsqrt()
    return scale[:, :, None] * kernel * scale[:, None]


def pairwise_matrix(image: Tensor,
                    gaussian: tuple[float, float] = (3, 3),
                    bilateral: tuple[float, float, float] = (50, 5, 10)
                    ) -> Tensor:
    r"""Return what one step of mean field multiplies by.

    .. math:: W = \sum_m w_m \, n_m K_m n_m, \quad
              K_{ij} = \exp(-|f_i - f_j|^2 / 2), \quad
              n = 1 / \sqrt{K 1 + 10^{-20}}

    with the Gaussian kernel f = (x, y) / s_xy and the bilateral kernel
    f = ((x, y) / s_xy, rgb / s_rgb) (Kraehenbuehl and Koltun, 2011).

    Args:
        image (Tensor): Colours in [0, 255], (B, 3, h, w).
        gaussian (tuple): s_xy in grid cells, and weight.
        bilateral (tuple): s_xy in grid cells, s_rgb, and weight.

    Returns:
        Tensor: W, (B, h * w, h * w), symmetric.
    """
    height, width = image.shape[2:]
    rows = torch.arange(height, device=image.device, dtype=torch.float32)
    columns = torch.arange(width, device=image.device, dtype=torch.float32)
    place = torch.stack(
        [columns.expand(height, width),
         rows[:, None].expand(height, width)], -1).flatten(0, 1)  # (n, 2)
    # Centred: squares of large numbers would cost digits.
    place = (place - place.mean(0))[None]
    colour = image.float().flatten(2).transpose(1, 2)  # (B, n, 3)
    colour = colour - colour.mean(dim=1, keepdim=True)
    near = _gaussian(place / gaussian[0]) * gaussian[1]
    both = torch.cat([
        place.expand(len(image), -1, -1) / bilateral[0],
        colour / bilateral[1]
    ], dim=2)
    return near + _gaussian(both) * bilateral[2]


@torch.no_grad()
def crf_from_labels(masks: Tensor,
                    pairwise: Tensor,
                    num_classes: int,
                    max_labels: int | None = None,
                    gt_prob: float = 0.7,
                    steps: int = 10) -> Tensor:
    r"""Smooth hard labels by mean field inference.

    .. math:: Q \leftarrow \mathrm{softmax}(-U + W Q), \quad
              U = -\log 0.7 \text{ on the label}, \;
              -\log \tfrac{0.3}{C - 1} \text{ elsewhere}

    Labels that a mask does not hold have the same unary everywhere, hence
    the same Q for ever: one channel, counted as often as there are such
    labels, stands for all of them. That is exact, and C = 21 becomes three
    or four channels.

    Args:
        masks (Tensor): Labels in [0, C), (B, V, h, w): V masks of an image.
        pairwise (Tensor): :func:`pairwise_matrix` of the images,
            (B, h * w, h * w).
        num_classes (int): C.
        max_labels (int, optional): The largest number of different labels
            that a mask may hold. Known to the host, so nothing has to wait
            for the device; None allows all C. Labels beyond are wrong.
        gt_prob (float): Trust in the labels, in (1 / C, 1).
        steps (int): Steps of mean field.

    Returns:
        Tensor: Labels, (B, V, h, w), int64.
    """
    shape = masks.shape
    flat = masks.long().flatten(2)  # (B, V, n)
    slots = min(max_labels or num_classes, num_classes)
    held = torch.zeros(
        *shape[:2], num_classes, device=masks.device).scatter_(2, flat, 1.0)
    # A stable sort lists the labels held in increasing order, then others.
    held, label = held.sort(dim=2, descending=True, stable=True)
    held, label = held[..., :slots], label[..., :slots]
    others = num_classes - held.sum(dim=2, keepdim=True)  # (B, V, 1)

    wrong = math.log((1 - gt_prob) / max(num_classes - 1, 1))
    hit = label[..., None] == flat[:, :, None]  # (B, V, slots, n)
    unary = torch.where(hit, math.log(gt_prob), wrong)
    unary = unary.masked_fill((held == 0)[..., None], -torch.inf)
    # The channel of all others carries the logarithm of their number.
    rest = torch.full_like(unary[:, :, :1], wrong)
    unary = torch.cat([unary, rest], dim=2)
    count = torch.cat([torch.zeros_like(held), others.log()], 2)[..., None]
    share = count.exp().clamp(min=1.0)

    def message(prob: Tensor) -> Tensor:
        # One of the others receives the message of one of them.
        return ((prob / share).flatten(1, 2) @ pairwise).view_as(unary)

    prob = mean_field(unary + count, message, steps, dim=2)
    best = prob[:, :, :slots].argmax(dim=2)  # (B, V, n)
    return label.gather(2, best).view(shape)
