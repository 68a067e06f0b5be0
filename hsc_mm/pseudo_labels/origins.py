"""Notes in pseudo labels: which image and labels each was made from."""
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hsc_mm.datasets.checks import raise_problems
from hsc_mm.utils import digest
from hsc_mm.utils.checkpoints import file_sum
from hsc_mm.utils.headers import open_picture
from hsc_mm.utils.images import NOTE
from hsc_mm.utils.pool import map_threads

__all__ = [
    'ORIGIN_ADVICE', 'check_origins', 'input_note', 'named_indices',
    'note_of', 'other_classes', 'read_note', 'refuse_other_images'
]

#: What to do about labels of other images.
ORIGIN_ADVICE = (
    'Make them again (the same --out makes these alone). Corrected masks '
    'belong in trusted_dir, by importing them again; if labels or images '
    'were changed on purpose, '
    'LoadPseudoLabel(check_origin=False) accepts them.')


def input_note(image: str | Path,
               labels: np.ndarray | None,
               files: Sequence[Path] = ()) -> str:
    """Return what tells the inputs of a pseudo label apart.

    Args:
        image (str | Path): The image file, which is read whole.
        labels (np.ndarray, optional): Multi-hot image labels, (K,).
        files (sequence[Path]): Other files that the label is made from.

    Returns:
        str: ``IMAGE-LABELS``, or ``IMAGE-LABELS-FILES``, a hash each.

    Raises:
        OSError: There is no such file.
    """
    listed = None if labels is None else np.flatnonzero(labels).tolist()
    others = [digest([(path.name, file_sum(path)) for path in files])
              ] if files else []
    return '-'.join([file_sum(image)[:16], digest(listed), *others])


def note_of(image: str | Path | None) -> str:
    """Return the note of an image alone; '' of one without a file."""
    return input_note(image, None) if image else ''


def read_note(path: str | Path) -> str:
    """Return the note in a label file, '' where there is none.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is broken.
    """
    try:
        if str(path).endswith('.npz'):
            with zipfile.ZipFile(path) as archive:
                return archive.comment.decode('utf-8', 'replace')
        with open_picture(path, path, checked=False)[0] as picture:
            return str(picture.info.get(NOTE, ''))
    except FileNotFoundError:
        raise
    except (OSError, zipfile.BadZipFile) as error:
        raise ValueError(f'{path}: expected a pseudo label, but {error}. '
                         'Make the file again.') from error


def check_origins(labels: Sequence[str], images: Sequence[str],
                  edited: bool = False) -> list[str]:
    """Compare labels with the images that they were made from.

    Images are read whole, labels as far as their notes. A folder without
    notes is another program's, of which nothing is known.

    Args:
        labels (sequence[str]): Files of pseudo labels.
        images (sequence[str]): The image of each.
        edited (bool): Whether other programs may have changed them, which
            leaves no note.

    Returns:
        list[str]: A line for each label of another image, and for each that
        was changed by another program. Labels and images that cannot be
        read are left to other checks.
    """
    notes = map_threads(_note_of, labels)
    if edited:
        notes = [note or None for note in notes]
    if not any(notes):
        return []
    return list(filter(None, map_threads(
        _other_origin, zip(labels, notes, images, strict=True))))


def refuse_other_images(folder: str | Path, infos: Sequence[dict],
                        suffix: str = '.png') -> None:
    """Refuse labels of a folder that were made from images of other data.

    Args:
        folder (str | Path): With ``<img_id><suffix>``.
        infos (sequence[dict]): Items of the data set that they are compared
            with.
        suffix (str): Of the labels.

    Raises:
        ValueError: Some were made from images of the same ids.
    """
    raise_problems(
        f'labels of {folder}', check_origins(
            [f'{folder}/{info["img_id"]}{suffix}' for info in infos],
            [info['img_path'] for info in infos], edited=True),
        'A mask says nothing about the label of another image. Name the '
        'split whose images the labels were made from; make them again if '
        'the images have changed since. --accept-origin takes them as they '
        'are.')


def _note_of(path: str) -> str | None:
    try:
        return read_note(path)
    except (OSError, ValueError):
        return None


def _other_origin(item: tuple[str, str | None, str]) -> str | None:
    path, note, image = item
    if note == '':
        return f'{path}: changed by another program'
    try:
        now = input_note(image, None)
    except OSError:
        return None
    same = note is None or note.partition('-')[0] == now.partition('-')[0]
    return None if same else f'{path}: made from another image than {image}'


def other_classes(looked: Sequence[tuple[dict, set[int]]]) -> list[str]:
    """Say whether labels show other classes than the image labels name.

    Where a classifier chose the classes, some do; not most of them.

    Args:
        looked (sequence[tuple[dict, set[int]]]): Items of a data set, and
            the mask indices in the label of each.

    Returns:
        list[str]: One line, if most labels with a class show none that
        their image label names.
    """
    shown = [(info, found - {0, 255}) for info, found in looked
             if 'gt_label' in info and found - {0, 255}]
    wrong = [info['img_id'] for info, found in shown
             if not found & named_indices(info)]
    if len(shown) < 2 or 2 * len(wrong) <= len(shown):
        return []
    return [f'{len(wrong)} of {len(shown)} labels that were examined show '
            'none of the classes of their image label, among them '
            f'{", ".join(wrong[:3])}']


def named_indices(info: dict) -> set[int]:
    """Return the mask indices of the classes that an image label names."""
    held = {int(k) + 1 for k in np.flatnonzero(info['gt_label'])}
    label_map = info.get('label_map')
    return held if label_map is None else {
        mask for mask, index in label_map.items() if index in held}
