"""Trusted masks: those that a person corrected, in a folder of the user's."""
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.logging import print_log

from hsc_mm.datasets.checks import raise_problems
from hsc_mm.datasets.class_names import (
    IMAGE_SUFFIXES,
    image_name,
    name_key,
)
from hsc_mm.datasets.mask_checks import MASK_ADVICE
from hsc_mm.datasets.mask_labels import black_and_white, indices
from hsc_mm.utils import read_json, voc_palette
from hsc_mm.utils.alike import RENAME, composed
from hsc_mm.utils.headers import open_picture
from .origins import named_indices

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
        self._unread: list[str] = []
        if self.folder is None:
            return
        if not self.folder.is_dir():
            raise FileNotFoundError(
                f'trusted_dir {folder}: there is no such folder. "python -m '
                'hsc_mm import" makes it; without corrected masks leave '
                'trusted_dir out.')
        files = [path.relative_to(self.folder)
                 for path in self.folder.rglob('*.*')
                 if path.suffix.lower() in IMAGE_SUFFIXES
                 and not path.name.startswith('.')]
        self.ids = frozenset(path.with_suffix('').as_posix()
                             for path in files if path.suffix == '.png')
        self._unread = sorted(str(path) for path in files
                              if path.suffix != '.png')

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
        if self._unread and is_main_process():
            print_log(
                f'{self.folder}: {len(self._unread)} pictures are no masks '
                f'<img_id>.png and are not read, such as {self._unread[0]}. '
                'Save them as PNG, with the suffix .png.', 'current',
                logging.WARNING)
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

    def check_content(self, infos: Sequence[dict]) -> None:
        """Compare masks with image labels, and indices with colours.

        Editors may number the colours of a mask anew, so that the mask looks
        right and its indices are those of other classes. A class that the
        image label does not name is a warning, and so is a mask of
        background and ignored pixels alone where the label names classes.

        Args:
            infos (sequence[dict]): Items of a data set with image labels;
                those without a mask or label are passed over.

        Raises:
            ValueError: The colours of a mask are those of the image's
                classes in VOC's palette, and its indices others; or no mask
                of an image with classes holds an index of one, and some
                hold ignored pixels.
        """
        renumbered, doubtful, ignored = [], [], []
        contents: list[set[int]] = []
        for info in infos:
            name = image_name(info)
            if name not in self.ids or 'gt_label' not in info:
                continue
            path, named = self.path(name), named_indices(info)
            shown = indices(path)
            if named and shown != {255}:  # so pictures are left out
                contents.append(shown)
            if named and shown == {0, 255}:
                ignored.append(path)
            colours = _indices_of_colours(path, shown)
            other = [f'index {index} has the colour of {meant}'
                     for index, meant in colours.items() if index != meant]
            more = shown - named - {0, 255}
            if other and {*colours.values()} <= named | {0, 255}:
                renumbered.append(f'{path}: {", ".join(other)}')
            elif more:
                doubtful.append(f'{path} ({", ".join(map(str, more))})')
        raise_problems(
            f'trusted_dir {self.folder}', renumbered,
            'An editor has numbered the colours anew. Save the masks with '
            'the palette that they came with, or map colours to indices; '
            'LoadPseudoLabel(check_origin=False) accepts them as they are.')
        line = black_and_white(contents)
        raise_problems(f'trusted_dir {self.folder}', [line] if line else [],
                       MASK_ADVICE)
        for found, text in (
                (doubtful, 'show classes that the image label does not name, '
                 'such as (indices) {}. Correct the mask or the label'),
                (ignored, 'hold background and ignored pixels (255) alone, '
                 'though the image label names a class, such as {}. Are they '
                 'black-and-white masks? Write the index of the class in '
                 'place of 255')):
            if found and is_main_process():
                print_log(
                    f'{self.folder}: {len(found)} trusted masks '
                    + text.format('; '.join(found[:3])) + '.', 'current',
                    logging.WARNING)


def _indices_of_colours(path: str, shown: set[int]) -> dict[int, int]:
    """Return index -> index of its colour in VOC's palette.

    Empty where the file has no palette, or a colour is none of VOC's.
    """
    with open_picture(path, path, checked=False)[0] as picture:
        if picture.mode != 'P':
            return {}
        palette = picture.getpalette('RGB') or []
    voc = {tuple(c): i for i, c in enumerate(voc_palette().tolist())}
    found = {index: voc.get(tuple(palette[3 * index:3 * index + 3]))
             for index in sorted(shown)}
    known = {index: meant for index, meant in found.items()
             if meant is not None}
    return known if len(known) == len(found) else {}


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
    if found and [*map(name_key, found)] != [*map(name_key, classes or ())]:
        raise ValueError(
            f'{path}: expected masks of the classes {list(classes or ())}, '
            f'found {found}: an index means another class. Make them again '
            'with this data set.')
