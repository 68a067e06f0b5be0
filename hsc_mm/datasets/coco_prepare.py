"""Preparation of COCO: the masks of a split, and their checksum."""
import hashlib
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hsc_mm.utils import (
    read_index_png,
    read_json,
    voc_palette,
    write_index_png,
    write_json,
)
from .coco_annotations import COCOImage, Instances, instance_labels
from .coco_masks import broken_outlines, draw_mask, has_pycocotools
from .labels import image_stem

__all__ = ['MASKS', 'Masks', 'write_masks']

MASKS = 'SegmentationClass'
MANIFEST = 'masks.json'
# Raised with every change of what a mask looks like.
RULES = 1


class Masks(NamedTuple):
    """What became of the masks of a split.

    Attributes:
        made (int): Number of masks that were written.
        there (int): Number of masks that were kept.
        problems (list[str]): A line for each broken outline.
        checksum (str): SHA-256 of labels and masks, see
            :func:`write_masks`.
    """
    made: int
    there: int
    problems: list[str]
    checksum: str


def write_masks(
        root: Path,
        split: str,
        instances: Instances,
        source: str,
        workers: int = 1,
        show: Callable[[Iterable, int], Iterable] | None = None) -> Masks:
    """Write the masks of all annotated images of a split.

    A mask that is there, whole and of the right size, is kept: it comes from
    an earlier run on the same annotations, which a file beside the masks
    says. The checksum is the SHA-256 of a line for each image in order, its
    id, its labels and the SHA-256 of its decoded mask; it does not depend on
    the number of workers, on compression, or on what was there.

    Args:
        root (Path): Folder in COCO's layout.
        split (str): ``'train2014'`` or the like.
        instances (Instances): Its annotations.
        source (str): SHA-256 of their file.
        workers (int): Number of processes.
        show (callable, optional): Passes on the results, given their number:
            a progress bar.

    Raises:
        FileExistsError: The folder holds other files.
        ValueError: pycocotools is missing.
        OSError: A file cannot be written.
    """
    has_pycocotools(required=True)
    folder = root / MASKS / split
    _open(folder, dict(annotations=source, rules=RULES))
    images = [image for image in instances.images if image.annotations]
    draw = partial(_write_mask, folder, instances.index)
    results = _map(draw, images, workers)
    if show is not None:
        results = show(results, len(images))
    labels = instance_labels(instances).images
    made, problems, checksum = 0, [], hashlib.sha256()
    for image, (digest, new, broken) in zip(images, results, strict=True):
        made += new
        problems += broken
        line = [image.img_id, *labels[image.img_id], digest]
        checksum.update(('\t'.join(line) + '\n').encode())
    return Masks(made, len(images) - made, problems, checksum.hexdigest())


def _open(folder: Path, identity: dict) -> None:
    """Claim a folder, or see that it is of the same origin."""
    manifest = folder / MANIFEST
    if manifest.is_file():
        if read_json(manifest) == identity:
            return
        found = 'masks of other annotations or of another version'
    elif not folder.is_dir() or not any(folder.iterdir()):
        write_json(manifest, identity)
        return
    else:
        found = f'other files in it, and no {MANIFEST}'
    raise FileExistsError(
        f'{folder}: expected a new or empty folder, or masks of the same '
        f'annotations, found {found}. Nothing was written there: move the '
        'folder away and run again, or keep it by --no-masks.')


def _write_mask(folder: Path, index: dict[int, int],
                image: COCOImage) -> tuple[str, bool, list[str]]:
    """Write one mask, or keep it; return digest, whether new, problems."""
    path = folder / f'{image_stem(image.img_id)}.png'
    shape = (image.height, image.width)
    mask = _whole_mask(path, shape)
    new = mask is None
    if new:
        mask = draw_mask(image, index)
        write_index_png(path, mask, voc_palette())
    content = f'{shape[0]} {shape[1]} '.encode() + mask.tobytes()
    digest = hashlib.sha256(content).hexdigest()
    return digest, new, broken_outlines(image)


def _whole_mask(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """Read a mask; None if it is missing, broken or of another size."""
    try:
        mask = read_index_png(path)
    except (FileNotFoundError, ValueError):
        return None
    return mask if mask.shape == shape else None


def _map(function: Callable, jobs: list, workers: int) -> Iterator:
    """Map in this process or in several, in order."""
    if workers <= 1:
        yield from map(function, jobs)
        return
    forks = 'fork' in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context('fork' if forks else None)
    with ProcessPoolExecutor(workers, context) as pool:
        yield from pool.map(function, jobs, chunksize=16)
