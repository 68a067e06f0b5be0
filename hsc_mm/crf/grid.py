"""Dense conditional random field: exact mean field on a small grid."""
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hsc_mm.registry import MODELS

__all__ = ['LabelCRF', 'crf_from_labels', 'pairwise_matrix']


def _gaussian(feature: Tensor) -> Tensor:
    """Return the normalised kernel of features (B, n, F), (B, n, n)."""
    square = feature.square().sum(dim=2)
    distance = square[:, :, None] + square[:, None] \
        - 2 * feature @ feature.transpose(1, 2)
    # Below exp(-80) nothing adds up, and subnormal numbers are slow.
    kernel = torch.exp(-0.5 * distance.clamp(min=0, max=160))
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
    prob = (unary + count).softmax(dim=2)
    share = count.exp().clamp(min=1.0)
    for _ in range(steps):
        # One of the others receives the message of one of them.
        message = (prob / share).flatten(1, 2) @ pairwise
        prob = (unary + count + message.view_as(unary)).softmax(dim=2)
    best = prob[:, :, :slots].argmax(dim=2)  # (B, V, n)
    return label.gather(2, best).view(shape)


@MODELS.register_module()
class LabelCRF(nn.Module):
    """Refines pseudo masks on the grid of the contrast, without gradient.

    See :func:`crf_from_labels` and :func:`pairwise_matrix`; defaults are
    those of HSC. All masks of an image share its pairwise matrix, and the
    whole batch is one matrix product a step, on the device of the masks.

    Args:
        gaussian (Sequence[float]): s_xy in grid cells, and weight.
        bilateral (Sequence[float]): s_xy in grid cells, s_rgb, and weight.
        gt_prob (float): Trust in the labels, in (0, 1).
        steps (int): Steps of mean field.
    """

    def __init__(self,
                 gaussian: Sequence[float] = (3, 3),
                 bilateral: Sequence[float] = (50, 5, 10),
                 gt_prob: float = 0.7,
                 steps: int = 10) -> None:
        super().__init__()
        if not 0 < gt_prob < 1:
            raise ValueError('gt_prob of LabelCRF: expected a number in '
                             f'(0, 1), found {gt_prob}.')
        self.kernels = dict(
            gaussian=tuple(gaussian), bilateral=tuple(bilateral))
        self.gt_prob = gt_prob
        self.steps = steps

    @torch.no_grad()
    def forward(self,
                masks: list[Tensor],
                image: Tensor,
                num_classes: int,
                max_labels: int | None = None) -> list[Tensor]:
        """Refine masks (B, h, w) by colours (B, 3, h, w) in [0, 255]."""
        with torch.autocast(image.device.type, enabled=False):
            refined = crf_from_labels(
                torch.stack(masks, dim=1),
                pairwise_matrix(image, **self.kernels), num_classes,
                max_labels, self.gt_prob, self.steps)
        return list(refined.unbind(dim=1))
