"""Reader of labels from JSON: ours, or COCO's."""
import json
from collections.abc import Sequence
from pathlib import Path

from hsc_mm.utils import read_json
from hsc_mm.utils.numbers import nearest
from .class_names import NONE, ImageLabels
from .coco_annotations import instance_labels, is_instances, parse_instances
from .settle import settle

__all__ = ['read_label_json']


def read_label_json(path: str | Path,
                    none: Sequence[str] = NONE) -> ImageLabels:
    """Read ``{"classes": [...], "images": {"id": ["cat", ...]}}``, or COCO's.

    ``classes`` may be left out: then they are the sorted names in use. An
    empty list means that the image shows no class. Of an instances JSON of
    COCO the categories are the classes, by rising id, and an image without
    any annotation shows none of them. Ids may have backslashes.

    Args:
        path (str | Path): The file.
        none (sequence[str]): Names that mean no class.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The content has another form, an image comes twice, or
            a label is not among ``classes``.
    """
    content = read_json(path)
    if is_instances(content):
        return instance_labels(
            parse_instances(content, path, sizes=False), path, none)
    images = content.get('images') if isinstance(content, dict) else None
    classes = content.get('classes') if isinstance(content, dict) else None
    for key in content if isinstance(content, dict) else ():
        near = nearest(key, ('classes', 'images'), 0.8)
        if near and key not in ('classes', 'images'):
            raise ValueError(f'{path}: expected "classes" and "images", '
                             f'found "{key}".{near}')
    if not isinstance(images, dict) or not (
            classes is None or _is_names(classes)):
        raise ValueError(
            f'{path}: expected {{"classes": ["cat", ...], "images": '
            '{"image id": ["cat", ...]}} or an instances JSON of COCO; '
            '"images" is missing or has another form.')
    for image, names in images.items():
        if not _is_names(names):
            raise ValueError(
                f'{path}, image "{image}": expected a list of names of '
                'classes, such as ["cat", "dog"], empty where it shows none, '
                f'found {json.dumps(names, ensure_ascii=False)[:80]}.')
    # Names without a backslash first, so that the other spelling is named.
    slashed: dict[str, list[str]] = {}
    for image in sorted(images, key=lambda name: '\\' in name):
        name = image.replace('\\', '/')
        if name in slashed:
            raise ValueError(
                f'{path}: expected each image once, found "{image}" with '
                'slashes too. Put all its labels under one of them.')
        slashed[name] = images[image]
    return settle(path, classes, slashed, none)


def _is_names(value) -> bool:
    """Say whether a value of a JSON is a list of strings."""
    return isinstance(value, list) and all(isinstance(n, str) for n in value)
