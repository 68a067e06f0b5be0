"""Subset of PASCAL VOC: some classes, smaller pictures, their own lists."""
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from mmseg.datasets import PascalVOCDataset

from hsc_mm.datasets.checks import raise_problems
from hsc_mm.datasets.labels import ImageLabels, read_voc_list
from hsc_mm.datasets.voc import VOC_CLASSES
from hsc_mm.utils import (
    atomic_write_bytes,
    read_image,
    read_index_png,
    write_index_png,
)
from hsc_mm.utils.locks import hold
from hsc_mm.utils.outputs import claim, claim_folder
from hsc_mm.utils.progress import progress
from .voc import check_pictures, saliency_finder, write_labels

__all__ = ['choose_images', 'cut_subset', 'without_mask']

_MASKS = ('SegmentationClass', 'SegmentationClassAug')


def choose_images(root: Path, classes: list[str],
                  per_class: int = 200) -> dict[str, dict[str, list[str]]]:
    """Choose the pictures whose masks hold nothing but some classes.

    Half of VOC's val, every second picture, is the new val; the other half
    joins train. ``train_aug`` adds pictures of VOC's list of that name, if it
    is there with masks of SBD in ``SegmentationClassAug``.

    Args:
        root (Path): Folder VOC2012.
        classes (list[str]): Names of VOC.
        per_class (int): ``train_aug`` takes a picture of SBD only while one
            of its classes has fewer pictures than this.

    Returns:
        dict: ``train``, ``val`` and ``train_aug``: id -> its classes.

    Raises:
        FileNotFoundError: A list or a mask is missing.
        ValueError: A name is none of VOC's, or no picture is left.
    """
    unknown = [name for name in classes if name not in VOC_CLASSES[1:]]
    if unknown:
        raise ValueError(f'--classes {unknown[0]}: expected names of VOC, '
                         f'{", ".join(VOC_CLASSES[1:])}.')
    chosen = {
        split: _with_classes(root, _read(root, split), classes)
        for split in ('train', 'val')
    }
    held_out = dict(list(chosen['val'].items())[::2])
    train = {**chosen['train'], **{
        i: names for i, names in chosen['val'].items() if i not in held_out}}
    if not train or not held_out:
        raise ValueError(f'{root}: found no picture that holds nothing but '
                         f'{", ".join(classes)}.')
    more, count = {}, Counter(n for names in train.values() for n in names)
    known = {*chosen['train'], *chosen['val']}
    ids = [i for i in _augmented(root)
           if i not in known and _mask(root, i) is not None]
    for image_id, names in _with_classes(root, ids, classes).items():
        if min(count[name] for name in names) < per_class:
            more[image_id] = names
            count.update(names)
    return dict(train=train, val=held_out, train_aug={**train, **more})


def without_mask(root: Path) -> list[str]:
    """Return the pictures of ``train_aug`` that have no mask.

    They are left out of every subset.

    Args:
        root (Path): Folder VOC2012.
    """
    return [i for i in _augmented(root) if _mask(root, i) is None]


def _augmented(root: Path) -> list[str]:
    """Return the ids of VOC's and SBD's pictures, none without the list."""
    there = (_lists(root) / 'train_aug.txt').is_file()
    return _read(root, 'train_aug') if there else []


def _read(root: Path, split: str) -> list[str]:
    return read_voc_list(_lists(root) / f'{split}.txt', root / 'JPEGImages')


def _lists(root: Path) -> Path:
    return root / 'ImageSets' / 'Segmentation'


def _mask(root: Path, image_id: str) -> Path | None:
    paths = (root / folder / f'{image_id}.png' for folder in _MASKS)
    return next((path for path in paths if path.is_file()), None)


def _with_classes(root: Path, ids: list[str],
                  classes: list[str]) -> dict[str, list[str]]:
    """Return the pictures of some classes alone, sorted by id."""
    allowed = {VOC_CLASSES.index(name): name for name in classes}
    kept = {}
    for image_id in progress(sorted(ids), len(ids), 'masks'):
        path = _mask(root, image_id)
        if path is None:
            raise FileNotFoundError(
                f'{root / _MASKS[0] / f"{image_id}.png"}: there is no such '
                'mask.')
        found = set(np.unique(read_index_png(path)).tolist()) - {0, 255}
        if found and found <= set(allowed):
            kept[image_id] = [allowed[i] for i in sorted(found)]
    return kept


def cut_subset(root: Path, out: Path, classes: list[str], long_side: int,
               per_class: int = 200) -> dict[str, int]:
    """Write a subset in VOC layout.

    Args:
        root (Path): Folder VOC2012.
        out (Path): New folder: ``JPEGImages``, ``SegmentationClass``,
            ``SaliencyMaps`` of those that have one, lists and
            ``image_labels.json``.
        classes (list[str]): See :func:`choose_images`.
        long_side (int): Pixels; smaller pictures keep their size.
        per_class (int): See :func:`choose_images`.

    Returns:
        dict[str, int]: Split -> number of pictures.

    Raises:
        FileExistsError: ``out`` holds other files.
        FileNotFoundError: See :func:`choose_images`.
        ValueError: See there; or pictures are missing, or files are broken,
            or a mask or a map has another size than its picture.
    """
    chosen = choose_images(root, classes, per_class)
    labels = {**chosen['train_aug'], **chosen['val']}
    raise_problems(
        str(root), check_pictures(root, {i: _mask(root, i) for i in labels}),
        'Nothing was written: correct these files, or remove them from the '
        'lists in ImageSets/Segmentation.')
    hold(claim_folder(out))
    find_map = saliency_finder(root)
    for image_id in progress(labels, len(labels), 'pictures'):
        image = read_image(root / 'JPEGImages' / f'{image_id}.jpg')
        scale = min(1.0, long_side / max(image.shape[:2]))
        size = tuple(max(1, round(n * scale)) for n in image.shape[1::-1])
        _write_image(out, f'JPEGImages/{image_id}.jpg', image, size)
        mask = read_index_png(_mask(root, image_id))
        write_index_png(
            claim(out, f'SegmentationClass/{image_id}.png'),
            cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST),
            PascalVOCDataset.METAINFO['palette'])
        salient = Path(find_map(image_id))
        if salient.is_file():
            _write_image(out, f'SaliencyMaps/{image_id}.png',
                         cv2.cvtColor(read_image(salient),
                                      cv2.COLOR_BGR2GRAY), size)
    for split, images in chosen.items():
        atomic_write_bytes(
            claim(out, f'ImageSets/Segmentation/{split}.txt'),
            ''.join(f'{image_id}\n' for image_id in images).encode())
    write_labels(out / 'image_labels.json', ImageLabels(classes, labels))
    return {split: len(images) for split, images in chosen.items()}


def _write_image(out: Path, name: str, image: np.ndarray,
                 size: tuple[int, int]) -> None:
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95]
    data = cv2.imencode(Path(name).suffix, small,
                        quality if name.endswith('.jpg') else [])[1]
    atomic_write_bytes(claim(out, name), data.tobytes())
