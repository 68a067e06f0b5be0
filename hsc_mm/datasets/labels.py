"""Readers of image-level labels, and of lists of images."""
import os
import posixpath
import re
import xml.etree.ElementTree as ET
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from hsc_mm.utils import digest, read_text
from hsc_mm.utils.limits import check_regular
from .class_names import IMAGE_SUFFIXES, NONE, ImageLabels, image_stem
from .label_folders import read_label_folders
from .label_json import read_label_json
from .label_table import read_label_table
from .table_rows import names_images

__all__ = [
    'IMAGE_SUFFIXES', 'NONE', 'ImageLabels', 'data_hash', 'image_stem',
    'jpeg_names', 'read_label_folders', 'read_label_json', 'read_label_table',
    'read_labels', 'read_list', 'read_voc_list', 'read_voc_xml'
]


def read_labels(path: str | Path, none: Sequence[str] = NONE) -> ImageLabels:
    """Read labels from a JSON, a table or a folder of class folders.

    Args:
        path (str | Path): The file (``.json``, ``.csv``, ``.tsv``,
            ``.txt``) or folder.
        none (sequence[str]): Names, of labels and of folders, that mean no
            class; blanks and case make no difference.

    Raises:
        FileNotFoundError: There is nothing of that name.
        ValueError: The content is of none of these forms.
    """
    path = Path(path)
    if path.is_dir():
        return read_label_folders(path, none)
    if not path.exists():
        raise FileNotFoundError(
            f'label_file {path}: there is no such file or folder. Expected '
            'a JSON or CSV file of image labels, or a folder with one '
            'sub-folder per class.')
    suffix = path.suffix.lower()
    if suffix in ('.csv', '.tsv', '.txt'):
        return read_label_table(path, none)
    if suffix != '.json' and not read_text(path).lstrip().startswith('{'):
        raise ValueError(
            f'{path}: expected labels in a JSON (.json) or a table (.csv, '
            f'.tsv, .txt), found {path.suffix or "no suffix"}. Export them '
            'as one of these; if the file is one, rename it.')
    return read_label_json(path, none)


def read_voc_xml(path: str | Path) -> list[str]:
    """Read the names of the objects in a VOC annotation, without repeats.

    Objects marked difficult count: VOC's segmentation masks hold them too.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not XML, has an encoding that is not read, is
            of another program, or an object has no name.
    """
    check_regular(path)
    try:
        root = ET.parse(path).getroot()
    except (ET.ParseError, ValueError, LookupError) as error:
        raise ValueError(f'{path}: expected a VOC annotation in XML, but '
                         f'{error}. Fetch the file again, or save it as '
                         'UTF-8.') from error
    for item in root.iter():  # a namespace leads in braces
        item.tag = item.tag.rpartition('}')[2]
    if root.tag.lower() != 'annotation':
        raise ValueError(f'{path}: expected a VOC annotation, whose first '
                         f'element is <annotation>, found <{root.tag}>. '
                         'Export the labels in the format "Pascal VOC".')
    names = [item.findtext('name') for item in root.iter('object')]
    if not all(name and name.strip() for name in names):
        raise ValueError(f'{path}: an <object> has no <name>. Fetch the file '
                         'again.')
    return list(dict.fromkeys(name.strip() for name in names))


def _is_known(img_id: str, known: set[str]) -> bool:
    """Say whether an id is that of a known image, suffix or not."""
    return img_id in known or image_stem(img_id) in known


def read_list(path: str | Path, known: Collection[str] = ()) -> list[str]:
    """Read a list of image ids, one in a line, blank lines passed over.

    Backslashes in paths become slashes. Blanks around an id are left out,
    unless those of a known image.
    Of a table, whose lines all have the same separator (``;``, a tab or a
    comma), the first column counts; a header may lead. A list that holds a
    known image with that mark in its name is no table.

    Args:
        path (str | Path): The file.
        known (collection[str]): Ids of images, with their suffix or without.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The list is empty or no text, or names an image twice.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'ann_file {path}: there is no such list of '
                                'image ids.')
    names = set(known)
    lines = [line if _is_known(line, names) else line.strip()
             for line in read_text(path).replace('\\', '/').splitlines()]
    ids = [line for line in lines if line]
    headed = any(image_stem(line) != line for line in ids)
    whole = any(_is_known(i, names) for i in ids)
    for mark in '' if whole else ';\t,':
        if ids and all(mark in line for line in ids):
            ids = [line.split(mark)[0].strip() for line in ids]
            headed = True
    if headed and len(ids) > 1 and names_images(ids[0]):
        del ids[0]
    if not ids:
        raise ValueError(f'ann_file {path}: expected one image id per line, '
                         'found an empty list.')
    if len(set(ids)) < len(ids):
        seen: set[str] = set()
        twice = next(i for i in ids if i in seen or seen.add(i))
        raise ValueError(f'ann_file {path}: image "{twice}" is listed twice. '
                         'Remove the second line.')
    return ids


def jpeg_names(folder: str | Path) -> list[str]:
    """Return the names of the JPEGs of a folder, if there is one."""
    names = os.listdir(folder) if os.path.isdir(folder) else ()
    return [name[:-4] for name in names if name.endswith('.jpg')]


_FILE = '(?:' + '|'.join(map(re.escape, IMAGE_SUFFIXES)) + ')'
# A name with a suffix or without, and labels or masks behind it.
_LABELLED = re.compile(rf'(.*?{_FILE})(?:\s+(?:-?\d+|\S+{_FILE}))+'
                       r'|(\S+)(?:\s+-?\d+)+', re.IGNORECASE)


def read_voc_list(path: str | Path, images: str | Path = '') -> list[str]:
    """Read the ids of a list in VOC's layout.

    Other projects write more: ``/JPEGImages/a.jpg /SegmentationClass/a.png``,
    ``a.jpg 0 4`` and ``a -1`` are image ``a``; so is ``./a``. A line that is
    the name of an image as a whole, such as ``Photo 3``, is that image.

    Args:
        path (str | Path): The file.
        images (str | Path): Folder of the images, ``<id>.jpg``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: See :func:`read_list`.
    """
    ids = []
    for line in read_list(path, jpeg_names(images)):
        found = _LABELLED.fullmatch(line)
        if found and not os.path.exists(os.path.join(images, f'{line}.jpg')):
            line = found[1] or found[2]
        _, folder, name = line.rpartition('JPEGImages/')
        name = name if folder else line
        ids.append(posixpath.normpath(
            image_stem(name) if name.endswith('.jpg') else name))
    return ids


def data_hash(infos: Sequence[dict]) -> str:
    """Hash ids and image labels of the items of a data set, in their order."""
    return digest([
        (info['img_id'], np.flatnonzero(info.get('gt_label', ())).tolist())
        for info in infos])
