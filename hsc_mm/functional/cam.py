"""Arithmetic of class activation maps: from activation to prediction."""
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    'cam_to_input', 'input_to_image', 'normalize_cam', 'present_classes',
    'seed_scores'
]

_STRIDES = (1, 2, 4, 8, 16, 32, 64)


def cam_to_input(maps: Tensor, size: tuple[int, int],
                 align_corners: bool) -> Tensor:
    """Resize a CAM to the network's input, each position where it looks.

    With ``align_corners`` position i of a feature map of stride s lies at
    pixel s * i: convolutions with padding, as in ResNets. That is what
    resizing with aligned corners does to inputs of s * n + 1 pixels; others
    would be stretched, by almost a whole stride at the far border, so the
    map is continued by one position and cut off at the border of the input.
    Without, a position lies at the centre of its patch of s pixels:
    patches that do not overlap, as in Swin.

    Args:
        maps (Tensor): (B, K, h, w).
        size (tuple[int, int]): Height H and width W of the input in pixels.
        align_corners (bool): See above.

    Returns:
        Tensor: (B, K, H, W), interpolated bilinearly.
    """
    height, width = maps.shape[2:]
    if (height, width) == tuple(size):
        return maps
    stride = next((s for s in _STRIDES if (-(-size[0] // s), -(-size[1] // s))
                   == (height, width)), None)
    if not align_corners or stride is None:
        return F.interpolate(
            maps, tuple(size), mode='bilinear', align_corners=align_corners)
    whole = F.interpolate(
        F.pad(maps, (0, 1, 0, 1), mode='replicate'),
        (height * stride + 1, width * stride + 1),
        mode='bilinear',
        align_corners=True)
    return whole[:, :, :size[0], :size[1]]


def input_to_image(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Undo the resizing of an image, by the convention that images have.

    Args:
        maps (Tensor): (B, K, H, W) on the resized image.
        size (tuple[int, int]): Height and width of the image as it was.

    Returns:
        Tensor: (B, K, *size), interpolated bilinearly between the centres
        of pixels.
    """
    if tuple(maps.shape[2:]) == tuple(size):
        return maps
    return F.interpolate(
        maps, tuple(size), mode='bilinear', align_corners=False)


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
