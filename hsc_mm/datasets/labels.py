"""Readers of image-level labels: JSON, CSV, class folders, VOC XML."""
import csv
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from hsc_mm.utils import read_json
from hsc_mm.utils.indices import check_class_count

__all__ = [
    'ImageLabels', 'image_stem', 'read_label_csv', 'read_label_folders',
    'read_label_json', 'read_labels', 'read_list', 'read_voc_xml'
]

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')


def image_stem(image: str) -> str:
    """Return an image id without the suffix of an image file, if any."""
    stem, suffix = os.path.splitext(image)
    return stem if suffix.lower() in IMAGE_SUFFIXES else image


class ImageLabels(NamedTuple):
    """Class names, and the names present in each image.

    Attributes:
        classes (list[str]): Foreground classes, in a fixed order, without
            the background.
        images (dict[str, list[str]]): Image id or path relative to the image
            folder -> names of the classes in that image.
    """
    classes: list[str]
    images: dict[str, list[str]]


def read_label_json(path: str | Path) -> ImageLabels:
    """Read ``{"classes": [...], "images": {"id": ["cat", ...]}}``.

    ``classes`` may be left out: then they are the sorted names in use.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The content has another form, or a label that is not
            among ``classes``.
    """
    content = read_json(path)
    images = content.get('images') if isinstance(content, dict) else None
    if not isinstance(images, dict) or not all(
            isinstance(names, list) and all(isinstance(n, str) for n in names)
            for names in images.values()):
        raise ValueError(
            f'{path}: expected {{"classes": ["cat", ...], "images": '
            '{"image id": ["cat", ...]}}; "images" is missing or has another '
            'form.')
    return _checked(path, content.get('classes'), images)


def read_label_csv(path: str | Path) -> ImageLabels:
    """Read lines ``image,label1;label2``; a header ``image,labels`` may lead.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line has not two columns, or an image comes twice.
    """
    images: dict[str, list[str]] = {}
    with open(path, newline='', encoding='utf-8-sig') as file:
        for number, row in enumerate(csv.reader(file), start=1):
            if not row or (number == 1 and
                           row[0].strip().lower() in ('image', 'filename')):
                continue
            if len(row) != 2:
                raise ValueError(
                    f'{path}, line {number}: expected "image,label1;label2", '
                    f'found {len(row)} columns. Several labels are parted by '
                    'semicolons.')
            image = row[0].strip()
            if image in images:
                raise ValueError(f'{path}, line {number}: image "{image}" '
                                 'stands there a second time. Join its '
                                 'labels in one line.')
            images[image] = [n.strip() for n in row[1].split(';') if n.strip()]
    return _checked(path, None, images)


def read_label_folders(root: str | Path) -> ImageLabels:
    """Read one folder per class; the same file name in two means both.

    The image ids are paths relative to ``root``. An image that lies under
    several classes is listed once, under the first of them.

    Raises:
        FileNotFoundError: ``root`` is not a folder.
        ValueError: It has no sub-folder with an image.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f'{root}: expected a folder with one '
                                'sub-folder per class; there is none.')
    paths: dict[str, str] = {}
    names: dict[str, list[str]] = {}
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or folder.name.startswith('.'):
            continue
        for file in sorted(folder.rglob('*')):
            if file.suffix.lower() not in IMAGE_SUFFIXES:
                continue
            key = file.relative_to(folder).as_posix()
            paths.setdefault(key, file.relative_to(root).as_posix())
            names.setdefault(key, []).append(folder.name)
    if not paths:
        raise ValueError(
            f'{root}: expected one sub-folder per class with images in it '
            f'({", ".join(IMAGE_SUFFIXES)}), found none.')
    return _checked(root, None, {paths[k]: names[k] for k in paths})


def read_labels(path: str | Path) -> ImageLabels:
    """Read labels from a JSON file, a CSV file or a folder of class folders.

    Raises:
        FileNotFoundError: There is nothing of that name.
        ValueError: The content is of none of these forms.
    """
    path = Path(path)
    if path.is_dir():
        return read_label_folders(path)
    if not path.exists():
        raise FileNotFoundError(
            f'label_file {path}: there is no such file or folder. Expected '
            'a JSON or CSV file of image labels, or a folder with one '
            'sub-folder per class.')
    if path.suffix.lower() == '.csv':
        return read_label_csv(path)
    return read_label_json(path)


def read_voc_xml(path: str | Path) -> list[str]:
    """Read the names of the objects in a VOC annotation, without repeats.

    Objects marked difficult count: VOC's segmentation masks hold them too.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not XML, or an object has no name.
    """
    try:
        root = ET.parse(path).getroot()
    except ET.ParseError as error:
        raise ValueError(f'{path}: expected a VOC annotation in XML, but '
                         f'{error}. Fetch the file again.') from error
    names = [item.findtext('name') for item in root.iter('object')]
    if None in names:
        raise ValueError(f'{path}: an <object> has no <name>. Fetch the file '
                         'again.')
    return list(dict.fromkeys(name.strip() for name in names))


def read_list(path: str | Path) -> list[str]:
    """Read a list of image ids, one in a line, blank lines passed over.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The list is empty, or names an image twice.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'ann_file {path}: there is no such list of '
                                'image ids.')
    lines = path.read_text(encoding='utf-8').splitlines()
    ids = [line.strip() for line in lines if line.strip()]
    if not ids:
        raise ValueError(f'ann_file {path}: expected one image id in a line, '
                         'found an empty list.')
    if len(set(ids)) < len(ids):
        twice = next(i for n, i in enumerate(ids) if i in ids[:n])
        raise ValueError(f'ann_file {path}: image "{twice}" is listed twice. '
                         'Remove the second line.')
    return ids


def _checked(path: str | Path, classes: Iterable[str] | None,
             images: dict[str, list[str]]) -> ImageLabels:
    """Fill in ``classes`` and refuse labels that are not among them."""
    if not images:
        raise ValueError(f'{path}: expected labels of at least one image, '
                         'found none.')
    used = {name for names in images.values() for name in names}
    classes = sorted(used) if classes is None else list(classes)
    if len(set(classes)) < len(classes) or 'background' in classes:
        raise ValueError(
            f'{path}: expected every foreground class once, and no '
            f'"background" (it is put in front), found {classes}.')
    check_class_count(str(path), len(classes))
    unknown = sorted(used - set(classes))
    if unknown:
        image = next(i for i, names in images.items() if unknown[0] in names)
        raise ValueError(
            f'{path}: image "{image}" has the label "{unknown[0]}", which is '
            f'not among the classes {classes}. Mend the spelling or '
            'add the class.')
    return ImageLabels(classes, images)
