"""Confusion matrices for every background threshold, in one pass."""
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = [
    'GRID', 'SeedScores', 'background_iou', 'class_areas', 'false_pixel_rate',
    'average_precision', 'false_pixels', 'pixel_average_precision',
    'seed_histogram', 'sweep_scores'
]

#: Background thresholds that seeds and refined maps are scored at.
GRID = tuple(i / 100 for i in range(1, 100))


class SeedScores(NamedTuple):
    """Scores at each of T thresholds; shares in [0, 1], NaN where undefined.

    Attributes:
        miou (Tensor): Mean IoU over the classes that occur, (T,).
        iou (Tensor): IoU of each class, (T, C).
        over (Tensor): Over-activation FP / (TP + FP + FN), (T, C).
        under (Tensor): Under-activation FN / (TP + FP + FN), (T, C).
    """
    miou: Tensor
    iou: Tensor
    over: Tensor
    under: Tensor


def seed_histogram(cam: Tensor, target: Tensor, thresholds: Tensor,
                   ignore_index: int = 255) -> Tensor:
    """Count pixels by class, best CAM, and how many thresholds it exceeds.

    A pixel is foreground at threshold t when its highest CAM is above t, and
    then of the class of that CAM. So three numbers say all about a pixel.

    Args:
        cam (Tensor): Normalised CAMs, (K, H, W).
        target (Tensor): Ground truth, (H, W), 0..K or ``ignore_index``.
        thresholds (Tensor): Increasing, (T,).
        ignore_index (int): Pixels left out.

    Returns:
        Tensor: (K + 1, K, T + 1) int64: ground truth, class of the highest
        CAM, number of thresholds below it.

    Raises:
        ValueError: Shapes differ, or ``target`` holds an index above K.
    """
    if cam.shape[1:] != target.shape:
        raise ValueError(f'target: expected the shape {tuple(cam.shape[1:])} '
                         f'of the CAMs, found {tuple(target.shape)}.')
    k, t = len(cam), len(thresholds)
    value, best = cam.max(dim=0)
    kept = target != ignore_index
    target = target[kept].long()
    if target.numel() and int(target.max()) > k:
        raise ValueError(
            f'target: expected indices 0..{k} and {ignore_index}, found '
            f'{int(target.max())}. Do masks and classes belong together?')
    level = torch.bucketize(value[kept], thresholds)
    index = (target * k + best[kept]) * (t + 1) + level
    count = torch.bincount(index, minlength=(k + 1) * k * (t + 1))
    return count.view(k + 1, k, t + 1)


def false_pixel_rate(empty: Tensor) -> Tensor:
    """Return the share of pixels called a class where no image shows one.

    Args:
        empty (Tensor): The first entries of :func:`seed_histogram`, summed
            over images whose mask holds no class, (K, T + 1).

    Returns:
        Tensor: (T,), NaN without such images.
    """
    counts = empty.sum(dim=0).double()
    return 1 - counts.cumsum(dim=0)[:-1] / counts.sum()


def class_areas(found: Tensor, truth: Tensor, classes: int,
                ignore_index: int = 255) -> tuple[Tensor, ...]:
    """Count pixels of each class, exactly however many there are.

    ``IoUMetric.intersect_and_union`` of mmseg counts in float32, where a
    number of 2^24 stays what it is when 1 is added.

    Args:
        found (Tensor): Class indices of a prediction, (H, W), below 256.
        truth (Tensor): Those of the mask, (H, W).
        classes (int): C.
        ignore_index (int): Of pixels of the mask that do not count.

    Returns:
        tuple[Tensor]: Hits, union, prediction and truth of each class,
        (C,) float64 each, on the CPU.
    """
    kept = truth != ignore_index
    found, truth = found[kept].long(), truth[kept].long()
    hit, one, other = (
        torch.bincount(part, minlength=classes)[:classes].double().cpu()
        for part in (found[found == truth], found, truth))
    return hit, one + other - hit, one, other


def false_pixels(areas: tuple[Tensor, ...]) -> Tensor:
    """Count pixels called a class in an image whose mask holds none.

    Args:
        areas (tuple[Tensor]): Of :func:`class_areas`: hits, union,
            prediction and truth of each class, (C,) each.

    Returns:
        Tensor: (2,) float64: false pixels and all; zeros for other images.
    """
    _, _, found, truth = areas
    empty = truth[1:].sum() == 0
    return torch.stack([found[1:].sum(), truth[0]]).double() * empty


def pixel_average_precision(pixels: Tensor) -> Tensor:
    r"""Return the area below the curve of precision over recall.

    .. math:: \sum_l P_l (R_l - R_{l-1})

    over thresholds from high to low, with the precision P and the recall R
    of all pixels together: PxAP (Choe et al., Evaluating weakly supervised
    object localization methods right, CVPR 2020). No threshold is chosen.

    Args:
        pixels (Tensor): Of :func:`hsc_mm.evaluation.counts.
            precision_histogram`, summed over images, (..., 2, B).

    Returns:
        Tensor: Shares, (...); NaN where no pixel is of the class.
    """
    above = pixels.double().flip(-1).cumsum(dim=-1)
    hit = above[..., 1, :]
    precision = hit / above.sum(dim=-2).clamp(min=1)
    gain = pixels[..., 1, :].double().flip(-1)
    return (precision * gain).sum(dim=-1) / hit[..., -1]


def average_precision(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the average precision of a ranking of images.

    The area below the curve of precision over recall, as of
    :func:`pixel_average_precision`. Images of equal scores are ranked
    together, so their order says nothing.

    Args:
        scores (Tensor): Of each image and class, (N, K).
        labels (Tensor): Which images show a class, (N, K), bool.

    Returns:
        Tensor: Shares, (K,); NaN for a class that no image shows.
    """
    found = []
    for score, label in zip(scores.T, labels.T, strict=True):
        levels, place = score.unique(return_inverse=True)
        found.append(pixel_average_precision(torch.stack([
            torch.bincount(place[label == shown], minlength=len(levels))
            for shown in (False, True)])))
    return torch.stack(found)


def background_iou(histogram: Tensor) -> Tensor:
    """Return the IoU of each class where all is called background.

    Args:
        histogram (Tensor): See :func:`sweep_scores`.

    Returns:
        Tensor: Shares, (C,); NaN for a class that does not occur.
    """
    truth = histogram.sum(dim=(1, 2)).double()
    iou = torch.where(truth > 0, 0.0, torch.nan)
    iou[0] = truth[0] / truth.sum()
    return iou


def sweep_scores(histogram: Tensor) -> SeedScores:
    """Compute the scores at T thresholds from a histogram.

    It is (C, K, T + 1), a sum of those of :func:`seed_histogram`.
    """
    counts = histogram.double()
    total = counts.sum(dim=2, keepdim=True)
    below = counts.cumsum(dim=2)[..., :-1]  # predicted background, (C, K, T)
    above = (total - below).permute(2, 0, 1)  # class k - 1, (T, C, K)
    background = below.sum(dim=1).T.unsqueeze(2)  # (T, C, 1)
    confusion = torch.cat([background, above], dim=2)  # (T, truth, predicted)
    hit = confusion.diagonal(dim1=1, dim2=2)
    missed = confusion.sum(dim=2) - hit
    wrong = confusion.sum(dim=1) - hit
    union = hit + missed + wrong  # 0 / 0 is NaN: the class does not occur
    iou = hit / union
    return SeedScores(
        iou.nanmean(dim=1), iou, wrong / union, missed / union)
