"""Outlines of masks along the edges of pixels, which lose no pixel."""
from collections.abc import Iterator

import cv2
import numpy as np

__all__ = ['components', 'outline', 'outlines']


def components(mask: np.ndarray) -> Iterator[tuple[np.ndarray, int, int]]:
    """Yield the 4-connected components of a mask.

    Args:
        mask (np.ndarray): (H, W) bool.

    Yields:
        tuple: The component in its box, (h, w) bool; top and left of the
        box.
    """
    count, label, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=4)
    for number in range(1, count):
        left, top, width, height = stats[number, :4]
        box = label[top:top + height, left:left + width]
        yield box == number, int(top), int(left)


def outlines(component: np.ndarray, top: int = 0,
             left: int = 0) -> list[list[int]]:
    """Return polygons whose union is one component, exactly.

    COCO's polygons have no holes: a component with holes is cut in two at
    the first row of one, until none is left. Of many the middle one is taken,
    so that pieces soon are small. Vertices are corners of pixels, and
    pycocotools draws the pixels inside.

    Args:
        component (np.ndarray): (h, w) bool, 4-connected.
        top (int): Row of its box in the image.
        left (int): Column of its box.

    Returns:
        list[list[int]]: x, y, x, y, ... of each polygon.
    """
    found, waiting = [], [(component, top, left)]
    while waiting:
        part, row, column = waiting.pop()
        cut = _middle_hole(part)
        if cut is None:
            corners = outline(part) + (column, row)
            found.append(corners.ravel().tolist())
            continue
        for piece, start in ((part[:cut + 1], 0), (part[cut + 1:], cut + 1)):
            waiting += [(one, row + start + y, column + x)
                        for one, y, x in components(piece)]
    return found


def _middle_hole(part: np.ndarray) -> int | None:
    """Return the first row of a hole, None where there is none."""
    around = np.pad(~part, 1, constant_values=True).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(
        around, connectivity=8)
    rows = {int(stats[n, cv2.CC_STAT_TOP]) for n in range(1, count)}
    inner = sorted(rows - {0})  # the outside begins at row 0 of the frame
    return inner[len(inner) // 2] - 1 if inner else None


def outline(part: np.ndarray) -> np.ndarray:
    """Walk round a component without holes.

    The walk keeps the pixels on its right and turns right where two of them
    touch at a corner alone.

    Args:
        part (np.ndarray): (h, w) bool, 4-connected, every other pixel
            8-connected to the outside.

    Returns:
        np.ndarray: (n, 2) int, x and y of the corners at which it turns.
    """
    inside = np.pad(part, 1)
    # Direction 0..3: right, down, left, up; pixels lie on the right.
    steps = ((1, 0), (0, 1), (-1, 0), (0, -1))
    here, above = inside[1:, 1:], inside[:-1, 1:]
    beside, across = inside[1:, :-1], inside[:-1, :-1]
    starts = (here & ~above, beside & ~here, across & ~beside,
              above & ~across)  # each (h + 1, w + 1): an edge begins there
    top, left = np.argwhere(starts[0])[0].tolist()
    x, y, direction, corners = left, top, 0, []
    while not corners or (x, y, direction) != (left, top, 0):
        x, y = x + steps[direction][0], y + steps[direction][1]
        turn = next(one for one in (1, 0, 3)
                    if starts[(direction + one) % 4][y, x])
        direction = (direction + turn) % 4
        if turn:
            corners.append((x, y))
    return np.array(corners)
