"""Propagation of a CAM by the similarity of features, as in SEAM."""
import torch
from torch import Tensor

__all__ = ['propagate', 'source_cam']

EPS = 1e-5


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
