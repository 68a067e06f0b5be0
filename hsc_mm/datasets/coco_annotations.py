"""COCO's instances JSON: classes, images, annotations, image labels."""
import posixpath
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from hsc_mm.utils import read_json
from hsc_mm.utils.limits import check_pixels
from hsc_mm.utils.numbers import is_finite
from .class_names import (
    NONE,
    ImageLabels,
    Note,
    image_stem,
    means_nothing,
)
from .settle import settle

__all__ = [
    'COCOImage', 'Instances', 'instance_labels', 'is_instances',
    'parse_instances', 'read_instances'
]

#: What notes call annotations of unknown images or categories.
LEFT_OUT = 'annotations left out'
KEYS = ('images', 'annotations', 'categories')


class COCOImage(NamedTuple):
    """One image and what is annotated in it.

    Attributes:
        img_id (str): File name, without its suffix if that is ``.jpg`` and
            no other (``x.png.jpg``); slashes part its folders.
        height (int): Height in pixels; 0 where sizes are not read.
        width (int): Width in pixels, likewise.
        annotations (list[dict]): Those of the image, by rising id.
    """
    img_id: str
    height: int
    width: int
    annotations: list[dict]


class Instances(NamedTuple):
    """What an instances JSON holds.

    Attributes:
        classes (list[str]): Categories by rising id, without a "background"
            that nothing is annotated as; the k-th is class k. COCO's ids
            1..90 have gaps, its classes 1..80 not.
        index (dict[int, int]): Category id -> index of its class, 1..K.
        images (list[COCOImage]): Sorted by ``img_id``.
        problems (list[str]): A line for each annotation that was left out.
    """
    classes: list[str]
    index: dict[int, int]
    images: list[COCOImage]
    problems: list[str]

    def annotated(self) -> 'Instances':
        """Return the same without the images that have no annotation."""
        return self._replace(images=[i for i in self.images if i.annotations])


def is_instances(content: Any) -> bool:
    """Say whether the content of a JSON file has COCO's form."""
    return isinstance(content, dict) and 'annotations' in content


def read_instances(path: str | Path) -> Instances:
    """Read an instances JSON; see :func:`parse_instances`.

    That of train2014 has 450 MB and takes some GB of memory.
    """
    return parse_instances(read_json(path), path)


def parse_instances(content: Any, path: str | Path,
                    sizes: bool = True) -> Instances:
    """Sort the content of an instances JSON by images.

    Annotations of an image or a category that the file does not list are
    left out and named.

    Args:
        content (Any): What the file holds.
        path (str | Path): The file, for messages.
        sizes (bool): Whether images need a size, as masks do. Image labels
            do not, and some tools write none.

    Raises:
        ValueError: A key is missing, or names and ids come twice.
    """
    missing = [
        k for k in KEYS if not isinstance(content, dict) or
        not isinstance(content.get(k), list)
    ]
    if missing:
        raise ValueError(
            f'{path}: expected an instances JSON of COCO with the lists '
            f'{list(KEYS)}, found no list {missing[0]!r}. Export the '
            'annotations as instances of COCO; those of MS-COCO are '
            'annotations/instances_train2014.json and instances_val2014.json '
            'in annotations_trainval2014.zip.')
    try:
        annotated = {one['category_id'] for one in content['annotations']}
        classes, index = _classes(content['categories'], annotated, path)
        images = _images(content['images'], path, sizes)
        problems = _assign(content['annotations'], images, index, path)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f'{path}: expected an instances JSON of COCO, but an entry has '
            f'another form ({type(error).__name__}: {error}). Export the '
            'annotations as instances (a panoptic JSON is another format), '
            'or fetch the file again.') from error
    return Instances(classes, index,
                     sorted(images.values(), key=lambda i: i.img_id), problems)


def instance_labels(instances: Instances, path: str | Path,
                    none: Sequence[str] = NONE) -> ImageLabels:
    """Return the classes that are annotated in each image.

    Crowd regions count, as do objects whose outline is broken: an image
    label needs none. An image without any annotation shows no class, nor does
    one of a category that means none.

    Args:
        instances (Instances): Annotations.
        path (str | Path): Their file, for messages.
        none (sequence[str]): Names of categories that mean no class.

    Raises:
        ValueError: See :func:`hsc_mm.datasets.settle.settle`.
    """
    images = {
        image.img_id: [instances.classes[k - 1] for k in sorted({
            instances.index[one['category_id']] for one in image.annotations
        })]
        for image in instances.images
    }
    classes = [n for n in instances.classes if not means_nothing(n, none)]
    return settle(path, classes, images, none,
                  [Note(LEFT_OUT, instances.problems)])


def _classes(categories: list[dict], annotated: set[int],
             path: str | Path) -> tuple[list[str], dict[int, int]]:
    """Number the categories by rising id, from 1."""
    names = [one['name'] for one in categories]
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f'names of categories: {names[:5]}')
    ordered = sorted(
        (one for one in categories if one['id'] in annotated
         or not means_nothing(one['name'], ())), key=lambda one: one['id'])
    names = [one['name'] for one in ordered]
    index = {one['id']: k for k, one in enumerate(ordered, start=1)}
    if not names or len(index) < len(names) or len(set(names)) < len(names):
        raise ValueError(
            f'{path}: expected categories, each id and each name once, found '
            f'{[(one["id"], one["name"]) for one in ordered]}.')
    return names, index


def _images(entries: list[dict], path: str | Path,
            sizes: bool) -> dict[int, COCOImage]:
    """Return image id of the JSON -> image, still without annotations."""
    images: dict[int, COCOImage] = {}
    names: dict[str, str] = {}
    for entry in entries:
        name = str.replace(entry['file_name'], '\\', '/')
        if PurePosixPath(name).is_absolute() or '..' in name.split('/'):
            raise ValueError(f'{path}: expected a file_name below the image '
                             f'folder, found {name!r}.')
        name = name and posixpath.normpath(name)
        known = names.get(image_stem(name))
        if known not in (None, name):
            raise ValueError(f'{path}: image {entry["id"]}, {name!r}, has the '
                             f'name of {known!r}, but for its suffix. Rename '
                             'one of them.')
        if entry['id'] in images or known is not None:
            raise ValueError(f'{path}: image {entry["id"]}, {name!r}, is '
                             'listed twice. Remove the second entry.')
        names[image_stem(name)] = name
        short = name.removesuffix('.jpg')
        images[entry['id']] = COCOImage(
            short if image_stem(short) == short else name,
            *(_size(entry, f'{path}: image {name}') if sizes else (0, 0)), [])
    return images


def _size(entry: dict, where: str) -> tuple[int, int]:
    """Return height and width of an image."""
    sides = entry['height'], entry['width']
    if not all(is_finite(side) and side == int(side) for side in sides):
        raise TypeError('{}: size {} x {}'.format(where, *sides))
    check_pixels(where, *map(int, sides))
    return int(sides[0]), int(sides[1])


def _assign(annotations: list[dict], images: dict[int, COCOImage],
            index: dict[int, int], path: str | Path) -> list[str]:
    """Hand each annotation to its image; return those that belong to none."""
    problems = []
    for one in sorted(annotations, key=lambda a: a['id']):
        where = f'{Path(path).name}, annotation {one["id"]}'
        if one['image_id'] not in images:
            problems.append(
                f'{where}: image {one["image_id"]!r} is not listed')
        elif one['category_id'] not in index:
            problems.append(
                f'{where}: category {one["category_id"]!r} is not listed')
        else:
            images[one['image_id']].annotations.append(one)
    return problems
