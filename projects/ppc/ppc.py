"""Pixel-to-prototype contrast (PPC) as a loss of the CAM stage."""
import torch
import torch.nn.functional as F
from torch import Tensor

from hsc_mm import functional as hsc
from hsc_mm.models.losses import ViewLoss, two_views
from hsc_mm.models.views import Targets, View
from hsc_mm.registry import MODELS

__all__ = ['PixelToPrototypeContrast', 'intra_view_contrast', 'mined_weights',
           'semi_hard_negatives']


def semi_hard_negatives(similarity: Tensor, target: Tensor, seen: Tensor,
                        skip: float, keep: float) -> Tensor:
    """Choose the prototypes that a pixel is contrasted with.

    Of all C prototypes, the most similar share ``skip`` may be right after
    all and is left out; the next share ``keep`` are the negatives. The
    pixel's own prototype is always in.

    Args:
        similarity (Tensor): Cosines of pixels and prototypes, (n, C).
        target (Tensor): The class of each pixel, (n,).
        seen (Tensor): Which prototypes exist, (C,) bool.
        skip (float): Share in [0, 1).
        keep (float): Share in (0, 1].

    Returns:
        Tensor: (n, C) bool.
    """
    count = similarity.shape[1]
    first, more = round(skip * count), max(round(keep * count), 1)
    value = similarity.masked_fill(~seen, -2.0)
    rank = value.argsort(dim=1, descending=True).argsort(dim=1)
    chosen = (rank >= first) & (rank < first + more) & seen
    return chosen.scatter(1, target[:, None], True)


def _rank_in_class(value: Tensor, target: Tensor, count: Tensor) -> Tensor:
    """Return the place of each value of [0, 1] in its class, ascending."""
    order = (target.double() * 2 + value.double()).argsort()
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    return rank - (count.cumsum(0) - count)[target]


def mined_weights(similarity: Tensor, target: Tensor, num_classes: int,
                  hard: float) -> Tensor:
    """Weigh pixels: half of each class at random, and half that is hard.

    Args:
        similarity (Tensor): Cosine of each pixel and its prototype, (n,).
        target (Tensor): The class of each pixel, (n,).
        num_classes (int): C.
        hard (float): The hard half ends at this share of the least similar:
            those before it, (hard - 1/2) of a class, are likely mislabelled.

    Returns:
        Tensor: (n,), which sum to 1 over each class of two pixels or more.
    """
    count = torch.zeros(num_classes, dtype=torch.long, device=target.device)
    count = count.index_add(0, target, torch.ones_like(target))
    total, half = count[target], count[target] // 2
    drawn = _rank_in_class(torch.rand_like(similarity), target, count) < half
    rank = _rank_in_class((similarity + 1) / 2, target, count)
    end = (hard * total).long()
    mined = (rank < end) & (rank >= end - half)
    return (drawn.float() + mined) / (2 * half).clamp(min=1)


def intra_view_contrast(pixel: Tensor,
                        mask: Tensor,
                        bank: hsc.Bank,
                        skip: float = 0.15,
                        keep: float = 0.5,
                        hard: float = 0.6,
                        temperature: float = 0.1) -> Tensor:
    r"""Contrast pixels of a view with its own prototypes, hard ones mined.

    .. math:: \frac{1}{|Y|} \sum_{k \in Y} \sum_{i: M_i = k} w_i \left[
              -\log \frac{\exp(u_i \cdot q_k / \tau)}
              {\sum_{j \in N_i} \exp(u_i \cdot q_j / \tau)} \right]

    (Du et al., CVPR 2022.)

    Args:
        pixel (Tensor): Pixel embedding u, (B, D, h, w).
        mask (Tensor): Pseudo mask M, (B, h, w).
        bank (Bank): Prototypes q of this batch, (C, D).
        skip (float): See :func:`semi_hard_negatives`.
        keep (float): See :func:`semi_hard_negatives`.
        hard (float): See :func:`mined_weights`.
        temperature (float): tau, > 0.

    Returns:
        Tensor: Scalar.
    """
    flat = F.normalize(pixel.float().flatten(2).transpose(1, 2).flatten(0, 1),
                       dim=1)  # (n, D)
    target = mask.flatten()
    cosine = flat @ bank.rows.t()  # (n, C)
    own = cosine.gather(1, target[:, None])[:, 0]
    with torch.no_grad():
        near = semi_hard_negatives(cosine, target, bank.seen, skip, keep)
        weight = mined_weights(own, target, len(bank.rows), hard)
        weight = weight * bank.seen[target]
        classes = torch.zeros_like(bank.seen).index_fill(0, target, True)
    logits = (cosine / temperature).masked_fill(
        ~near, torch.finfo(cosine.dtype).min / 2)
    terms = logits.logsumexp(dim=1) - own / temperature
    return (weight * terms).sum() / classes.sum().clamp(min=1)


@MODELS.register_module()
class PixelToPrototypeContrast(ViewLoss):
    """PPC (Du et al., CVPR 2022): cross prototype, cross CAM, intra view.

    Args:
        background (float): Score of the background in the masks, in (0, 1).
        grid (tuple[int, int], optional): Where views are compared; None
            takes the size of the CAM of view 2.
        temperature (float): tau, > 0.
        intra (bool): Whether the term within a view counts.
        loss_weight (float): Factor on all terms.
    """
    needs = ('pixel', 'second_view')

    def __init__(self,
                 background: float = 0.05,
                 grid: tuple[int, int] | None = None,
                 temperature: float = 0.1,
                 intra: bool = True,
                 loss_weight: float = 0.05) -> None:
        super().__init__(loss_weight)
        self.background, self.grid = background, grid
        self.temperature, self.intra = temperature, intra

    def forward(self, views: list[View],
                targets: Targets) -> dict[str, Tensor]:
        """Return ``ppc_cross`` and, where it counts, ``ppc_intra``."""
        two_views(views, type(self).__name__)
        grid = self.grid or views[1].cam.shape[2:]
        label = targets.with_background
        pixels = [
            hsc.resize_bilinear(view.embedding('pixel').float(), grid)
            for view in views
        ]
        with torch.no_grad():
            cams = [
                hsc.contrast_cam(
                    hsc.resize_bilinear(view.evidence.float(), grid))
                for view in views
            ]
            masks = [
                hsc.contrast_mask(cam, label, self.background) for cam in cams
            ]
            banks = [
                hsc.batch_prototypes(hsc.observe_classes(
                    u, hsc.contrast_weights(cam, label)[1]))
                for u, cam in zip(pixels, cams, strict=True)
            ]
        losses = dict(ppc_cross=hsc.pixel_contrast_loss(
            pixels, masks, banks, banks, within=False, memory=False,
            temperature=self.temperature))
        if self.intra:
            losses['ppc_intra'] = sum(
                intra_view_contrast(*one, temperature=self.temperature)
                for one in zip(pixels, masks, banks, strict=True)) / 2
        return {k: self.loss_weight * v for k, v in losses.items()}
