"""Contrast between foreground and background regions of images."""
import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import check_mask, check_word
from .contrast_maps import IGNORE
from .distributed import all_gather, all_sum
from .prototypes import Bank, Observation

__all__ = ['region_means', 'roi_contrast', 'roi_contrast_loss',
           'separation']


def region_means(region: Tensor,
                 mask: Tensor,
                 normalize: str = 'channel') -> tuple[Tensor, Tensor]:
    """Average the embedding over background and foreground.

    Args:
        region (Tensor): Region embedding z, (B, D, h, w).
        mask (Tensor): Pseudo mask, (B, h, w), 0 is background and -1 is
            neither.
        normalize (str): Along what z is L2-normalised before the mean:
            ``'channel'``, or ``'width'`` as HSC's release does.

    Returns:
        tuple[Tensor, Tensor]: L2-normalised means of background and
        foreground, (B, 2, D), zero where there are no pixels; and which
        exist, (B, 2), bool.

    Raises:
        ValueError: ``normalize`` is neither, or the mask has another shape
            than the embedding.
    """
    check_word('normalize', normalize, ('channel', 'width'))
    check_mask(mask, region)
    region = region.float()
    foreground = (mask != 0) & (mask != IGNORE)
    inside = torch.stack([mask == 0, foreground], dim=1).flatten(2)
    weight = inside.to(region)  # (B, 2, n)
    if normalize == 'channel':
        # Dividing the weights is dividing the vectors, without a copy.
        norm = region.norm(dim=1).flatten(1)[:, None].clamp(min=1e-12)
        weight = weight / norm
    else:
        region = F.normalize(region, dim=3)
    count = inside.sum(dim=2, keepdim=True).clamp(min=1)
    mean = weight @ region.flatten(2).transpose(1, 2) / count
    return F.normalize(mean, dim=2), inside.any(dim=2)


def separation(first: Tensor, second: Tensor, pairs: Tensor) -> Tensor:
    r"""Push two sets of unit vectors apart.

    .. math:: S(a, b) = \mathrm{mean}_{ij} -\log(1 -
              \mathrm{clamp}(a_i \cdot b_j,\ 0.0005,\ 0.9995))

    Args:
        first (Tensor): a, (N, D), L2-normalised.
        second (Tensor): b, (N, D), L2-normalised.
        pairs (Tensor): Which pairs exist, (N, N), bool.

    Returns:
        Tensor: Scalar; zero, with a gradient of zero, without a pair.
    """
    cosine = (first @ second.t()).clamp(5e-4, 0.9995)
    terms = torch.where(pairs, -torch.log1p(-cosine), 0.0)
    return terms.sum() / pairs.sum().clamp(min=1)


def _pull(mean: Tensor, exists: Tensor, bank: Bank) -> Tensor:
    """Mean distance of means (B, 2, D) to prototypes (2, D), both kinds."""
    valid = (exists & bank.seen).to(mean)
    distance = (mean - bank.rows).abs().mean(dim=2) * valid
    count = all_sum(valid.sum(0)).clamp(min=1)
    return (all_sum(distance.sum(0)) / count).sum()


def roi_contrast_loss(means: list[Tensor],
                      exists: list[Tensor],
                      banks: list[Bank],
                      within: bool = True,
                      cross: bool = True,
                      prototype: bool = True) -> Tensor:
    r"""ROI level of HSC, in float32, without its weight of 0.1.

    .. math::
        \tfrac12 \sum_v S(b_v, f_v)
        + \tfrac12 [S(b_1, f_2) + S(b_2, f_1)]
        + \tfrac12 \sum_v (\overline{|P^f_v - f_v|}
                           + \overline{|P^b_v - b_v|})

    with S of :func:`separation` over all pairs of images of the joined
    batch (Wu et al., IJCAI 2023).

    Args:
        means (list[Tensor]): Means (b, f) of both views, (B, 2, D) each.
        exists (list[Tensor]): Which of them exist, (B, 2) each.
        banks (list[Bank]): Prototypes (b, f) of both views, (2, D) each.
        within (bool): Whether the first bracket counts.
        cross (bool): Whether the second one does: cross supervision.
        prototype (bool): Whether the third one does.

    Returns:
        Tensor: Scalar.
    """
    loss = means[0].sum() * 0 + means[1].sum() * 0
    if within or cross:
        everywhere = [all_gather(mean) for mean in means]
        known = [all_gather(one) for one in exists]
        for back in range(2):
            for fore in range(2):
                if (within if back == fore else cross):
                    pairs = known[back][:, None, 0] & known[fore][None, :, 1]
                    loss = loss + 0.5 * separation(
                        everywhere[back][:, 0], everywhere[fore][:, 1], pairs)
    if prototype:
        for view in zip(means, exists, banks, strict=True):
            loss = loss + 0.5 * _pull(*view)
    return loss


def roi_contrast(regions: list[Tensor],
                 masks: list[Tensor],
                 banks: list[Bank],
                 normalize: str = 'channel',
                 count_empty: bool = False,
                 **terms: bool) -> tuple[Tensor, list[Observation]]:
    """ROI level from embeddings and masks, without its weight of 0.1.

    Args:
        regions (list[Tensor]): Region embeddings z of both views,
            (B, D, h, w) each.
        masks (list[Tensor]): Pseudo masks, (B, h, w) each.
        banks (list[Bank]): Prototypes (background, foreground), (2, D) each.
        normalize (str): See :func:`region_means`.
        count_empty (bool): Whether a view that is all foreground or all
            background counts as a zero vector, as in HSC's release.
        **terms (bool): See :func:`roi_contrast_loss`.

    Returns:
        tuple[Tensor, list[Observation]]: The loss, a scalar, and what each
        view observed of its bank.
    """
    found = [
        region_means(z, mask, normalize)
        for z, mask in zip(regions, masks, strict=True)
    ]
    means, exists = [one[0] for one in found], [one[1] for one in found]
    if count_empty:
        exists = [torch.ones_like(one) for one in exists]
    observed = [
        Observation(mean.detach().sum(0), one.sum(0).to(mean))
        for mean, one in zip(means, exists, strict=True)
    ]
    return roi_contrast_loss(means, exists, banks, **terms), observed
