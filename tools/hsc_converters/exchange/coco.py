"""COCO's instances JSON: masks as runs or as polygons."""
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from hsc_mm.datasets.coco_annotations import COCOImage, read_instances
from hsc_mm.datasets.labels import image_stem
from hsc_mm.utils import write_json
from hsc_mm.utils.outputs import claim
from ..coco_masks import broken_outlines, draw_mask, require_pycocotools
from .picture_names import find_ids, unclear_name
from .polygons import components, outlines
from .records import Item, MaskClasses, ReadMask

__all__ = ['read_coco', 'write_coco', 'write_coco_polygons']

FILE = 'instances.json'


def write_coco(folder: Path, items: Iterable[Item],
               classes: MaskClasses) -> list[Path]:
    """Write one annotation for each class of an image, as compressed runs.

    Args:
        folder (Path): Where ``instances.json`` is written.
        items (iterable[Item]): In the order of the file.
        classes (MaskClasses): Categories are their foreground and the
            ignored pixels; ids are mask indices.

    Returns:
        list[Path]: The files.

    Raises:
        ValueError: pycocotools is missing.
        OSError: The file cannot be written.
    """
    require_pycocotools()
    from pycocotools import mask as coco_mask

    def annotate(mask: np.ndarray) -> list[dict]:
        runs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        return [dict(
            segmentation=dict(runs, counts=runs['counts'].decode()),
            area=int(coco_mask.area(runs)),
            bbox=coco_mask.toBbox(runs).tolist())]

    return _write(folder, items, classes, annotate)


def write_coco_polygons(folder: Path, items: Iterable[Item],
                        classes: MaskClasses) -> list[Path]:
    """Write one annotation for each 4-connected component, as polygons.

    See :func:`write_coco` and :func:`.polygons.outlines`.
    """
    def annotate(mask: np.ndarray) -> list[dict]:
        return [dict(
            segmentation=outlines(part, top, left),
            area=int(part.sum()),
            bbox=[float(v) for v in (left, top, *part.shape[::-1])])
            for part, top, left in components(mask)]

    return _write(folder, items, classes, annotate)


def _write(folder: Path, items: Iterable[Item], classes: MaskClasses,
           annotate: Callable[[np.ndarray], list[dict]]) -> list[Path]:
    path = claim(folder, FILE)
    images, annotations = [], []
    for number, item in enumerate(items, start=1):
        height, width = item.mask.shape
        images.append(dict(id=number, file_name=item.picture, height=height,
                           width=width))
        for index in np.unique(item.mask[item.mask > 0]).tolist():
            for one in annotate(item.mask == index):
                annotations.append(dict(
                    id=len(annotations) + 1, image_id=number,
                    category_id=index, iscrowd=0, **one))
    write_json(path, dict(
        images=images,
        annotations=annotations,
        categories=[dict(id=index, name=name, supercategory='')
                    for name, index in classes.foreground.items()]))
    return [path]


def read_coco(path: Path, classes: MaskClasses,
              ids: Collection[str] = ()) -> Iterator[tuple[str, ReadMask]]:
    """Yield image ids, and what reads their masks.

    Categories go by their names, not by their ids. Where annotations
    overlap, the smaller lies on top; what has no annotation is background.

    Args:
        path (Path): Instances JSON: runs, compressed or not, and polygons.
        classes (MaskClasses): Names and indices.
        ids (collection[str]): Ids of the data, see :func:`.find_ids`.

    Raises:
        ValueError: The file is no such JSON, has a category that is no class,
            or pycocotools is missing. The reader of a mask raises it where
            an outline is broken, or two images may be meant.
    """
    require_pycocotools()
    found = read_instances(path)
    if found.problems:
        raise ValueError(f'{path}: {len(found.problems)} annotations belong '
                         f'to nothing, the first: {found.problems[0]}. Export '
                         'the file again.')
    used = {one['category_id'] for image in found.images
            for one in image.annotations}
    index = {
        category: classes.index(found.classes[place - 1], str(path))
        for category, place in found.index.items() if category in used
    }
    images = {image_stem(image.img_id): image for image in found.images}
    img_ids, unclear = find_ids(images, ids)
    for name, image in images.items():
        yield img_ids[name], unclear_name(name, path) if name in unclear \
            else partial(_draw, image, index, path)


def _draw(image: COCOImage, index: dict[int, int],
          path: Path, size: tuple[int, int]) -> np.ndarray:
    broken = broken_outlines(image)
    if broken:
        raise ValueError(f'{path}: {"; ".join(broken[:3])}. Draw it again.')
    return draw_mask(image, index, by_pixels=True)
