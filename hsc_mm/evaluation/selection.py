"""Selection split: a few masks that a threshold is chosen on."""
import hashlib
import os
from collections.abc import Collection
from pathlib import Path

import numpy as np

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.class_names import image_stem
from hsc_mm.utils import atomic_write_bytes
from hsc_mm.utils.io import read_text
from hsc_mm.utils.outputs import claim_file
from .folder import ground_truth, listed_images

__all__ = [
    'check_selection', 'choose_selection', 'find_selection', 'image_ids',
    'read_selection', 'same_images', 'write_selection'
]


def _order(img_id: str) -> bytes:
    """Return what images are ordered by, whatever list they stand in."""
    return hashlib.sha256(img_id.encode()).digest()


def choose_selection(dataset: BaseImageLabelDataset,
                     per_class: int) -> list[str]:
    """Choose images with N masks of each class, always the same ones.

    Classes take their turn, the rarest first. Each takes images that show it,
    in the order of a hash of their ids, until N chosen images do; images
    chosen for an earlier class count. An image of which another class would
    have more than half of its images taken is left out, so that each class
    can be scored: small data sets get fewer than N. Image labels say what an
    image shows, where the data set has them, and the masks elsewhere.

    Args:
        dataset (BaseImageLabelDataset): With masks.
        per_class (int): N.

    Returns:
        list[str]: Ids, in the order of the data set.

    Raises:
        ValueError: No class has two images.
    """
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    shown = np.array([_classes(info, len(dataset.foreground))
                      for info in infos], dtype=bool)
    order = sorted(range(len(infos)), key=lambda i: _order(infos[i]['img_id']))
    counts = shown.sum(axis=0)
    taken, chosen = np.zeros_like(counts), set()
    for index in np.argsort(counts, kind='stable').tolist():
        for place in order:
            if taken[index] >= per_class:
                break
            more = taken + shown[place]
            if place not in chosen and shown[place, index] and (
                    more <= counts // 2)[shown[place]].all():
                chosen.add(place)
                taken = more
    if not chosen:
        raise ValueError(
            f'--select {per_class}: expected a class in two images of '
            f'{dataset.split} at least, found none in {len(infos)} images: '
            'nothing would be left to score.')
    return [infos[place]['img_id'] for place in sorted(chosen)]


def _classes(info: dict, classes: int) -> np.ndarray:
    """Return the foreground classes that an item shows, (K,) bool."""
    if 'gt_label' in info:
        return np.asarray(info['gt_label'], dtype=bool)
    return np.isin(np.arange(1, classes + 1), ground_truth(info))


def image_ids(dataset: BaseImageLabelDataset) -> list[str]:
    """Return the ids of the images of a data set, in its order."""
    return [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))]


def find_selection(dataset: BaseImageLabelDataset,
                   select: int | str | Path) -> list[str]:
    """Return the ids of a selection.

    Args:
        dataset (BaseImageLabelDataset): The split that is scored.
        select (int | str | Path): Masks per class, or a file with ids, or
            with paths of images relative to the image folder.

    Raises:
        ValueError: The data set has no masks, or the file names other
            images, or all, or one twice.
    """
    if 'seg_map_path' not in dataset.data_prefix:
        raise ValueError(
            f'--select: expected masks of {dataset.split}, found no '
            'seg_map_path in data_prefix of test_dataloader. Choose without '
            'masks: --threshold auto.')
    if isinstance(select, int):
        return choose_selection(dataset, select)
    ids = {*image_ids(dataset)}
    chosen = [line if line in ids else _id_of(line)
              for line in read_selection(select)]
    _refuse_twice(select, chosen)
    check_selection(str(select), dataset, chosen)
    return chosen


def _id_of(path: str) -> str:
    """Return the id of an image by its path: no suffix, slashes."""
    return os.path.normpath(image_stem(path.replace('\\', '/')))


def check_selection(what: str, dataset: BaseImageLabelDataset,
                    chosen: Collection[str]) -> None:
    """Refuse a selection of other images than some of a split.

    Args:
        what (str): The selection, for the message.
        dataset (BaseImageLabelDataset): The split that is scored.
        chosen (collection[str]): Ids.

    Raises:
        ValueError: It names other images, or all.
    """
    ids = {*image_ids(dataset)}
    if not ids > set(chosen):
        raise ValueError(
            f'{what}: expected ids of some of the {len(ids)} images of '
            f'{dataset.split}, found '
            f'{sorted({*chosen} - ids)[:3] or "all of them"}. Name a list of '
            'this split.')


def same_images(own: BaseImageLabelDataset, chosen: Collection[str],
                other: BaseImageLabelDataset) -> set[str]:
    """Return the ids in another data set of images chosen from one.

    The same file, or a copy of it, counts as the same image; in the data set
    itself, whose scores leave out the ids alone, a copy does not.
    """
    found, others = listed_images(own), listed_images(other)
    if found == others:
        return set(chosen)
    sums = {one for img_id, one in found if img_id in chosen}
    return {img_id for img_id, one in others if one in sums}


def read_selection(path: str | Path) -> list[str]:
    """Read ids, one on a line; blank lines do not count.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It names no image, or one twice.
    """
    ids = [line.strip() for line in read_text(path).splitlines()
           if line.strip()]
    if not ids:
        raise ValueError(f'{path}: expected ids of images, one on a line, '
                         'found none.')
    _refuse_twice(path, ids)
    return ids


def _refuse_twice(path: str | Path, ids: list[str]) -> None:
    twice = next((i for i in ids if ids.count(i) > 1), None)
    if twice:
        raise ValueError(f'{path}: expected ids of images, each once, found '
                         f'{twice} twice.')


def write_selection(path: str | Path, ids: Collection[str]) -> None:
    """Write ids as :func:`read_selection` reads them.

    Raises:
        FileExistsError: There is a file that was not written here.
    """
    atomic_write_bytes(
        claim_file(path, option='selection'), '\n'.join([*ids, '']).encode())
