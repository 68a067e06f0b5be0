"""Names of pictures in files of annotation tools, and whose they are."""
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

import numpy as np

from hsc_mm.utils.alike import composed
from .records import ReadMask

__all__ = [
    'PICTURES', 'find_ids', 'refuse_repeats', 'spelt_as', 'unclear_name'
]

#: Where an export puts pictures; ids may begin with it too.
PICTURES = 'images/'


def spelt_as(known: Collection[str]) -> Callable[[str], str]:
    """Return what gives a name the characters of the id that looks the same.

    Tools write a letter and its accent as one character or as two.

    Args:
        known (collection[str]): Ids of the data.

    Returns:
        callable: Name -> id, or the name itself where no id, or more than
        one, looks as it does.
    """
    counts = Counter(map(composed, known))
    ids = {composed(one): one for one in known if counts[composed(one)] == 1}
    return lambda name: name if name in known else ids.get(
        composed(name), name)


def find_ids(names: Iterable[str],
             known: Collection[str]) -> tuple[dict[str, str], set[str]]:
    """Find the image of each picture, by the name with or without its folder.

    Where the data has both images, the other names of the file say whether
    it has the names of the data or those of an export.

    Args:
        names (iterable[str]): Names in a file, without suffixes.
        known (collection[str]): Ids of the data.

    Returns:
        tuple[dict[str, str], set[str]]: Name -> id; and names that could as
        well be the image without the folder.
    """
    names, spelt = [*names], spelt_as(known)
    pairs = [(spelt(name), spelt(name.removeprefix(PICTURES)))
             for name in names]
    exported = any(name not in known and short in known
                   for name, short in pairs)
    as_data = any(name in known and (name == short or short not in known)
                  for name, short in pairs)
    ids, unclear = {}, set()
    for given, (name, short) in zip(names, pairs, strict=True):
        both = name != short and name in known and short in known
        if both and exported == as_data:
            unclear.add(given)
        ids[given] = short if name not in known or (
            both and exported and not as_data) else name
    return ids, unclear


def unclear_name(name: str, where: str | Path) -> ReadMask:
    """Return a reader that refuses the mask of a name of :func:`find_ids`."""
    short = name.removeprefix(PICTURES)
    return _refusal(
        f'{where}: expected names of one image each, found "{name}": it may '
        'be the image of this name or, in the folder of an export, '
        f'"{short}". Write "{PICTURES}{name}" or "{short}" there.')


def refuse_repeats(found: Sequence[tuple[str, ReadMask]],
                   where: str | Path,
                   known: Collection[str]) -> list[tuple[str, ReadMask]]:
    """List each image once; masks of one that comes twice are refused.

    Args:
        found (sequence[tuple[str, ReadMask]]): Image ids, and what reads
            their masks.
        where (str | Path): The file.
        known (collection[str]): Ids of the data, whose spelling counts.
    """
    spelt = spelt_as(known)
    found = [(spelt(name), read) for name, read in found]
    counts = Counter(img_id for img_id, _ in found)
    return [
        (img_id, read if counts[img_id] == 1 else _refusal(
            f'{where}: expected one mask of "{img_id}", found '
            f'{counts[img_id]}. Remove all but the right one.'))
        for img_id, read in dict(found).items()]


def _refusal(text: str) -> ReadMask:
    def read(size: tuple[int, int]) -> np.ndarray:
        raise ValueError(text)

    return read
