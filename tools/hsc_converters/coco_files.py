"""Preparation of COCO: image labels, lists and masks of a split."""
import hashlib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hsc_mm.datasets.class_names import means_nothing
from hsc_mm.datasets.coco_annotations import (
    COCOImage,
    Instances,
    instance_labels,
    read_instances,
)
from hsc_mm.datasets.labels import ImageLabels, image_stem
from hsc_mm.utils import (
    atomic_write_bytes,
    read_index_png,
    read_json,
    voc_palette,
    write_index_png,
    write_json,
)
from hsc_mm.utils.outputs import claim
from hsc_mm.utils.paths import place
from hsc_mm.utils.pool import results_of
from .coco_masks import broken_outlines, draw_mask, require_pycocotools
from .coco_origins import (
    MANIFEST,
    MASKS,
    annotation_file,
    identity_of,
    is_ours,
)
from .voc import write_labels

__all__ = [
    'Masks', 'SPLIT_SIZES', 'check_classes', 'label_file', 'read_split',
    'write_lists', 'write_masks'
]

# Images of COCO 2014 that have an annotation, of 82,783 and 40,504.
SPLIT_SIZES = dict(train2014=82081, val2014=40137)


def label_file(root: Path, split: str) -> Path:
    """Return the path of the image labels of a split."""
    return place(root, f'image_labels_{split}.json')


def read_split(root: Path, split: str) -> Instances:
    """Read the annotations of a split.

    Raises:
        FileNotFoundError: The JSON is missing.
        ValueError: It has another form, a category means no class, or no
            image has an annotation.
    """
    path = annotation_file(root, split)
    instances = read_instances(path)
    nothing = [name for name in instances.classes if means_nothing(name)]
    if nothing:
        raise ValueError(
            f'{path}: expected categories that are classes, whose order is '
            f'that of the indices of masks, found {nothing}, which mean no '
            'class. Remove them and what is annotated as them.')
    if not any(image.annotations for image in instances.images):
        raise ValueError(f'{path}: expected an image with an annotation, '
                         'found none. Fetch it again.')
    return instances


def check_classes(root: Path, splits: dict[str, Instances]) -> None:
    """Refuse splits of different categories: masks share their indices.

    Args:
        root (Path): Folder in COCO's layout. Labels of splits that are not
            prepared now count.
        splits (dict[str, Instances]): Split -> its annotations.

    Raises:
        ValueError: A split has other categories than another.
    """
    written = {label_file(root, split) for split in splits}
    known = {
        path: read_json(path, dict).get('classes')
        for path in sorted(root.glob('image_labels_*.json'))
        if path not in written
    }
    for split, instances in splits.items():
        path = annotation_file(root, split)
        known[path] = instances.classes
        other = next(iter(known))
        if known[other] != instances.classes:
            raise ValueError(
                f'{path}: expected the categories that {other} has, found '
                'others. Splits share the indices of their masks: remove '
                'what belongs to other data.')


def write_lists(root: Path, split: str, instances: Instances) -> ImageLabels:
    """Write the image labels and the list of ids of a split."""
    labels = instance_labels(instances, annotation_file(root, split))
    listed = claim(root / 'ImageSets', f'{split}.txt', option='--root')
    write_labels(label_file(root, split), labels)
    atomic_write_bytes(listed, ('\n'.join(labels.images) + '\n').encode())
    return labels


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
    """Write the masks of all images of a split.

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
    require_pycocotools()
    folder = root / MASKS / split
    if not is_ours(folder, identity_of(source)):
        write_json(folder / MANIFEST, identity_of(source))
    images = instances.images
    draw = partial(_write_mask, folder, instances.index)
    results = results_of(draw, images, workers)
    if show is not None:
        results = show(results, len(images))
    labels = instance_labels(instances, annotation_file(root, split)).images
    made, problems, checksum = 0, [], hashlib.sha256()
    for image, (digest, new, broken) in zip(images, results, strict=True):
        made += new
        problems += broken
        line = [image.img_id, *labels[image.img_id], digest]
        checksum.update(('\t'.join(line) + '\n').encode())
    return Masks(made, len(images) - made, problems, checksum.hexdigest())


def _write_mask(folder: Path, index: dict[int, int],
                image: COCOImage) -> tuple[str, bool, list[str]]:
    """Write one mask, or keep it; return digest, whether new, problems."""
    path = place(folder, f'{image_stem(image.img_id)}.png')
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
