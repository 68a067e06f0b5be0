"""CVAT's format "Segmentation mask 1.1": VOC's folders in an archive."""
import os
import posixpath
import re
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from hsc_mm.datasets.class_names import name_key
from hsc_mm.utils import write_json
from hsc_mm.utils.alike import IMAGE_SUFFIXES
from hsc_mm.utils.io import draft_path
from hsc_mm.utils.limits import check_pixels
from hsc_mm.utils.outputs import claim
from .archives import BROKEN, open_files
from .picture_names import find_ids, spelt_as, unclear_name
from .records import Item, MaskClasses, ReadMask

__all__ = ['read_cvat', 'write_cvat']

_LABELS, _MASKS = 'labelmap.txt', 'SegmentationClass/'
_OBJECTS = 'SegmentationObject/'
_LISTS = 'ImageSets/Segmentation/'
_MOST_TEXT = 1 << 20
_BLACK = (0, 0, 0)
_LINE = re.compile(r'^(?P<name>.*):(?P<rgb>\d+,\d+,\d+):[^:]*:[^:]*$')


def write_cvat(folder: Path, items: Iterable[Item],
               classes: MaskClasses) -> list[Path]:
    """Write ``annotations.zip``, and ``labels.json`` for the task.

    Args:
        folder (Path): The folder.
        items (iterable[Item]): In the order of the list of images.
        classes (MaskClasses): Labels, each with the colour of its index.

    Returns:
        list[Path]: The files.

    Raises:
        ValueError: A name has a character that separates the fields of
            CVAT's list of labels.
        OSError: A file cannot be written.
    """
    everything = {classes.names[0]: 0, **classes.foreground}
    wrong = [one for one in everything if set(one) & set(':\n#')]
    if wrong:
        raise ValueError(f'{_LABELS}: expected class names without ":", "#" '
                         f'and line ends, found {wrong}. Choose another '
                         'format.')
    path, labels = claim(folder, 'annotations.zip'), claim(
        folder, 'labels.json')
    write_json(labels, [
        dict(name=name, color=classes.hex_colour(index), attributes=[])
        for name, index in classes.foreground.items()
    ])
    table = np.array([classes.colour(i) for i in range(256)], np.uint8)
    lines = ['# label:color_rgb:parts:actions', *(
        f'{name}:{",".join(map(str, classes.colour(index)))}::'
        for name, index in everything.items())]
    draft = draft_path(path)
    try:
        with zipfile.ZipFile(draft, 'w') as archive:
            names = []
            for item in items:
                found, place = np.unique(item.mask, return_inverse=True)
                # One object for each class: background is object 0.
                number = place + (0 if found[0] == 0 else 1)
                for folder, index in ((_MASKS, item.mask), (
                        _OBJECTS, number.reshape(item.mask.shape))):
                    data = BytesIO()
                    Image.fromarray(table[index]).save(data, 'PNG')
                    archive.writestr(f'{folder}{item.img_id}.png',
                                     data.getvalue())
                names.append(item.img_id)
            archive.writestr(_LABELS, '\n'.join(lines) + '\n')
            archive.writestr(f'{_LISTS}default.txt', '\n'.join(names) + '\n')
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return [path, labels]


def read_cvat(path: Path, classes: MaskClasses,
              ids: Collection[str] = ()) -> Iterator[tuple[str, ReadMask]]:
    """Yield image ids, and what reads their masks.

    Images that its list names and that have no mask are background.

    Args:
        path (Path): The archive that CVAT exports, or its unpacked folder.
        classes (MaskClasses): Names and indices.
        ids (collection[str]): Ids of the data; a task that was made of the
            folder of an export has its name before them.

    Raises:
        ValueError: It is no such archive, or has a label that is no class.
            The reader of a mask raises it where a colour is that of no
            label.
    """
    names, read = open_files(path)
    if _LABELS not in names:
        raise ValueError(
            f'{path}: expected {_LABELS} and {_MASKS[:-1]}, an export of CVAT '
            'in the format "Segmentation mask 1.1"; found '
            f'{sorted(names)[:5]}.')
    text = read(_LABELS, _MOST_TEXT).decode('utf-8-sig', 'replace')
    colours = _colours(text, f'{path}: {_LABELS}')
    if _BLACK not in colours or (  # CVAT writes its own name of it
            name_key(colours[_BLACK]) == 'background'
            and 'background' not in classes.names):
        colours[_BLACK] = classes.names[0]
    found = _masks(names)
    spelt = spelt_as(found)
    for name in names:
        if name.startswith(_LISTS) and name.endswith('.txt'):
            text = read(name, 16 * _MOST_TEXT).decode('utf-8-sig', 'replace')
            for line in text.splitlines():
                img_id = line if line in found else line.strip()
                if img_id:
                    found.setdefault(spelt(posixpath.normpath(img_id)), '')
    img_ids, unclear = find_ids(found, ids) if ids else ({}, ())
    for frame, name in sorted(found.items()):
        yield img_ids.get(frame, frame), (
            unclear_name(frame, path) if frame in unclear else
            partial(_read_mask, read, name, colours, classes, path)
            if name else _background)


def _masks(names: Iterable[str]) -> dict[str, str]:
    """Find the masks: frame -> file, a PNG before other pictures."""
    found: dict[str, str] = {}
    for name in sorted(names):
        frame, suffix = os.path.splitext(name[len(_MASKS):])
        if name.startswith(_MASKS) and suffix.lower() in IMAGE_SUFFIXES and (
                not PurePosixPath(name).name.startswith('.')):
            if frame not in found or suffix.lower() == '.png':
                found[frame] = name
    return found


def _colours(text: str, where: str) -> dict[tuple[int, ...], str]:
    """Read a list of labels: colour -> name."""
    colours: dict[tuple[int, ...], str] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith('#'):
            continue
        found = _LINE.match(line)
        rgb = tuple(map(int, found['rgb'].split(','))) if found else ()
        if not found or rgb in colours or max(rgb) > 255:
            raise ValueError(
                f'{where}: expected lines "name:red,green,blue::", each '
                f'colour once, found "{line}". Give each label a colour of '
                'its own in CVAT and export it again.')
        colours[rgb] = found['name']
    return colours


def _background(size: tuple[int, int]) -> np.ndarray:
    return np.zeros(size, np.uint8)


def _read_mask(read: Callable[[str, int], bytes], name: str,
               colours: dict[tuple[int, ...], str], classes: MaskClasses,
               path: Path, size: tuple[int, int]) -> np.ndarray:
    """Read a mask of colours and turn it into mask indices."""
    where = f'{path}: {PurePosixPath(name)}'
    try:
        data = read(name, 8 * size[0] * size[1] + _MOST_TEXT)
        with Image.open(BytesIO(data)) as picture:
            check_pixels(where, picture.height, picture.width)
            pixels = np.array(picture.convert('RGB')).astype(np.int64)
    except BROKEN as error:
        raise ValueError(f'{where}: expected a PNG, but {error}. Export it '
                         'again.') from error
    codes = (pixels[..., 0] << 16) + (pixels[..., 1] << 8) + pixels[..., 2]
    mask = np.zeros(codes.shape, np.uint8)
    for code in np.unique(codes).tolist():
        rgb = (code >> 16, code >> 8 & 255, code & 255)
        if rgb not in colours:
            raise ValueError(
                f'{where}: expected the colours of {_LABELS}, found {rgb}. '
                f'Give it a line in {_LABELS}; or export the masks as PNG, '
                'at full size and without smoothing.')
        mask[codes == code] = classes.index(colours[rgb], where)
    return mask
