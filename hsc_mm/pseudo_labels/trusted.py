"""Trusted masks: those that a person corrected, in a folder of the user's."""
import os
from collections.abc import Sequence
from pathlib import Path

from hsc_mm.utils import read_json
from hsc_mm.utils.alike import RENAME, composed

__all__ = ['TRUSTED', 'TrustedMasks', 'check_mask_classes']

#: Beside the masks: which classes their indices mean, where each is from.
TRUSTED = 'trusted_masks.json'


class TrustedMasks:
    """The masks of a folder, ``<img_id>.png``, which no tool overwrites.

    ``python -m hsc_mm import`` writes such a folder; one that was filled by
    hand does as well. No command writes pseudo labels into it. It is listed
    once: masks that come later count from the next start on.

    Args:
        folder (str | Path, optional): The folder; ``'none'``, the default of
            the configs, is none, as is None.

    Attributes:
        ids (frozenset[str]): Images that have a mask.

    Raises:
        FileNotFoundError: There is no such folder.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = None if folder in (None, 'none') else Path(folder)
        self.ids: frozenset[str] = frozenset()
        if self.folder is None:
            return
        if not self.folder.is_dir():
            raise FileNotFoundError(
                f'trusted_dir {folder}: there is no such folder. "python -m '
                'hsc_mm import" makes it; without corrected masks leave '
                'trusted_dir out.')
        self.ids = frozenset(
            path.relative_to(self.folder).with_suffix('').as_posix()
            for path in self.folder.rglob('*.png')
            if not path.name.startswith('.'))

    def __contains__(self, img_id: str) -> bool:
        return img_id in self.ids

    def path(self, img_id: str) -> str:
        """Return the file of a mask."""
        return os.path.join(str(self.folder), f'{img_id}.png')

    def files(self) -> list[str]:
        """Return the files of all masks, sorted."""
        return [self.path(img_id) for img_id in sorted(self.ids)]

    def check(self, img_ids: Sequence[str],
              classes: Sequence[str] | None) -> int:
        """Return how many images of a list have a trusted mask.

        Args:
            img_ids (sequence[str]): The images.
            classes (sequence[str], optional): What the indices of masks mean
                to the data set, background first.

        Raises:
            ValueError: No image of the list has one, the name of one looks
                like that of an image in other characters, or the masks are
                of other classes.
        """
        if self.folder is None:
            return 0
        check_mask_classes(self.folder / TRUSTED, classes)
        lacking = {composed(i) for i in img_ids if i not in self.ids}
        alike = sorted(i for i in self.ids.difference(img_ids)
                       if composed(i) in lacking)
        if alike:
            raise ValueError(
                f'trusted_dir {self.folder}: expected the names of images, '
                f'found {len(alike)} that look the same in other characters, '
                f'such as {alike[0]}.png. {RENAME}.')
        count = len(self.ids.intersection(img_ids))
        if not count:
            raise ValueError(
                f'trusted_dir {self.folder}: expected masks <img_id>.png of '
                f'images of the list, such as {img_ids[0]}.png, found '
                f'{len(self.ids)} masks, of none of its {len(img_ids)} '
                'images. Name the right folder, or leave trusted_dir out.')
        return count


def check_mask_classes(path: Path, classes: Sequence[str] | None) -> None:
    """Refuse a folder whose manifest names other classes.

    Args:
        path (Path): The manifest; one that is not there names none.
        classes (sequence[str], optional): Those of the data set, background
            first.

    Raises:
        ValueError: The names or their order differ.
    """
    found = read_json(path, {'mask_classes?': ([str], )}).get(
        'mask_classes') if classes and path.is_file() else None
    if found and [*map(composed, found)] != [*map(composed, classes or ())]:
        raise ValueError(
            f'{path}: expected masks of the classes {list(classes or ())}, '
            f'found {found}: an index means another class. Make them again '
            'with this data set.')
