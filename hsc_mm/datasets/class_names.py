"""Names of classes as people write them, and labels that use them."""
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from hsc_mm.utils.indices import check_class_count

__all__ = [
    'ABSENT', 'IMAGE_SUFFIXES', 'MARKS', 'NONE', 'ImageLabels', 'Note',
    'image_name', 'image_stem', 'is_text', 'means_nothing', 'name_key',
    'settle', 'spelled'
]

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')
#: Names that mean no class, beside those that always do.
NONE = ('none', 'normal')
#: What programs write for an empty cell: pandas, people, Excel, R, databases.
ABSENT = ('nan', 'n/a', '#n/a', '<na>', 'null')
#: Marks for and against a class; those of one letter are not mixed.
MARKS = ((('1', '1.0', 'true', 'yes'), ('0', '0.0', 'false', 'no')),
         (('t', ), ('f', )), (('y', ), ('n', )), (('x', ), ()))
_ALWAYS = ('_none', 'background', *ABSENT)


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
    return name_key(name) in map(name_key, (*_ALWAYS, *none))


def settle(path: str | Path,
           classes: Sequence[str] | None,
           images: Mapping[str, Iterable[str]],
           none: Sequence[str] = NONE,
           notes: Sequence[Note] = ()) -> ImageLabels:
    """Join spellings, take out what means no class, and check the names.

    Names that differ in case, blanks or characters that are not seen are
    one: as in ``classes``, or
    else as most images have it.

    Args:
        path (str | Path): Where the labels come from, for messages.
        classes (sequence[str], optional): All classes; by default the sorted
            names in use.
        images (mapping): Image -> names in it.
        none (sequence[str]): Names that mean no class.
        notes (sequence[Note]): Of the reader, in front of those from here.

    Raises:
        ValueError: There are no images, no classes or more than 254; a
            class has an empty name, that of no class, or another's, or one
            that is no text; an
            image has a label that is not among ``classes``, or one that
            means no class beside others.
    """
    if not images:
        raise ValueError(f'{path}: expected labels of at least one image, '
                         'found none.')
    for name in (*(classes or ()), *(n for a in images.values() for n in a)):
        if not is_text(' '.join(name.split())):
            raise ValueError(f'{path}: expected names of classes as text in '
                             f'UTF-8, found {name!r}. Rename the class.')
    nothing = {name_key(name) for name in (*_ALWAYS, *none)}
    count = Counter(' '.join(n.split()) for all_ in images.values()
                    for n in all_ if name_key(n))
    spelling = _spelling(path, classes, count, nothing)
    settled: dict[str, list[str]] = {}
    for image, written in images.items():
        names = {name_key(n): n for n in written if name_key(n)}
        empty = [name for key, name in names.items() if key in nothing]
        if empty and len(empty) < len(names):
            others = [n for key, n in names.items() if key not in nothing]
            raise ValueError(
                f'{path}: image "{image}" has the label "{empty[0]}", which '
                f'means no class, and "{others[0]}". Remove one, or name '
                'other words for no class (`none`).')
        unknown = [n for k, n in names.items() if k not in {*nothing,
                                                            *spelling}]
        if unknown:
            raise ValueError(
                f'{path}: image "{image}" has the label "{unknown[0]}", which '
                f'is not among the classes {list(classes or ())}. Correct the '
                'spelling or add the class.')
        settled[image] = [spelling[k] for k in names if k in spelling]
    found = list(spelling.values()) if classes else sorted(spelling.values())
    check_class_count(str(path), len(found))
    if not found:
        raise ValueError(f'{path}: expected the label of a class in at least '
                         'one image, found none.')
    joined = [f'"{n}" as "{spelling[name_key(n)]}"' for n in count
              if spelling.get(name_key(n), n) != n]
    words = [f'"{n}"' for n in count if name_key(n) in nothing]
    doubtful = [] if classes else [
        f'"{spelling[key]}"' for yes, no in MARKS for key in no
        if key in spelling and {*spelling} <= {*yes, *no}]
    more = (Note('other spellings of a class', joined),
            Note('names that mean no class', words),
            Note('classes that may mean "shows none" (if so: --none)',
                 doubtful))
    return ImageLabels(found, settled,
                       tuple(n for n in (*notes, *more) if n.names))


def _spelling(path: str | Path, classes: Sequence[str] | None,
              count: Counter, nothing: set[str]) -> dict[str, str]:
    """Return key -> the spelling of each class."""
    if classes is None:
        found: dict[str, str] = {}
        for name, _ in sorted(count.items(), key=lambda one: (-one[1], one)):
            if name_key(name) not in nothing:
                found.setdefault(name_key(name), name)
        return found
    found = {name_key(name): ' '.join(name.split()) for name in classes}
    if len(found) < len(classes) or '' in found or nothing & set(found):
        raise ValueError(
            f'{path}: expected every foreground class once (case and blanks '
            'make no difference), with a name, and no "background" (it is '
            'put in front) or other word for no class, found '
            f'{list(classes)}.')
    return found
