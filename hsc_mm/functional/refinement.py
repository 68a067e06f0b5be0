"""Refinement of maps by similarity of colours, features or attention."""
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    'attention_affinity', 'pixel_adaptive', 'pixel_affinity', 'propagate',
    'source_cam'
]

#: Rows and columns to the eight neighbours at distance one.
_RING = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)
         if (row, column) != (0, 0)]
DILATIONS = (1, 2, 4, 8, 12, 24)
EPS = 1e-5


def _neighbours(maps: Tensor, dilations: Sequence[int]) -> Iterator[Tensor]:
    """Yield each neighbour of all pixels, (B, C, H, W); borders repeat."""
    height, width = maps.shape[2:]
    reach = max(dilations)
    padded = F.pad(maps, [reach] * 4, mode='replicate')
    for dilation in dilations:
        for row, column in _RING:
            top, left = (reach + dilation * step for step in (row, column))
            yield padded[..., top:top + height, left:left + width]


def pixel_affinity(image: Tensor,
                   dilations: Sequence[int] = DILATIONS,
                   sharpness: float = 0.3,
                   position_weight: float = 0.01) -> Tensor:
    r"""Return how much a pixel takes of each of its neighbours in PAR.

    .. math:: \kappa_{ij} = \frac{1}{1 + w_2} \Big( \mathrm{softmax}_j\big(
              -\tfrac13 \sum_c (|I_{ic} - I_{jc}| / (w_1 \sigma_{ic}))^2\big)
              + w_2 \, \mathrm{softmax}_j\big(
              -(|p_i - p_j| / (w_1 \sigma_p))^2\big) \Big)

    over the eight neighbours j at each distance; :math:`\sigma` is the
    standard deviation over these neighbours (Ru et al., CVPR 2022, equations
    7 to 9). There the sum is not divided by 1 + w_2, so that maps grow with
    every step; which of them is highest is the same.

    Args:
        image (Tensor): Colours of any scale, (B, 3, H, W).
        dilations (Sequence[int]): Distances in pixels.
        sharpness (float): w_1; the smaller, the less of unlike neighbours.
        position_weight (float): w_2.

    Returns:
        Tensor: (B, 8 * D, H, W), by distance, then row by row; sums to one.
    """
    total: Tensor | None = None
    for channel in image.float().split(1, dim=1):
        near = torch.cat(list(_neighbours(channel, dilations)), dim=1)
        # Tensor.std takes seven times as long.
        spread = (near - near.mean(dim=1, keepdim=True)).square_().sum(
            dim=1, keepdim=True).div_(near.shape[1] - 1).sqrt_().add_(1e-8)
        near.sub_(channel).div_(spread * sharpness).square_()
        total = near if total is None else total.add_(near)
    place = torch.tensor([
        dilation * (row**2 + column**2)**0.5 for dilation in dilations
        for row, column in _RING
    ], device=image.device)
    place = -(place / (place.std() + 1e-8) / sharpness).square()
    assert total is not None, 'an image has channels'
    weight = total.div_(-image.shape[1]).softmax(dim=1)
    weight += position_weight * place.softmax(0)[:, None, None]
    return weight.div_(1 + position_weight)


def pixel_adaptive(maps: Tensor,
                   affinity: Tensor,
                   dilations: Sequence[int] = DILATIONS,
                   steps: int = 10) -> Tensor:
    """Replace each pixel by the mean of its neighbours, several times (PAR).

    A map that is the same everywhere stays as it is.

    Args:
        maps (Tensor): (B, C, H, W).
        affinity (Tensor): :func:`pixel_affinity` of the images at the size
            of the maps, (B, 8 * D, H, W).
        dilations (Sequence[int]): Those of the affinity.
        steps (int): How often.

    Returns:
        Tensor: (B, C, H, W), between the least and the largest value.
    """
    for _ in range(steps):
        mixed = torch.zeros_like(maps)
        for weight, near in zip(affinity.split(1, dim=1),
                                _neighbours(maps, dilations), strict=True):
            mixed.addcmul_(weight, near)
        maps = mixed
    return maps


def attention_affinity(attention: Tensor,
                       rounds: int = 3,
                       power: int = 2) -> Tensor:
    """Make attention a symmetric affinity between positions (CLIP-ES).

    Columns and rows are divided by their sums in turn, after Sinkhorn; the
    mean with the transpose is multiplied by itself (Lin et al., CVPR 2023,
    section 3.4; its code does three rounds and one product).

    Args:
        attention (Tensor): Not negative, (..., n, n).
        rounds (int): How often columns and rows are normalised.
        power (int): Exponent of the matrix.

    Returns:
        Tensor: (..., n, n), symmetric.
    """
    least = torch.finfo(attention.dtype).tiny
    for _ in range(rounds):
        for dim in (-2, -1):
            attention = attention / attention.sum(dim, True).clamp(min=least)
    attention = (attention + attention.transpose(-2, -1)) / 2
    return torch.linalg.matrix_power(attention, power)


@torch.no_grad()
def source_cam(cam: Tensor) -> Tensor:
    r"""Normalise a CAM for propagation, without gradient, in float32.

    .. math:: \hat A = \frac{\max(0, A - \epsilon)}{\max A + \epsilon},
              \quad \hat A_{bg} = 1 - \max_{fg} \hat A

    with the maximum over the positions of each image and channel; then
    foreground channels that are not the maximum of their pixel become 0.

    Args:
        cam (Tensor): Raw CAM, (B, C, h, w), background first.

    Returns:
        Tensor: (B, C, h, w) in [0, 1].
    """
    foreground = cam[:, 1:].detach().float().relu()
    peak = foreground.amax((2, 3), True)
    foreground = (foreground - EPS).relu() / (peak + EPS)
    best = foreground.amax(1, True)
    foreground = torch.where(foreground < best, 0.0, foreground)
    return torch.cat([1 - best, foreground], dim=1)


def propagate(source: Tensor, feature: Tensor) -> Tensor:
    r"""Average a CAM over the pixels that look alike.

    .. math:: R = \hat A \, \frac{G}{1^\top G + \epsilon}, \quad
              G = \max(0, \hat f^\top \hat f), \quad
              \hat f = \frac{f}{|f| + \epsilon}

    (SEAM, Wang et al., CVPR 2020.)

    Args:
        source (Tensor): :func:`source_cam`, (B, C, h, w).
        feature (Tensor): f, (B, D, h, w).

    Returns:
        Tensor: Refined CAM R, (B, C, h, w).
    """
    flat = feature.float().flatten(2)  # (B, D, n)
    flat = flat / (flat.norm(dim=1, keepdim=True) + EPS)
    affinity = (flat.transpose(1, 2) @ flat).relu()  # (B, n, n)
    # Symmetric: the sum of a column scales a column of the product.
    scale = 1 / (affinity.sum(dim=1, keepdim=True) + EPS)
    return (source.flatten(2) @ affinity * scale).view_as(source)
