"""Reader of labels from tables: CSV and its kin, names or one-hot."""
import re
from collections.abc import Sequence
from pathlib import Path

from .box_tables import has_boxes, is_retinanet, named_class
from .class_names import (
    MARKS,
    NONE,
    ImageLabels,
    Note,
    means_nothing,
)
from .settle import settle
from .table_rows import EMPTY, Rows, is_header, read_rows, without_index

__all__ = ['read_label_table']

_LABELS = ('label', 'labels', 'class', 'classes', 'tag', 'tags',
           'finding labels')
_PARTS = ('split', 'fold', 'subset', 'set', 'train', 'val', 'valid', 'test',
          'is_train', 'is_val', 'is_valid', 'is_test')
_FLAGS = (*_PARTS, 'difficult', 'truncated', 'occluded', 'iscrowd',
          'is_crowd', 'blurry')
_BRACKETS = ('[]', '()', '{}')
_QUOTED = re.compile(r'(\'[^\']*\'|"[^"]*")([\s,;|]+|$)')
_TRUE = tuple(mark for yes, _ in MARKS for mark in yes)
_FALSE = tuple(mark for _, no in MARKS for mark in no)
_NUMBER = re.compile(r'[-+]?\d*[.,]?\d+(e[-+]?\d+)?\s*%?', re.IGNORECASE)


def read_label_table(path: str | Path,
                     none: Sequence[str] = NONE) -> ImageLabels:
    """Read lines ``image,label1;label2``, or a column of 0 and 1 a class.

    Columns are parted by commas, semicolons or tabs. The images are in the
    first column, in the only one that holds file names of pictures, or, where
    the first numbers the lines, in that which the header calls so; paths may
    have backslashes. A header may lead; of more than two columns of
    names it has to say which is the labels'. A column without a name, such
    as the index that pandas writes or an empty one at the end, is not read,
    nor is one beside the labels that is called ``id`` or ``index`` and
    numbers the lines.
    In a cell, semicolons, bars, commas and line breaks part names, and blanks
    do where a name with blanks is made of other names of the table (``haze
    primary`` of ``haze`` and ``primary``). An empty cell means no class, as
    does ``NA`` alone, which R writes, and under a class any of
    :data:`~hsc_mm.datasets.class_names.ABSENT`. Excel's first line ``sep=;``
    names the separator.
    Where a header names the sides of boxes, or lines are
    ``image,x1,y1,x2,y2,class``, an image may have several lines.

    Args:
        path (str | Path): The file.
        none (sequence[str]): Names that mean no class.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no such table, has scores instead of 0 and 1,
            brackets that do not match (lists in lists), or an image twice.
    """
    rows = read_rows(path)
    notes: list[Note] = []
    classes = None
    header = rows.pop(0)[1] if rows and is_header(rows) else None
    header, rows, unread = without_index(header, rows)
    if header and rows and _is_one_hot(path, header, rows):
        cells = [[name for name, cell in zip(header[1:], row[1:], strict=True)
                  if cell.strip().lower() in _TRUE] for _, row in rows]
        classes = [n for n in header[1:] if not means_nothing(n, none)]
        notes.append(Note(
            'classes that may be no classes (if so: remove the column)',
            [f'"{n}"' for n in classes if n.strip().lower() in _PARTS]))
        words = {cell.strip() for _, row in rows for cell in row[1:]}
        notes.append(Note('cells read as 0', [
            f'"{word}"' for word in sorted(words) if word
            and word.lower() in EMPTY]))
    else:
        column = _label_column(path, header, rows)
        unread += [name for place, name in enumerate(header or ())
                   if place not in (0, column)]
        cells = [_names(row[column]) for _, row in rows]
        for (number, row), names in zip(rows, cells, strict=True):
            if not all(map(_fits, names)):
                raise ValueError(
                    f'{path}, line {number}: expected names of classes, '
                    f'parted by semicolons, found {row[column]!r}. Write '
                    'cat;dog; names with commas or brackets that do not '
                    'match belong in a JSON file.')
        if ['NA'] in cells:
            cells = [[] if names == ['NA'] else names for names in cells]
            notes.append(Note('cells that mean no class', ['"NA"']))
        cells, parted = _part_blanks(cells)
        notes.append(Note('names parted by blanks', parted))
    notes.append(Note('columns not read', unread))
    boxes = classes is None and (
        has_boxes(header) if header else is_retinanet(rows))
    images: dict[str, list[str]] = {}
    lines: dict[str, int] = {}
    several: dict[str, None] = {}
    for (number, row), names in zip(rows, cells, strict=True):
        image = row[0].strip().replace('\\', '/')
        if not image:
            raise ValueError(f'{path}, line {number}: expected an image in '
                             'the first column, found an empty cell.')
        if image in images and not boxes:
            raise ValueError(
                f'{path}, line {number}: image "{image}" is listed a second '
                f'time, first in line {lines[image]}. Put all its labels on '
                'one line, such as cat;dog.')
        if image in images:
            several[image] = None
        lines.setdefault(image, number)
        images[image] = list(dict.fromkeys([*images.get(image, ()), *names]))
    notes.append(Note('images with a line for each box, whose labels are '
                      'united', [*several]))
    return settle(path, classes, images, none, notes)


