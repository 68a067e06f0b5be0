"""Choice of the images on which pseudo labels are worst, class by class."""
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.evaluation.ranking import scored_items

__all__ = ['ScoredImage', 'worst_images', 'worst_of_each_class']

#: Id of an image and hash of its content.
Image = tuple[str, str]


class ScoredImage(NamedTuple):
    """An image, its score, and what its mask shows.

    Attributes:
        score (float): Mean IoU in percent.
        image (tuple[str, str]): Its id and hash.
        classes (collection[int]): Classes of its mask, without background.
    """
    score: float
    image: Image
    classes: Collection[int]


def worst_of_each_class(scored: Iterable[ScoredImage],
                        count: int) -> list[Image]:
    """Choose up to ``count`` images: the worst of each class in turn.

    Every class takes its worst image, then its second worst, and so on. An
    image that another class has taken is not taken again. If the last turn
    has too many, its best ones are left out. Images that show no class are
    not chosen.
    """
    ranked = sorted(scored, key=lambda one: one[:2])
    classes = sorted({c for one in ranked for c in one.classes})
    chosen: list[Image] = []
    while classes and len(chosen) < count:
        turn: list[ScoredImage] = []
        for number in list(classes):
            left = next((one for one in ranked if number in one.classes), None)
            if left is None:
                classes.remove(number)
            else:
                ranked.remove(left)
                turn.append(left)
        turn.sort(key=lambda one: one[:2])
        chosen += [one.image for one in turn]
    return chosen[:count]


def worst_images(images: Sequence[Image], known: Mapping[Image, dict],
                 pseudo_dir: str | None, dataset: BaseImageLabelDataset,
                 count: int) -> list[Image]:
    """Choose the images whose pseudo labels are worst, of each class in turn.

    Args:
        images (sequence[tuple[str, str]]): Id and hash of each.
        known (mapping): Image -> item of a data set that may have masks.
        pseudo_dir (str, optional): Folder of pseudo labels.
        dataset (BaseImageLabelDataset): Says which classes there are.
        count (int): Number of images at most.

    Raises:
        ValueError: There are no pseudo labels, or no masks of these images
            that show a class; a file is broken or holds no class's index.
    """
    if pseudo_dir is None:
        raise ValueError('worst images: expected pseudo labels to score, '
                         'found none.')
    masked = [i for i in images if 'seg_map_path' in known.get(i, {})]
    classes = {*range(1, len(dataset.metainfo['classes']))}
    chosen = worst_of_each_class([
        ScoredImage(score, masked[i], {*np.unique(truth).tolist()} & classes)
        for i, score, truth in scored_items(
            pseudo_dir, [known[one] for one in masked], dataset)], count)
    if not chosen:
        raise ValueError('worst images: expected masks of training images, '
                         'found none that shows a class.')
    return chosen
