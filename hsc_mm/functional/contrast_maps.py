"""Masks and weights of the contrast, made from refined CAMs."""
from collections.abc import Iterable, Sequence
from numbers import Real

import torch
from torch import Tensor

from .checks import check_all_labels
from .distributed import all_gather

__all__ = ['IGNORE', 'agreed_mask', 'background_scores', 'contrast_cam',
           'contrast_mask', 'contrast_weights', 'foreground_quantiles']

EPS = 1e-5
#: Label of a position that belongs to no class; 255 may be a class.
IGNORE = -1


def contrast_cam(refined: Tensor) -> Tensor:
    r"""Normalise the refined CAM of each image and class.

    .. math:: \hat r = \frac{r - \min r - \epsilon}
                            {\max r - \min r + \epsilon}, \quad
              r = \max(0, R), \; r = 0 \text{ where }
              r < \min r + \epsilon, \quad \epsilon = 10^{-5}

    Args:
        refined (Tensor): R, (B, C, h, w).

    Returns:
        Tensor: (B, C, h, w), at most 1. A minimum of zero becomes about
        zero; one above zero may become far less than zero.
    """
    cam = refined.detach().float().relu()
    low, high = cam.amin((2, 3), True), cam.amax((2, 3), True)
    cam = torch.where(cam < low + EPS, 0.0, cam)
    return (cam - low - EPS) / (high - low + EPS)


def background_scores(
        background: float | tuple[float, float]) -> tuple[float, ...]:
    """Return the scores of the background; see ``HierarchicalContrast``.

    Raises:
        ValueError: There are none or more than two, or one is not in (0, 1).
    """
    scores = tuple(background) if isinstance(background, Iterable) else (
        background, )
    if not 1 <= len(scores) <= 2:
        raise ValueError('background of HierarchicalContrast: expected one '
                         f'score or two, found {background}.')
    if not all(isinstance(score, Real) and 0 < score < 1
               for score in scores):
        raise ValueError('background of HierarchicalContrast: expected a '
                         f'score in (0, 1), found {background}.')
    return scores


def foreground_quantiles(cams: list[Tensor], label: Tensor,
                         shares: Sequence[float]) -> Tensor:
    """Find scores of the background that leave it given shares of a batch.

    Args:
        cams (list[Tensor]): r_hat of each view, (B, C, h, w), background
            first.
        label (Tensor): y+, labels with the background, (B, C).
        shares (sequence[float]): Shares of the positions, in (0, 1).

    Returns:
        Tensor: (len(shares), ), in [0, 1]: quantiles of the strongest class
        of each position, over all positions of images that hold a class, of
        all ranks; 1 where no image holds one.

    Raises:
        ValueError: The labels have another shape.
    """
    for cam in cams:
        check_all_labels(label, cam)
    strongest = torch.stack([_foreground(cam, label).amax(1) for cam in cams])
    empty = (label[:, 1:].amax(1) == 0)[:, None, None]
    strongest = all_gather(strongest.masked_fill(empty, torch.nan))
    return _nanquantile(strongest.flatten(), shares).nan_to_num(1.0)


def _nanquantile(values: Tensor, shares: Sequence[float]) -> Tensor:
    """Do what torch.nanquantile does, which waits for the device."""
    ordered = values.sort().values  # nan is the last
    last = (values.isnan().logical_not().sum() - 1).clamp(min=0)
    place = torch.stack([last.to(values) * share for share in shares])
    below = place.long()
    above = torch.minimum(below + 1, last)
    return torch.lerp(ordered[below], ordered[above], place - below)


def _foreground(cam: Tensor, label: Tensor) -> Tensor:
    """Return r_hat >= 0 of the classes that images hold, (B, C - 1, h, w)."""
    return cam[:, 1:].clamp(min=0) * label[:, 1:, None, None]


def contrast_mask(cam: Tensor, label: Tensor,
                  background: float | Tensor) -> Tensor:
    """Choose the strongest class of each position.

    Args:
        cam (Tensor): r_hat of :func:`contrast_cam`, (B, C, h, w),
            background first.
        label (Tensor): y+, labels with the background, (B, C).
        background (float | Tensor): Score of the background, in [0, 1].

    Returns:
        Tensor: Pseudo mask, (B, h, w), int64.

    Raises:
        ValueError: The labels have another shape.
    """
    check_all_labels(label, cam)
    score = cam * label[:, :, None, None]
    score[:, 0] = background
    return score.argmax(dim=1)


def agreed_mask(masks: list[Tensor]) -> Tensor:
    """Keep the labels on which masks of one image agree.

    Args:
        masks (list[Tensor]): Labels, (B, h, w) each.

    Returns:
        Tensor: Labels, (B, h, w), and :data:`IGNORE` where two differ.
    """
    first, *others = masks
    for other in others:
        first = torch.where(first == other, first, IGNORE)
    return first


def contrast_weights(cam: Tensor,
                     label: Tensor,
                     constant: float | None = None) -> tuple[Tensor, Tensor]:
    r"""Say how much each position means to each class.

    At pixel level r_hat times y, and :math:`1 - \max_k y_k \hat r_k` for the
    background; at class level the softmax of that over the classes that the
    image holds. Both are zero where a class has no activation, hence for a
    class that is cut off by the crop as for one that the image does not
    hold.

    HSC's release has a constant b for the background: then at class level
    the softmax of r_hat times y+ with b, at pixel level r_hat itself,
    whether the image holds the class or not, and b.

    Args:
        cam (Tensor): r_hat of :func:`contrast_cam`, (B, C, h, w),
            background first.
        label (Tensor): y+, labels with the background, (B, C).
        constant (float, optional): b, in (0, 1), to do as the release does.

    Returns:
        tuple[Tensor, Tensor]: Weights for the class level and for the pixel
        level, (B, C, h, w) each.

    Raises:
        ValueError: The labels have another shape.
    """
    check_all_labels(label, cam)
    held = label[:, :, None, None]
    if constant is not None:
        background = torch.full_like(cam[:, :1], constant)
        pixel = torch.cat([background, cam[:, 1:]], dim=1)
        return (pixel * held).softmax(dim=1), pixel
    foreground = _foreground(cam, label)
    pixel = torch.cat([1 - foreground.amax(1, True), foreground], dim=1)
    classes = pixel.masked_fill(held == 0, -torch.inf).softmax(dim=1)
    return classes * (pixel > 0), pixel
