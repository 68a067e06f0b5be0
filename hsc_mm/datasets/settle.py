"""Settlement of image labels: one spelling of each class, checked names."""
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hsc_mm.utils.indices import check_class_count
from .class_names import (
    ALWAYS,
    MARKS,
    NONE,
    ImageLabels,
    Note,
    is_text,
    name_key,
)

__all__ = ['settle']

# Beside classes these say that a picture shows none of them.
_MAY_MEAN_NONE = frozenset(map(name_key, (
    'no finding', 'no findings', 'nothing', 'empty', 'negative', 'healthy',
    'good', 'ok', 'no defect', 'defect free', 'non defective', 'clean',
    'unlabeled', 'unlabelled', '-', '--', '?')))
_BETWEEN = re.compile(r'[\s;,|/+&\u3001\uff0c\uff1b]+|\band\b')


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
    nothing = {name_key(name) for name in (*ALWAYS, *none)}
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
    more = (Note('other spellings of a class', joined),
            Note('names that mean no class', words),
            *_doubts(spelling)[:1 if classes else 2])
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


def _doubts(spelling: Mapping[str, str]) -> tuple[Note, Note]:
    """Return what names of classes may be that nobody has listed."""
    none = [
        f'"{name}"' for key, name in spelling.items()
        if key in _MAY_MEAN_NONE or any(
            key in no and {*spelling} <= {*yes, *no} for yes, no in MARKS)]
    parts = {name: [part for part in _BETWEEN.split(name) if part]
             for name in spelling.values()}
    parts = {name: found for name, found in parts.items() if len(found) > 1}
    words = {name_key(part) for found in parts.values() for part in found}
    # More names than words: tags that were written one behind the other.
    several = [f'"{name}"' for name, found in parts.items()
               if len(parts) > len(words)
               or all(name_key(part) in spelling for part in found)]
    return (Note('classes that may mean "shows none" (if so: --none)', none),
            Note('classes that may be several in one (if so: part them, as '
                 'with ;)', several))
