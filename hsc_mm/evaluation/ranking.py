"""Scores of single images, and their ranking, the worst first."""
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.utils.progress import progress
from .confusion import class_areas
from .folder import checked_pair

__all__ = ['Scored', 'image_score', 'rank_images', 'scored_items']


class Scored(NamedTuple):
    """An image and how well it is labelled.

    Attributes:
        score (float): Mean IoU in percent over the classes that occur in
            its mask or its label.
        img_id (str): Its id.
        index (int): Its place in the data set.
    """
    score: float
    img_id: str
    index: int


def image_score(label: np.ndarray, truth: np.ndarray, classes: int,
                ignore_index: int = 255) -> float | None:
    """Return the mean IoU of an image over the classes in mask or label.

    In percent; None where the whole mask is ignored.
    """
    hit, union, _, _ = class_areas(
        torch.from_numpy(label), torch.from_numpy(truth), classes,
        ignore_index)
    return 100 * float((hit / union).nanmean()) if union.any() else None


def rank_images(folder: str,
                dataset: BaseImageLabelDataset) -> list[Scored]:
    """Score each image of a data set by itself; the worst comes first.

    Images whose mask is ignored everywhere are left out.

    Raises:
        ValueError: A file is broken, of another size than its mask, or holds
            an index that is no class.
    """
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return sorted(
        Scored(score, infos[index]['img_id'], index)
        for index, score, _ in scored_items(folder, infos, dataset))


def scored_items(folder: str, infos: Sequence[dict],
                 dataset: BaseImageLabelDataset
                 ) -> Iterator[tuple[int, float, np.ndarray]]:
    """Score items one by one, with a bar that shows the progress.

    Args:
        folder (str): With ``<img_id>.png``.
        infos (sequence[dict]): Items that have masks.
        dataset (BaseImageLabelDataset): Says which classes there are.

    Yields:
        tuple[int, float, np.ndarray]: Place in ``infos``, mean IoU in percent
        and ground truth (H, W); nothing where the whole mask is ignored.

    Raises:
        ValueError: See :func:`rank_images`.
    """
    classes = len(dataset.metainfo['classes'])
    for place in progress(range(len(infos)), len(infos), 'scoring', delay=2):
        label, truth = checked_pair(folder, infos[place], dataset)
        score = image_score(label, truth, classes, dataset.ignore_index)
        if score is not None:
            yield place, score, truth
