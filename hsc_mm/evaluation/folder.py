"""Scores of a folder of masks against the ground truth of a data set."""
import os
from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.checks import missing_files
from hsc_mm.datasets.mask_checks import check_indices
from hsc_mm.utils import read_index_png, to_classes
from hsc_mm.utils.progress import progress
from hsc_mm.utils.sums import content_sums
from .confusion import background_iou, class_areas, false_pixels

__all__ = [
    'checked_pair', 'covers', 'ground_truth', 'label_and_truth',
    'listed_images', 'score_folder'
]


def ground_truth(info: dict) -> np.ndarray:
    """Read the mask of an item as class indices, (H, W) uint8."""
    return to_classes(read_index_png(info['seg_map_path']), info['label_map'])


def label_and_truth(folder: str, info: dict) -> tuple[np.ndarray, np.ndarray]:
    """Read label and mask of an item as class indices, (H, W) uint8 each.

    Raises:
        FileNotFoundError: ``<img_id>.png`` is missing in the folder.
        ValueError: It is broken or of another size than the mask.
    """
    path = os.path.join(folder, f'{info["img_id"]}.png')
    label = to_classes(read_index_png(path), info['label_map'])
    truth = ground_truth(info)
    if label.shape != truth.shape:
        raise ValueError(f'{path}: expected the size of the mask, '
                         f'{truth.shape}, found {label.shape}.')
    return label, truth


def checked_pair(folder: str, info: dict, dataset: BaseImageLabelDataset
                 ) -> tuple[np.ndarray, np.ndarray]:
    """Read label and mask of an item as class indices, (H, W) uint8 each.

    Raises:
        FileNotFoundError: ``<img_id>.png`` is missing in the folder.
        ValueError: A file is broken, of another size than its mask, or holds
            an index that is no class.
    """
    pair = label_and_truth(folder, info)
    paths = (os.path.join(folder, f'{info["img_id"]}.png'),
             info['seg_map_path'])
    for mask, path in zip(pair, paths, strict=True):
        check_indices(mask, path, len(dataset.metainfo['classes']),
                      dataset.ignore_index)
    return pair


def listed_images(dataset: BaseImageLabelDataset) -> list[tuple[str, str]]:
    """Return id and hash of each image: copies and links are the same image.

    Ids alone do not tell the images of two data sets apart.

    Raises:
        OSError: An image cannot be read.
    """
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    sums = content_sums(info['img_path'] for info in infos)
    return [(info['img_id'], one)
            for info, one in zip(infos, sums, strict=True)]


def covers(folder: str | Path, dataset: BaseImageLabelDataset,
           labelled: BaseImageLabelDataset) -> bool:
    """Say whether a split has masks, and each image its label in a folder.

    Args:
        folder (str | Path): With ``<img_id>.png``.
        dataset (BaseImageLabelDataset): The split.
        labelled (BaseImageLabelDataset): Data set whose images the labels
            are of. Another picture of the same id is another image.
    """
    if 'seg_map_path' not in dataset.data_prefix:
        return False
    images = dict(listed_images(dataset))
    return images.items() <= dict(listed_images(labelled)).items() and \
        not missing_files(os.path.join(folder, f'{i}.png') for i in images)


def unscored_note(dataset: BaseImageLabelDataset,
                  labelled: BaseImageLabelDataset) -> list[str]:
    """Say why labels have no score, though some of their images have masks.

    Args:
        dataset (BaseImageLabelDataset): The split that is scored.
        labelled (BaseImageLabelDataset): Data set whose images the labels
            are of.
    """
    if 'seg_map_path' not in dataset.data_prefix:
        return []
    images = dict(listed_images(dataset)).items()
    lacking = len(images - dict(listed_images(labelled)).items())
    return [f'pseudo labels have no score: {lacking} of the {len(images)} '
            'images that are scored have none, for they are not trained on, '
            'or show none of the chosen classes'
            ] if 0 < lacking < len(images) else []


def score_folder(folder: str,
                 dataset: BaseImageLabelDataset,
                 skip: Collection[str] = ()) -> dict:
    """Compute the IoU of masks in a folder, over a data set.

    Args:
        folder (str): With ``<img_id>.png``, holding the indices of the data
            set's masks, as pseudo labels and ``tools/test.py --out`` do.
        dataset (BaseImageLabelDataset): With masks.
        skip (collection[str]): Images that are not scored: ids of those that
            a threshold was chosen on.

    Returns:
        dict: In percent (None: the class does not occur). ``mIoU`` and
        ``iou`` of each class, strict: pixels without a label (255) count as
        misses; ``coverage``, the share of pixels with a label, and, where
        some have none, ``mIoU_labelled`` and ``iou_labelled``, over those
        with one; ``background_only``, ``mIoU`` and ``iou`` of masks that are
        background everywhere; ``classes``, ``images``, ``split``; and, with
        images whose mask holds no class, ``false_pixel_rate``, the share of
        their pixels that are called one.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is broken, of another size than its mask, or holds
            an index that is no class.
    """
    classes = list(dataset.metainfo['classes'])
    areas = torch.zeros(4, len(classes), dtype=torch.float64)
    open_areas = torch.zeros(len(classes), dtype=torch.float64)
    false, images = torch.zeros(2, dtype=torch.float64), 0
    read = progress(range(len(dataset)), len(dataset), 'scoring', delay=2)
    for index in read:
        info = dataset.get_data_info(index)
        if info['img_id'] in skip:
            continue
        found, truth = map(
            torch.from_numpy, checked_pair(folder, info, dataset))
        one = class_areas(found, truth, len(classes), dataset.ignore_index)
        areas += torch.stack(one)
        open_areas += torch.bincount(
            truth[found == dataset.ignore_index].long(),
            minlength=256)[:len(classes)]
        false += false_pixels(one)
        images += 1
    wrong, pixels = false.tolist()
    more = dict(
        false_pixel_rate=round(100 * wrong / pixels, 2)) if pixels else {}
    if open_areas.any():
        labelled = _percent(areas[0] / (areas[1] - open_areas))
        more.update(mIoU_labelled=labelled['mIoU'],
                    iou_labelled=labelled['iou'])
    total = areas[3].sum()
    return dict(
        **_percent(areas[0] / areas[1]),
        coverage=round(
            100 - 100 * float(open_areas.sum() / total.clamp(min=1)), 2),
        background_only=_percent(background_iou(areas[3][:, None, None])),
        classes=classes,
        images=images,
        split=dataset.split,
        **more)


def _percent(iou: torch.Tensor) -> dict:
    iou = 100 * iou
    mean, *found = (None if v != v else round(v, 2)
                    for v in [float(iou.nanmean()), *iou.tolist()])
    return dict(mIoU=mean, iou=found)
