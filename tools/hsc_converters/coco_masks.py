"""From COCO's outlines to a mask of class indices."""
from typing import Any

import numpy as np

from hsc_mm.datasets.coco_annotations import COCOImage
from hsc_mm.utils.numbers import is_finite

__all__ = ['broken_outlines', 'draw_mask', 'require_pycocotools']

_ADVICE = ("pycocotools makes masks of COCO's outlines, and is not installed: "
           'pip install pycocotools. (prepare_coco --no-masks does without.)')


def require_pycocotools() -> None:
    """Raise ValueError if pycocotools cannot be imported."""
    try:
        import pycocotools.mask  # noqa: F401
    except ImportError as error:
        raise ValueError(_ADVICE) from error


def draw_mask(image: COCOImage, index: dict[int, int],
              by_pixels: bool = False) -> np.ndarray:
    """Draw all annotations of an image.

    Larger areas (``area`` of the annotation; where that is no number, the
    pixels of its outline) come first, so that smaller ones lie on top; of
    equal areas the smaller annotation id lies on top, of ids that are text
    the first of the alphabet.
    Crowd regions are drawn like the others, as their class. What is broken is
    left out: see :func:`broken_outlines`.

    Args:
        image (COCOImage): Image and annotations.
        index (dict[int, int]): Category id -> index of its class.
        by_pixels (bool): Whether ``area`` is not believed: some tools write
            0, or that of the image.

    Returns:
        np.ndarray: (H, W) uint8, 0 = background.
    """
    from pycocotools import mask as coco_mask
    shape = (image.height, image.width)
    drawn = []
    # By falling id, whatever ids are; sorting by area keeps that order.
    for one in sorted(image.annotations, key=lambda a: a['id'], reverse=True):
        outline, _ = _whole(one.get('segmentation'), *shape)
        if outline:
            runs = coco_mask.frPyObjects(outline, *shape)
            runs = coco_mask.merge(runs) if isinstance(runs, list) else runs
            area = one.get('area')
            if by_pixels or not is_finite(area):
                area = int(coco_mask.area(runs))
            drawn.append((-area, index[one['category_id']], runs))
    # By columns, as what is decoded lies in memory.
    mask = np.zeros(shape, dtype=np.uint8, order='F')
    for _, class_index, runs in sorted(drawn, key=lambda d: d[0]):
        np.copyto(
            mask, class_index, where=coco_mask.decode(runs).view(np.bool_))
    return np.ascontiguousarray(mask)


def broken_outlines(image: COCOImage) -> list[str]:
    """Return a line for each outline, or part of one, that is not drawn."""
    return [
        f'{image.img_id}, annotation {one["id"]}: {line}'
        for one in image.annotations for line in _whole(
            one.get('segmentation'), image.height, image.width)[1]
    ]


def _whole(outline: Any, height: int,
           width: int) -> tuple[list | dict | None, list[str]]:
    """Return what pycocotools can draw of an outline, and what is broken.

    Args:
        outline (list | dict): ``segmentation`` of an annotation: polygons,
            or runs, compressed or not.
        height (int): Height of the image.
        width (int): Width of the image.

    Returns:
        tuple[list | dict | None, list[str]]: Polygons or uncompressed runs,
        empty or None if there is nothing; and a line for each problem. Whole
        polygons beside a broken one stay.
    """
    if isinstance(outline, dict):
        counts = outline.get('counts')
        if isinstance(counts, (str, bytes)):
            counts = _unpack(counts)
        wrong = _runs_problem(counts, outline.get('size'), height, width)
        if wrong:
            return None, [wrong]
        return dict(counts=counts, size=[height, width]), []
    if not isinstance(outline, list) or not outline:
        return None, ['expected polygons or runs, found none']
    wrong = [_polygon_problem(one, height, width) for one in outline]
    whole = [o for o, line in zip(outline, wrong, strict=True) if not line]
    return whole, [
        f'polygon {number} of {len(outline)}: {line}'
        for number, line in enumerate(wrong, start=1) if line
    ]


def _polygon_problem(polygon: Any, height: int, width: int) -> str:
    """Say why a polygon cannot be drawn; pycocotools would not.

    It takes four numbers for a box, and coordinates far outside make it
    allocate memory without end.
    """
    if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
        size = len(polygon) if isinstance(polygon, list) else 'no list of'
        return f'expected x, y of three points or more, found {size} numbers'
    if not all(isinstance(value, (int, float)) for value in polygon):
        return 'expected numbers, found something else'
    points = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
    low, high = points.min(axis=0), points.max(axis=0)  # NaN spreads
    if not ((low >= (-width, -height)) & (high <= (2 * width, 2 * height))
            ).all():
        return (f'x {low[0]} .. {high[0]}, y {low[1]} .. {high[1]} is far '
                f'outside the image of {width} x {height}')
    return ''


def _runs_problem(counts: Any, size: Any, height: int, width: int) -> str:
    """Say why runs cannot be drawn; pycocotools would leave pixels unset."""
    if size not in (None, [height, width], (height, width)):
        return f'expected runs of size {[height, width]}, found {size}'
    if not isinstance(counts, list) or not all(
            isinstance(n, int) and n >= 0 for n in counts):
        return 'expected counts of runs, found none'
    if sum(counts) != height * width:
        return (f'expected runs of {height * width} pixels, found '
                f'{sum(counts)}')
    return ''


def _unpack(text: str | bytes) -> list[int] | None:
    """Unpack compressed counts; None where they are truncated or garbled.

    Five bits a character, from the lowest, bit 5 = more follow, the last
    one signed; from the fourth count on, the difference to the last but one.
    """
    data = text.encode('utf-8') if isinstance(text, str) else text
    counts, value, shift = [], 0, 0
    for byte in data:
        code = byte - 48
        if not 0 <= code < 64 or shift > 60:
            return None
        value |= (code & 31) << shift
        shift += 5
        if not code & 32:
            if code & 16:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return None if shift else counts
