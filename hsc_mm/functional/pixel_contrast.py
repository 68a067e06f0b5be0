"""Contrast between pixels and the prototypes of classes."""
import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import check_mask
from .contrast_maps import IGNORE
from .distributed import all_sum
from .positions import strongest, weighted_sums
from .prototypes import Bank, Observation

__all__ = [
    'batch_prototypes', 'observe_classes', 'pixel_contrast',
    'pixel_contrast_loss'
]


def observe_classes(pixel: Tensor,
                    weight: Tensor,
                    share_ties: bool = True) -> Observation:
    """Sum up the pixels where each class is strongest.

    Of the joined batch, h * w / 16 positions a class.

    Args:
        pixel (Tensor): Pixel embedding u, (B, D, h, w).
        weight (Tensor): Weights of the classes at each position,
            (B, C, h, w).
        share_ties (bool): See :func:`strongest`; False in the release.

    Returns:
        Observation: This rank's share, (C, D) and (C,), without gradient.
    """
    count = max(weight.shape[2] * weight.shape[3] // 16, 1)
    flat = weight.detach().transpose(0, 1).flatten(1)
    flat = flat * strongest(flat, count, share_ties=share_ties)[0]
    return Observation(weighted_sums(flat, pixel.detach()), flat.sum(dim=1))


def _log_likelihood(pixel: Tensor, banks: list[Bank],
                    temperature: float) -> Tensor:
    """Return log softmax(cos(u, Q) / tau) over the rows of each bank Q.

    All banks take one matrix product: (B, S, C, n) for S banks.
    """
    flat = pixel.float().flatten(2)  # (B, D, n)
    norm = flat.norm(dim=1, keepdim=True).clamp(min=1e-12)
    rows = torch.cat([bank.rows for bank in banks])
    seen = torch.cat([bank.seen for bank in banks])
    lowest = torch.finfo(flat.dtype).min / 2
    bias = torch.where(seen, 0.0, lowest)[:, None]
    logits = rows @ flat * (1 / (norm * temperature)) + bias
    return logits.unflatten(1, (len(banks), -1)).log_softmax(dim=2)


def _negative_mean(likelihood: Tensor, mask: Tensor, seen: Tensor) -> Tensor:
    """Average -log p of the mask's class over pixels whose row exists."""
    target = mask.flatten(1)[:, None].long()
    labelled = target != IGNORE
    target = torch.where(labelled, target, 0)
    counts = labelled & seen[target]
    terms = torch.where(counts, -likelihood.gather(1, target), 0.0)
    return all_sum(terms.sum()) / all_sum(counts.sum()).clamp(min=1)


def pixel_contrast_loss(pixels: list[Tensor],
                        masks: list[Tensor],
                        current: list[Bank],
                        banks: list[Bank],
                        within: bool = True,
                        cross_prototype: bool = True,
                        cross_label: bool = True,
                        memory: bool = True,
                        temperature: float = 0.1) -> Tensor:
    r"""Pixel level of HSC, in float32, without its weight of 0.1.

    With :math:`N(u, M, Q)` the mean over pixels of
    :math:`-\log \mathrm{softmax}(u \cdot Q / \tau)_M`, the sum of four terms,
    each averaged over the views v (the other view is w):
    :math:`N(u_v, M_v, q_v)` within a view, :math:`N(u_v, M_v, q_w)` cross
    prototype, :math:`N(u_v, M_w, q_v)` cross pseudo label, and
    :math:`N(u_v, M_v, P_v)` memory (Wu et al., IJCAI 2023). u is
    L2-normalised here, rows are taken as they are.

    Args:
        pixels (list[Tensor]): Pixel embeddings u, (B, D, h, w) each.
        masks (list[Tensor]): Pseudo masks M, (B, h, w) each; pixels of -1
            do not count.
        current (list[Bank]): Prototypes q of this batch, (C, D) each.
        banks (list[Bank]): Momentum prototypes P, (C, D) each.
        within (bool): Whether the first term counts.
        cross_prototype (bool): Whether the second does: cross supervision.
        cross_label (bool): Whether the third does: cross supervision.
        memory (bool): Whether the fourth does.
        temperature (float): tau.

    Returns:
        Tensor: Scalar.

    Raises:
        ValueError: A mask has another shape than the embeddings.
    """
    losses = []
    for view, pixel in enumerate(pixels):
        for mask in masks:
            check_mask(mask, pixel)
        own, other = current[view], current[1 - view]
        terms = [(bank, mask) for bank, mask, counts in (
            (own, masks[view], within), (own, masks[1 - view], cross_label),
            (other, masks[view], cross_prototype),
            (banks[view], masks[view], memory)) if counts]
        used = list({id(bank): bank for bank, _ in terms}.values())
        if not used:
            continue
        likelihood = _log_likelihood(pixel, used, temperature).unbind(dim=1)
        found = {id(bank): one for bank, one in
                 zip(used, likelihood, strict=True)}
        for bank, mask in terms:
            losses.append(_negative_mean(found[id(bank)], mask, bank.seen))
    if not losses:
        return pixels[0].sum() * 0 + pixels[1].sum() * 0
    return torch.stack(losses).sum() / len(pixels)


def pixel_contrast(pixels: list[Tensor],
                   weights: list[Tensor],
                   masks: list[Tensor],
                   banks: list[Bank],
                   share_ties: bool = True,
                   **terms) -> tuple[Tensor, list[Observation]]:
    """Pixel level from embeddings, weights and masks, without its weight.

    Args:
        pixels (list[Tensor]): Pixel embeddings u of both views,
            (B, D, h, w) each.
        weights (list[Tensor]): Weights of the classes at each position,
            (B, C, h, w) each, background first.
        masks (list[Tensor]): Pseudo masks, (B, h, w) each.
        banks (list[Bank]): Momentum prototypes, (C, D) each.
        share_ties (bool): See :func:`strongest`; False in the release.
        **terms: See :func:`pixel_contrast_loss`.

    Returns:
        tuple[Tensor, list[Observation]]: The loss, a scalar, and what each
        view observed of its bank.
    """
    observed = [
        observe_classes(*one, share_ties)
        for one in zip(pixels, weights, strict=True)
    ]
    current = [batch_prototypes(one) for one in observed]
    return pixel_contrast_loss(pixels, masks, current, banks,
                               **terms), observed


@torch.no_grad()
def batch_prototypes(observed: Observation) -> Bank:
    """Return the prototypes q of the joined batch, without gradient.

    Args:
        observed (Observation): This rank's share, (C, D) and (C,).

    Returns:
        Bank: L2-normalised rows (C, D), and which classes were observed.
    """
    joined = Observation(*map(all_sum, observed))
    return Bank(F.normalize(joined.mean(), dim=1), joined.weight != 0)
