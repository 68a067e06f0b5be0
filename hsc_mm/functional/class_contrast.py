"""Contrast between the prototypes of classes."""
import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import check_all_labels
from .distributed import all_sum
from .positions import strongest, weighted_sums
from .prototypes import Bank, Observation

__all__ = ['class_contrast', 'class_contrast_loss']


def _logits(centers: Tensor, rows: Tensor, seen: Tensor,
            temperature: float) -> Tensor:
    """Return cosines / temperature, (C, C); unseen rows do not count."""
    logits = centers @ F.normalize(rows, dim=1).t() / temperature
    return logits.masked_fill(~seen, torch.finfo(logits.dtype).min / 2)


def class_contrast_loss(centers: list[Tensor],
                        exists: list[Tensor],
                        banks: list[Bank],
                        after: list[Bank] | None = None,
                        within: bool = True,
                        cross: bool = True,
                        temperature: float = 0.1) -> Tensor:
    r"""Class level of HSC, in float32, without its weight of 0.1.

    .. math:: \frac{1}{4 |Y|} \sum_{k \in Y} \sum_v \sum_{w}
        -\log \frac{\exp(c_{vk} \cdot P_{wk} / \tau)}
                   {\sum_j \exp(c_{vk} \cdot P_{wj} / \tau)}

    over the classes Y that have a centre in the joined batch, the views v,
    and the banks w of the same view and of the other one (Wu et al., IJCAI
    2023). Rows unseen so far are left out, a class whose own row is unseen
    has no term yet.

    Args:
        centers (list[Tensor]): L2-normalised centres c of both views,
            (C, D) each.
        exists (list[Tensor]): Which classes have a centre, (C,) bool each.
        banks (list[Bank]): Prototypes of both views, (C, D) each.
        after (list[Bank], optional): The banks as this batch moves them.
            When given, class j sees the moved rows i < j, as in the release,
            which moves them in its loop over classes.
        within (bool): Whether the bank of the same view counts.
        cross (bool): Whether that of the other view does: cross supervision.
        temperature (float): tau.

    Returns:
        Tensor: Scalar.
    """
    loss = sum(center.sum() * 0 for center in centers)
    present = torch.stack(exists).any(dim=0)
    classes = torch.arange(len(present), device=present.device)
    earlier = classes[None, :] < classes[:, None]
    for view, center in enumerate(centers):
        for other, bank in enumerate(banks):
            if not (within if view == other else cross):
                continue
            logits = _logits(center, bank.rows, bank.seen, temperature)
            if after is not None:
                moved = _logits(center, after[other].rows, bank.seen,
                                temperature)
                logits = torch.where(earlier, moved, logits)
            terms = -logits.log_softmax(dim=1).diagonal()
            counts = exists[view] & bank.seen
            loss = loss + torch.where(counts, terms, 0.0).sum()
    return loss / present.sum().clamp(min=1) / 4


def class_contrast(regions: list[Tensor],
                   weights: list[Tensor],
                   label: Tensor,
                   banks: list[Bank],
                   tops: tuple[int, int] = (128, 16),
                   background: bool = True,
                   sequential: bool = False,
                   share_ties: bool = True,
                   **terms) -> tuple[Tensor, list[Observation]]:
    """Class level from embeddings and weights, without its weight of 0.1.

    The centre of a class is the mean of z, weighted by its weights w, over
    the strongest positions of the joined batch; a bank is moved by the
    strongest few of them.

    Args:
        regions (list[Tensor]): Region embeddings z of both views,
            (B, D, h, w) each.
        weights (list[Tensor]): Weights w >= 0 of the classes at each
            position, (B, C, h, w) each, background first.
        label (Tensor): y+, labels with the background, (B, C).
        banks (list[Bank]): Prototypes, (C, D) each.
        tops (tuple[int, int]): Positions that make a centre, and positions
            that move the bank, at most as many.
        background (bool): Whether the background is a class here; False in
            HSC's release, which leaves its row random.
        sequential (bool): Whether a class sees the rows moved by the classes
            before it, as in the release.
        share_ties (bool): See :func:`strongest`; False in the release.
        **terms: See :func:`class_contrast_loss`.

    Returns:
        tuple[Tensor, list[Observation]]: The loss, a scalar, and what each
        view observed of its bank.

    Raises:
        ValueError: The labels have another shape.
    """
    check_all_labels(label, weights[0])
    present = all_sum(label.sum(0)) > 0
    if not background:
        present = present & (
            torch.arange(len(present), device=label.device) > 0)
    centers, exists, observed = [], [], []
    for region, weight in zip(regions, weights, strict=True):
        flat = weight.transpose(0, 1).flatten(1) * present[:, None]
        many, few = (flat * part for part in strongest(
            flat, *tops, share_ties=share_ties))
        total = all_sum(weighted_sums(many, region))
        centers.append(F.normalize(total, dim=1))
        exists.append(all_sum(many.sum(dim=1)) > 0)
        observed.append(
            Observation(weighted_sums(few, region.detach()), few.sum(dim=1)))
    after = _moved(banks, observed) if sequential else None
    return class_contrast_loss(centers, exists, banks, after,
                               **terms), observed


@torch.no_grad()
def _moved(banks: list[Bank], observed: list[Observation]) -> list[Bank]:
    joined = [Observation(*map(all_sum, one)) for one in observed]
    return [bank.moved(one) for bank, one in zip(banks, joined, strict=True)]
