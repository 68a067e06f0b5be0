"""Rows of a table: its separator, its header, the columns that count."""
import csv
import os
import re
from io import StringIO
from pathlib import Path

from hsc_mm.utils import read_text
from .class_names import ABSENT, IMAGE_SUFFIXES, MARKS

__all__ = [
    'EMPTY', 'Rows', 'is_header', 'names_images', 'read_rows', 'without_index'
]

#: Line numbers and cells.
Rows = list[tuple[int, list[str]]]

# What a header calls the column of the images.
_HEADERS = ('image', 'images', 'filename', 'file', 'imagename', 'imageid',
            'imagefile', 'imagepath', 'filepath', 'imageindex', 'img', 'path',
            'id', 'name')
# Of a column of masks, which are files of pictures, too.
_MASKS = re.compile(r'(masks?|gt|groundtruth|seg(mentations?|map)?|'
                    r'annotations?)(file)?(name|path)?')
# Of columns beside those of the images and labels.
_INDEX = re.compile(r'id|idx|index|image[ _]?(id|index)|unnamed: \d+',
                    re.IGNORECASE)
#: Cells that say nothing, in lower case.
EMPTY = ('', 'na', *ABSENT)


def names_images(cell: str) -> bool:
    """Say whether a cell is the header of a column of images."""
    return _squeezed(cell) in _HEADERS


def _squeezed(cell: str) -> str:
    return re.sub(r'[\s_-]', '', cell).lower()


def read_rows(path: str | Path) -> Rows:
    """Read a table, the column of the images in front.

    Args:
        path (str | Path): The file.

    Returns:
        list: Line number and cells of each row that is not empty, without
        the columns that are, all of one width.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no such table.
    """
    return _without_empty(_images_first(_rows(path)))


def _rows(path: str | Path) -> Rows:
    """Part a file by the separator that it names, or that fits.

    Where several fit, as commas in file names do, it is the first with a
    column of file names of pictures.
    """
    text, marks = read_text(path), ',;\t'
    named = re.match(r'sep=([^\w "\r\n])(?=[\r\n])', text, re.IGNORECASE)
    if named:
        text, marks = text[named.end():], named[1]
    first: Rows = []
    fitting: list[Rows] = []
    problem = None
    for mark in marks:
        reader = csv.reader(
            StringIO(text, newline=''), delimiter=mark, strict=True,
            skipinitialspace=True)  # before a quoted cell
        try:
            rows = [(reader.line_num, row) for row in reader
                    if any(cell.strip() for cell in row)]
        except csv.Error as error:
            problem = problem or f'line {reader.line_num}: expected a line ' \
                f'of a CSV, but {error}. Correct its quotation marks.'
            continue
        first = first or rows
        widths = {len(row) for _, row in rows}
        others = [other for other in marks if other != mark]
        if len(widths) == 1 and widths != {1} and not any(
                other in row[0] and not _suffixed(row[0])
                for _, row in rows for other in others):
            fitting.append(rows)
    if fitting:
        return next(filter(_columns_of_pictures, fitting), fitting[0])
    if problem:
        raise ValueError(f'{path}, {problem}')
    if not re.sub(r'[\s,;]', '', text):
        raise ValueError(
            f'{path}: expected "image,label1;label2", a line for each image, '
            'found an empty file. Write the list again.')
    number, row = next(((n, r) for n, r in first if len(r) != 2), (1, ['']))
    raise ValueError(
        f'{path}, line {number}: expected "image,label1;label2" and as many '
        f'columns in each line, found {len(row)} columns. Separate labels '
        'with semicolons.')


def _images_first(rows: Rows) -> Rows:
    """Put the column of the images in front, without unnamed columns.

    It is the only one of pictures, or of several the only one that the header
    calls so; or, where the first of more than two numbers the lines, the only
    other that the header calls so ("name" may be that of a class).
    """
    first = rows[0][1]
    found = [place for place in _columns_of_pictures(rows)
             if not _MASKS.fullmatch(_squeezed(first[place]))]
    if len(found) > 1:  # such as those of masks
        found = [place for place in found if names_images(first[place])]
    if not found and len(first) > 2 and (
            not first[0].strip() or _INDEX.fullmatch(first[0].strip())
            ) and _number_lines(rows[1:], 0):
        named = [place for place, name in enumerate(first) if place
                 and names_images(name) and (name.strip().lower() != 'name'
                 or len({row[place] for _, row in rows[1:]}) == len(rows) - 1)]
        found = [place for place in named if not _INDEX.fullmatch(
            first[place].strip())] or named
    if len(found) != 1 or not found[0]:
        return rows
    named = [place for place in range(len(first)) if place != found[0]
             and (first[place].strip() or _suffixed(first[found[0]]))]
    return [(number, [row[place] for place in found + named])
            for number, row in rows]


def _columns_of_pictures(rows: Rows) -> list[int]:
    """Return the columns of file names of pictures, below a header or not."""
    return [place for place in range(len(rows[0][1]))
            if all(_suffixed(row[place]) for _, row in rows[1:] or rows)]


def _number_lines(rows: Rows, place: int) -> bool:
    """Say whether the cells of a column are whole numbers, none twice."""
    cells = [row[place].strip() for _, row in rows]
    return len({*cells}) == len(cells) and all(map(str.isdigit, cells))


def without_index(header: list[str] | None, rows: Rows
                  ) -> tuple[list[str] | None, Rows, list[str]]:
    """Leave out columns that number the lines, beside others; name them.

    One of several marks, such as 0 and 1, numbers nothing: a class may be
    called "index".
    """
    def numbers(place: int) -> bool:
        marks = {row[place].strip().lower() for _, row in rows}.difference(
            EMPTY)
        return _number_lines(rows, place) or not any(
            marks <= {*yes, *no} for yes, no in MARKS)

    if header is None:
        return header, rows, []
    kept = [place for place, name in enumerate(header)
            if not place or not _INDEX.fullmatch(name.strip())
            or not numbers(place)]
    if len(kept) < 2 or len(kept) == len(header):
        return header, rows, []
    return [header[place] for place in kept], [
        (number, [row[place] for place in kept]) for number, row in rows
    ], [name for place, name in enumerate(header) if place not in kept]


def _without_empty(rows: Rows) -> Rows:
    """Leave out columns without a name or a cell, as Excel adds them."""
    if not rows or not is_header(rows):
        return rows
    used = [place for place in range(len(rows[0][1])) if not place
            or any(row[place].strip() for _, row in rows)]
    if len(used) < 2:  # of a list without labels, which is refused later
        return rows
    return [(number, [row[place] for place in used]) for number, row in rows]


def _suffixed(cell: str) -> bool:
    return os.path.splitext(cell.strip())[1].lower() in IMAGE_SUFFIXES


def is_header(rows: Rows) -> bool:
    """Say whether the first row names columns, and is no picture itself."""
    first = rows[0][1][0]
    return names_images(first) or not first.strip() or (
        len(rows) > 1 and not re.search(r'[\d./\\]', first)
        and all(_suffixed(row[0]) for _, row in rows[1:]))
