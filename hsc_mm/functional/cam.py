"""Arithmetic of class activation maps: from activation to prediction."""
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import check_word
from .equivariance import EPS

__all__ = [
    'FLIP_AXES', 'NORMALIZATIONS', 'activation_to_image', 'cam_to_input',
    'choose_classes', 'image_padding', 'input_to_image', 'normalize_cam',
    'seed_scores'
]

_STRIDES = (1, 2, 4, 8, 16, 32, 64)

#: Axis that a flip turns round, of tensors (..., H, W).
FLIP_AXES = dict(horizontal=-1, vertical=-2)

#: Ways of :func:`normalize_cam`.
NORMALIZATIONS = ('max', 'min-max')


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


def image_padding(metainfo: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the (left, right, top, bottom) pixels around an image.

    Args:
        metainfo (mapping): Of a sample that mmseg's preprocessor padded.
    """
    return tuple(metainfo.get(
        'img_padding_size', metainfo.get('padding_size', (0, 0, 0, 0))))


def activation_to_image(activation: Tensor, flips: Sequence[str | None],
                        input_size: tuple[int, int],
                        padding: Sequence[int],
                        image_size: tuple[int, int],
                        align_corners: bool) -> Tensor:
    """Sum the activations of an image and its flips, at the image's size.

    Args:
        activation (Tensor): (F, N, h, w): N maps of each of F flips.
        flips (sequence[str | None]): F keys of :data:`FLIP_AXES`; None = as
            it is.
        input_size (tuple[int, int]): Height and width of the network's
            input.
        padding (sequence[int]): Of :func:`image_padding`.
        image_size (tuple[int, int]): Height H and width W of the image as
            it was loaded.
        align_corners (bool): See :func:`cam_to_input`.

    Returns:
        Tensor: (N, H, W).

    Raises:
        ValueError: A flip is another, such as ``'diagonal'``.
    """
    for flip in flips:
        if flip is not None:
            check_word('flip', flip, FLIP_AXES)
    if activation.shape[1] == 0:
        return activation.new_zeros(0, *image_size)
    left, right, top, bottom = padding
    height, width = input_size
    total = activation.new_zeros(())
    for flip, maps in zip(flips, activation, strict=True):
        maps = cam_to_input(maps[:, None], input_size, align_corners)
        maps = maps[..., top:height - bottom, left:width - right]
        total = total + (
            maps if flip is None else maps.flip(FLIP_AXES[flip]))
    return input_to_image(total, image_size)[:, 0]


def choose_classes(scores: Tensor, labels: Tensor | None,
                   test_cfg: Mapping[str, Any], name: str = '') -> Tensor:
    """Say which classes images hold.

    Args:
        scores (Tensor): Probability of each foreground class, (..., K).
        labels (Tensor, optional): Image labels, (..., K), 0 or 1.
        test_cfg (mapping): With ``use_image_labels`` the labels choose,
            otherwise the classifier: classes with a probability above
            ``score_thr``, which may be none; with ``force_class=True`` the
            best one in any case, for data without such images.
        name (str): Image that an error is about.

    Returns:
        Tensor: (..., K) of the type of ``scores``, 0 or 1.

    Raises:
        ValueError: Labels are to be used, and there are none.
    """
    if not test_cfg['use_image_labels']:
        present = scores > test_cfg['score_thr']
        if test_cfg.get('force_class'):
            best = scores.argmax(dim=-1, keepdim=True)
            present = present.scatter(-1, best, True)
        return present.to(scores)
    if labels is None:
        raise ValueError(
            f'{name or "an image"}: expected image labels, because test_cfg '
            'has use_image_labels=True, found none. Give the data set its '
            'labels, or set model.test_cfg.use_image_labels=False.')
    return labels.to(scores)


def normalize_cam(activation: Tensor, present: Tensor, how: str = 'max',
                  extremes: tuple[Tensor, Tensor] | None = None) -> Tensor:
    r"""Scale each map to [0, 1] by itself; absent classes become zero.

    .. math:: \hat A_k = y_k \, A_k / (\max A_k + 10^{-5})

    With ``'min-max'`` the minimum is subtracted first, see
    :func:`hsc_mm.functional.equivariance.max_norm`: a refined CAM, a mean
    over the image, is nowhere near zero (SEAM, Wang et al., CVPR 2020).

    Args:
        activation (Tensor): A >= 0, (K, H, W), summed over views.
        present (Tensor): y, (K,), 0 or 1.
        how (str): One of :data:`NORMALIZATIONS`.
        extremes (tuple[Tensor, Tensor], optional): Minimum and maximum of
            each map, (K,), where A is a part of a larger picture; by default
            those of A.

    Returns:
        Tensor: (K, H, W) in [0, 1].

    Raises:
        ValueError: There is no such way, or y has another shape.
    """
    check_word('how', how, NORMALIZATIONS)
    if present.shape != activation.shape[:1]:
        raise ValueError(
            f'present: expected the shape {tuple(activation.shape[:1])}, 0 or '
            f'1 for each map, found {tuple(present.shape)}.')
    present = present.view(-1, 1, 1)
    low, high = (one.view(-1, 1, 1) for one in extremes or (
        activation.amin((1, 2)), activation.amax((1, 2))))
    if how == 'min-max':
        return present * (activation - low - EPS).relu() / (high - low + EPS)
    return present * activation / (high + EPS)


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
