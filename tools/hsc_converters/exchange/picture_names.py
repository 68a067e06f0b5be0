"""Names of pictures in files of annotation tools, and whose they are."""
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np

__all__ = ['PICTURES', 'Unclear', 'find_ids']

#: Where an export puts pictures; ids may begin with it too.
PICTURES = 'images/'


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
    pairs = [(name, name.removeprefix(PICTURES)) for name in names]
    exported = any(name not in known and short in known
                   for name, short in pairs)
    as_data = any(name in known and (name == short or short not in known)
                  for name, short in pairs)
    ids, unclear = {}, set()
    for name, short in pairs:
        both = name != short and name in known and short in known
        if both and exported == as_data:
            unclear.add(name)
        ids[name] = short if name not in known or (
            both and exported and not as_data) else name
    return ids, unclear


class Unclear:
    """Stands for the reader of a mask of which two images could be meant.

    Args:
        name (str): Name of its picture.
        where (str | Path): The file.
    """

    def __init__(self, name: str, where: str | Path) -> None:
        self.name, self.where = name, where

    def __call__(self, size: tuple[int, int]) -> np.ndarray:
        """Refuse it.

        Raises:
            ValueError: Always.
        """
        short = self.name.removeprefix(PICTURES)
        raise ValueError(
            f'{self.where}: expected names of one image each, found '
            f'"{self.name}": it may be the image of this name or, in the '
            f'folder of an export, "{short}". Write '
            f'"{PICTURES}{self.name}" or "{short}" there.')