def _is_one_hot(path: str | Path, header: list[str], rows: Rows) -> bool:
    """Say whether all columns but the first hold 0 and 1 for a class.

    Raises:
        ValueError: They do, and one has a name that columns of labels have.
    """
    names = [name.strip().lower() for name in header[1:]]
    one = [name for name in names if name in _LABELS]
    if len(one) == 1 and {*names} <= {*one, *_FLAGS}:
        return False
    cells = {cell.strip().lower() for _, row in rows for cell in row[1:]}
    marks = cells.difference(EMPTY)
    found = bool(marks) and any(marks <= {*yes, *no} for yes, no in MARKS)
    if found and len(one) == 1:
        raise ValueError(
            f'{path}, line 1: expected a column of labels, or columns of 0 '
            f'and 1 for classes, found "{one[0]}", which may be either, among '
            f'{header[1:]}. Rename it if it is a class; if it holds the '
            'labels, remove the others.')
    return found


def _refuse_scores(path: str | Path, header: list[str], rows: Rows) -> None:
    """Refuse columns of numbers other than 0 and 1, such as probabilities."""
    wrong = None
    for number, row in rows:
        for name, cell in zip(header[1:], row[1:], strict=True):
            cell = cell.strip().lower()
            if cell in (*_TRUE, *_FALSE, *EMPTY):
                continue
            if not _NUMBER.fullmatch(cell):
                return
            wrong = wrong or (number, name, cell)
    if wrong:
        raise ValueError(
            f'{path}, line {wrong[0]}: expected 0 or 1 under "{wrong[1]}", '
            f'found {wrong[2]}. Round scores to 0 or 1; where a number is '
            'the name of a class, call the column "labels".')


def _label_column(path: str | Path, header: list[str] | None,
                  rows: Rows) -> int:
    """Return the place of the column that holds the labels."""
    width = len(header or rows[0][1])
    named = [place for place, name in enumerate(header or ())
             if place and name.strip().lower() in _LABELS]
    if header and not named and has_boxes(header):
        named = named_class(header)
    if header and not named:
        _refuse_scores(path, header, rows)
    if width == 2:
        return 1
    if len(named) == 1:
        return named[0]
    if not header and is_retinanet(rows):
        return 5
    raise ValueError(
        f'{path}, line 1: expected two columns, or a header that calls one '
        f'"labels", or columns of 0 and 1 alone under the names of classes, '
        f'found {width} columns: {header or rows[0][1]}.')


def _names(cell: str) -> list[str]:
    """Part a cell at semicolons, bars, commas and line breaks.

    It may hold a list, tuple, set or array as Python writes them, whose names
    in quotes are not parted, or names in [] or {}.
    """
    cell, quotes = cell.strip(), ''
    inner = re.sub(r'^(frozen)?set(?=\()', '', cell)
    while inner[:1] + inner[-1:] in _BRACKETS:
        inner = inner[1:-1].strip()
    if inner != cell and not _QUOTED.sub('', inner):
        parts = [found[0][1:-1] for found in _QUOTED.findall(inner)]
    else:
        if cell[:1] + cell[-1:] in ('[]', '{}'):
            cell, quotes = inner, '\'"'
        parts = re.split(r'[;|,\r\n]', cell)
    names = (name.strip().strip(quotes) for name in parts)
    return [name for name in names if name]


def _fits(name: str) -> bool:
    """Say whether a name has both of its brackets, and no key of a dict."""
    return not re.search(r'[\'"]\s*:', name) and all(
        name.count(one) == name.count(other)
        and name.find(one) <= name.find(other) for one, other in _BRACKETS)


def _part_blanks(cells: list[list[str]]) -> tuple[list[list[str]], list[str]]:
    """Part names at blanks where one of them is made of other names."""
    names = {name for cell in cells for name in cell}
    words = {name: name.split() for name in names}
    made = sorted(name for name, parts in words.items() if len(parts) > 1
                  and all(part in names for part in parts))
    if not made:
        return cells, []
    return [list(dict.fromkeys(part for name in cell for part in words[name]))
            for cell in cells], made
