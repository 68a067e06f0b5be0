"""Names of classes as people write them, and what labels are made of."""
import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from hsc_mm.utils.alike import IMAGE_SUFFIXES

__all__ = [
    'ABSENT', 'ALWAYS', 'IMAGE_SUFFIXES', 'MARKS', 'NONE', 'ImageLabels',
    'Note', 'image_name', 'image_stem', 'is_text', 'means_nothing',
    'name_key', 'note_lines', 'spelled'
]

#: Names that mean no class, beside those that always do.
NONE = ('none', 'normal')
#: What programs write for an empty cell: pandas, people, Excel, R, databases.
ABSENT = ('nan', 'n/a', '#n/a', '<na>', 'null')
#: Marks for and against a class; those of one letter are not mixed.
MARKS = ((('1', '1.0', 'true', 'yes'), ('0', '0.0', 'false', 'no')),
         (('t', ), ('f', )), (('y', ), ('n', )), (('x', ), ()))
#: Names that mean no class in any case.
ALWAYS = ('_none', 'background', *ABSENT)


def image_stem(image: str) -> str:
    """Return an image id without the suffix of an image file, if any."""
    stem, suffix = os.path.splitext(image)
    return stem if suffix.lower() in IMAGE_SUFFIXES else image


def image_name(info: Mapping) -> str:
    """Return the id of an item or sample, else its file without suffix."""
    return info.get('img_id') or Path(info['img_path']).stem


class Note(NamedTuple):
    """What a reader did that a person might not expect.

    Attributes:
        what (str): Such as ``'not read, .heic'``.
        names (list[str]): The files, images or names it was done to.
    """
    what: str
    names: list[str]


def note_lines(notes: Iterable[Note]) -> list[str]:
    """Write a line for each note, with its first three names."""
    return [
        f'  {what}: {", ".join(names[:3])}'
        + (f' ... ({len(names)})' if len(names) > 3 else '')
        for what, names in notes]


class ImageLabels(NamedTuple):
    """Class names, and the names present in each image.

    Attributes:
        classes (list[str]): Foreground classes, in a fixed order, without
            the background.
        images (dict[str, list[str]]): Image id or path relative to the image
            folder -> names of the classes in that image; none in an empty
            list.
        notes (tuple[Note, ...]): What was merged and left out.
    """
    classes: list[str]
    images: dict[str, list[str]]
    notes: tuple[Note, ...] = ()


def name_key(name: str) -> str:
    """Return what two spellings of one name have in common.

    Letters with accents are the same in one character or in two (as macOS
    writes them); characters that are not seen do not count.
    """
    name = ''.join(unicodedata.normalize('NFC', name).split())
    return ''.join(
        c for c in name if unicodedata.category(c) != 'Cf').casefold()


def spelled(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return names of classes in the spelling of known ones, if they are."""
    if {*names} <= {*known}:
        return list(names)
    by_key = {name_key(name): name for name in known}
    return [by_key.get(name_key(name), name) for name in names]


def is_text(name: str) -> bool:
    """Say whether a name can be a line of a text in UTF-8.

    Line ends and other control characters cannot, nor can the bytes of
    another encoding, which Python keeps as surrogates.
    """
    return not {*map(unicodedata.category, name)} & {'Cc', 'Cs'}


def means_nothing(name: str, none: Sequence[str] = NONE) -> bool:
    """Say whether a name means no class.

    Args:
        name (str): Any spelling.
        none (sequence[str]): Names that do, beside ``_none``,
            ``background`` and :data:`ABSENT`.
    """
    return name_key(name) in map(name_key, (*ALWAYS, *none))
