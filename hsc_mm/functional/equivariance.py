"""Equivariance between two views: the losses ER and ECR of SEAM."""
import torch
from torch import Tensor

from .checks import check_labels
from .resize import resize_bilinear

__all__ = [
    'equivariance_cross_loss', 'equivariance_loss', 'max_norm',
    'one_hot_maximum'
]

EPS = 1e-5


def max_norm(cam: Tensor) -> Tensor:
    r"""Scale each map to [0, 1] by its own minimum and maximum.

    .. math:: \hat p = \frac{\max(0, p - \min p - \epsilon)}
                            {\max p - \min p + \epsilon},
              \quad p \leftarrow \max(0, p), \quad \epsilon = 10^{-5}

    (SEAM, Wang et al., CVPR 2020.)

    Args:
        cam (Tensor): (B, C, h, w).

    Returns:
        Tensor: (B, C, h, w) in [0, 1].
    """
    cam = cam.relu()
    low, high = cam.amin((2, 3), True), cam.amax((2, 3), True)
    return (cam - low - EPS).relu() / (high - low + EPS)


def _normalized(cam: Tensor, label: Tensor, size: torch.Size) -> Tensor:
    """Normalise a CAM, resize it; absent classes are zero, (B, C, h, w)."""
    check_labels(label, len(cam), cam.shape[1] - 1)
    present = torch.cat([torch.ones_like(label[:, :1]), label], dim=1)
    cam = resize_bilinear(max_norm(cam.float()), size)
    return cam * present.to(cam)[:, :, None, None]


def _with_background(cam: Tensor) -> Tensor:
    """Put 1 - max of the foreground in place of the background."""
    foreground = cam[:, 1:]
    return torch.cat([1 - foreground.amax(1, True), foreground], dim=1)


def one_hot_maximum(cam: Tensor, skip_first: bool) -> Tensor:
    """Keep the strongest channel of each pixel, zero the others.

    Args:
        cam (Tensor): (B, C, h, w), background first.
        skip_first (bool): Whether channel 1 is left alone, and the
            background is one of the others, as in HSC's release; else the
            background is left alone.

    Returns:
        Tensor: (B, C, h, w).
    """
    # The channel that the rule does not look at.
    alone = int(skip_first)
    others = torch.cat([cam[:, :alone], cam[:, alone + 1:]], dim=1)
    if others.shape[1] == 0:
        return cam
    keep = cam == others.amax(1, True)
    keep[:, alone] = True
    return cam * keep


def equivariance_loss(cam1: Tensor, cam2: Tensor, label: Tensor) -> Tensor:
    r"""Equivariance regularisation ER, in float32.

    .. math:: \mathrm{mean}\, | y \hat A_1 - y \hat A_2 |

    over images, foreground classes and positions; both are normalised by
    :func:`max_norm`, then view 1 is resized to view 2.

    Args:
        cam1 (Tensor): Raw CAM of view 1, (B, C, h1, w1), background first.
        cam2 (Tensor): Raw CAM of view 2, (B, C, h2, w2).
        label (Tensor): Image labels y, (B, K), K = C - 1.

    Returns:
        Tensor: Scalar.
    """
    size = cam2.shape[2:]
    first, second = (_normalized(cam, label, size) for cam in (cam1, cam2))
    return (first[:, 1:] - second[:, 1:]).abs().mean()


def _hardest_mean(difference: Tensor, share: float) -> Tensor:
    """Average the largest values of each image."""
    flat = difference.flatten(1)
    count = max(int(flat.shape[1] * share), 1)
    return flat.topk(count, dim=1, sorted=False).values.mean()


def equivariance_cross_loss(cam1: Tensor,
                            cam2: Tensor,
                            refined1: Tensor,
                            refined2: Tensor,
                            label: Tensor,
                            skip_first: bool = False) -> Tensor:
    r"""Equivariant cross regularisation ECR, in float32.

    .. math:: \mathrm{top}_{20\%} | o(\hat A_2) - \hat R_1 |
              + \mathrm{top}_{20\%} | o(\hat A_1) - \hat R_2 |

    where :math:`\hat A, \hat R` are the CAMs normalised by
    :func:`max_norm`, resized to view 2 and times the labels; the background
    of :math:`\hat A` is then :math:`1 - \max`; :math:`o` is
    :func:`one_hot_maximum`, without gradient; and the mean is over the
    largest fifth of the differences of each image.

    Args:
        cam1 (Tensor): Raw CAM of view 1, (B, C, h1, w1), background first.
        cam2 (Tensor): Raw CAM of view 2, (B, C, h2, w2).
        refined1 (Tensor): Refined CAM of view 1, (B, C, h1, w1).
        refined2 (Tensor): Refined CAM of view 2, (B, C, h2, w2).
        label (Tensor): Image labels y, (B, K), K = C - 1.
        skip_first (bool): Do as HSC's release: its background stands last
            and the rule written for SEAM's order leaves its first class
            alone and counts the background among the others.

    Returns:
        Tensor: Scalar.
    """
    size = cam2.shape[2:]
    target1, target2 = (
        one_hot_maximum(
            _with_background(_normalized(cam.detach(), label, size)),
            skip_first) for cam in (cam1, cam2))
    refined1, refined2 = (
        _normalized(cam, label, size) for cam in (refined1, refined2))
    return (_hardest_mean((target2 - refined1).abs(), 0.2)
            + _hardest_mean((target1 - refined2).abs(), 0.2))
