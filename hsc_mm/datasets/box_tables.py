"""Tables of boxes: a line for each box, several for an image."""
import re

from .table_rows import Rows

__all__ = ['has_boxes', 'is_retinanet', 'named_class']

# What a header calls boxes, or two of their sides.
_BOXES = ({'xmin', 'ymin'}, {'x1', 'y1'}, {'left', 'top'}, {'x', 'y'},
          {'bboxx', 'bboxy'}, {'bbox'}, {'boundingbox'})
_CLASS = ('classname', 'labelname', 'category', 'categoryname')
# Or an empty cell.
_NUMBER = re.compile(r'\s*[-+]?\d*\.?\d*(e[-+]?\d+)?\s*', re.IGNORECASE)


def _plain(name: str) -> str:
    return re.sub('[^a-z0-9]', '', name.lower())


def has_boxes(header: list[str]) -> bool:
    """Say whether a header names boxes, or two of their sides."""
    names = {*map(_plain, header)}
    return any(sides <= names for sides in _BOXES)


def named_class(header: list[str]) -> list[int]:
    """Return the places of what tables of boxes call the class."""
    return [place for place, name in enumerate(header)
            if place and _plain(name) in _CLASS]


def is_retinanet(rows: Rows) -> bool:
    """Say whether lines are ``image,x1,y1,x2,y2,class``, without a header.

    An image without a box has one line of empty cells. Numbers alone are no
    boxes: they may be 0 and 1, or scores, of classes.
    """
    if not rows or len(rows[0][1]) != 6:
        return False
    sides = [cell for _, row in rows for cell in row[1:5]]
    return all(map(_NUMBER.fullmatch, sides)) and any(
        map(str.strip, sides)) and not all(
            _NUMBER.fullmatch(row[5]) for _, row in rows)
