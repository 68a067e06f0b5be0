"""Arithmetic of class activation maps: from activation to prediction."""
import torch
from torch import Tensor

__all__ = ['normalize_cam', 'present_classes', 'seed_scores']


def present_classes(scores: Tensor, score_thr: float) -> Tensor:
    """Choose the classes of an image by the classifier's own word.

    Args:
        scores (Tensor): Probability of each foreground class, (K,).
        score_thr (float): Classes above it are present.

    Returns:
        Tensor: (K,) float, 0 or 1. The best class is always present: every
        image of this task holds at least one.
    """
    present = scores > score_thr
    present[scores.argmax()] = True
    return present.float()


def normalize_cam(activation: Tensor, present: Tensor) -> Tensor:
    r"""Scale each map by its own maximum; absent classes become zero.

    .. math:: \hat A_k = y_k \, A_k / (\max A_k + 10^{-5})

    Args:
        activation (Tensor): A >= 0, (K, H, W).
        present (Tensor): y, (K,), 0 or 1.

    Returns:
        Tensor: (K, H, W) in [0, 1).
    """
    peak = activation.amax(dim=(1, 2), keepdim=True)
    return present.view(-1, 1, 1) * activation / (peak + 1e-5)


def seed_scores(cam: Tensor, bg_threshold: float) -> Tensor:
    """Put the background in front, as a map of one constant.

    Args:
        cam (Tensor): Normalised CAMs, (K, H, W) in [0, 1].
        bg_threshold (float): Background threshold: the constant.

    Returns:
        Tensor: (K + 1, H, W); its argmax is the seed.
    """
    background = torch.full_like(cam[:1], bg_threshold)
    return torch.cat([background, cam])
