"""Preparation of COCO: image labels and lists of ids of a split."""
import hashlib
from pathlib import Path

from hsc_mm.utils import atomic_write_bytes, read_json
from .coco_annotations import Instances, instance_labels, read_instances
from .labels import ImageLabels
from .prepare import write_labels

__all__ = [
    'SPLIT_SIZES', 'annotation_file', 'label_file', 'read_split',
    'write_lists'
]

# Images of COCO 2014 that have an annotation, of 82,783 and 40,504.
SPLIT_SIZES = dict(train2014=82081, val2014=40137)


def annotation_file(root: Path, split: str) -> Path:
    """Return the path of the instances JSON of a split."""
    return root / 'annotations' / f'instances_{split}.json'


def label_file(root: Path, split: str) -> Path:
    """Return the path of the image labels of a split."""
    return root / f'image_labels_{split}.json'


def read_split(root: Path, split: str) -> tuple[Instances, str]:
    """Read the annotations of a split.

    Returns:
        tuple[Instances, str]: They, and the SHA-256 of their file.

    Raises:
        FileNotFoundError: The JSON is missing.
        ValueError: It has another form.
    """
    path = annotation_file(root, split)
    if not path.is_file():
        raise FileNotFoundError(
            f'{path}: there is no such file. Unpack '
            f'annotations_trainval2014.zip of COCO in {root}, or name other '
            'splits by --splits.')
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return read_instances(path), digest


def write_lists(root: Path, split: str, instances: Instances) -> ImageLabels:
    """Write the image labels and the list of ids of a split.

    Both leave out images without any annotation.

    Raises:
        ValueError: No image has an annotation, or another split has other
            classes.
    """
    labels = instance_labels(instances)
    for other in sorted(root.glob('image_labels_*.json')):
        if other != label_file(root, split) and read_json(other).get(
                'classes') != labels.classes:
            raise ValueError(
                f'{annotation_file(root, split)}: expected the categories '
                f'that {other} has, found others. Splits share the indices '
                'of their masks: remove what belongs to other data.')
    if not labels.images:
        raise ValueError(f'{annotation_file(root, split)}: expected an image '
                         'with an annotation, found none. Fetch it again.')
    write_labels(label_file(root, split), labels)
    atomic_write_bytes(root / 'ImageSets' / f'{split}.txt',
                       ('\n'.join(labels.images) + '\n').encode())
    return labels
