"""Images whose masks are exchanged, and the names of their classes."""
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.config import Config

from hsc_mm.datasets.build import build_split
from hsc_mm.inference.inputs import list_inputs
from hsc_mm.utils import image_shapes, voc_palette
from hsc_mm.utils.numbers import nearest

__all__ = [
    'IGNORED', 'Item', 'MaskClasses', 'ReadMask', 'Record', 'check_mask',
    'list_records'
]

IGNORED = 255
#: Gets height and width of the image, returns its mask, (H, W) uint8.
ReadMask = Callable[[tuple[int, int]], np.ndarray]


class Record(NamedTuple):
    """An image of the data.

    Attributes:
        img_id (str): Its id.
        img_path (str): Its file.
        labels (frozenset[str], optional): Classes in use that its image
            label names; None where it has none.
    """
    img_id: str
    img_path: str
    labels: frozenset[str] | None

    @property
    def size(self) -> tuple[int, int]:
        """tuple[int, int]: Height and width, as the image is loaded."""
        return image_shapes(self.img_path)[0]


class Item(NamedTuple):
    """What is written of an image.

    Attributes:
        img_id (str): Its id.
        picture (str): File of the picture, relative to the output folder.
        mask (np.ndarray): Mask indices, (H, W) uint8, 255 = ignored.
    """
    img_id: str
    picture: str
    mask: np.ndarray


class MaskClasses(NamedTuple):
    """Names that stand for mask indices in the files of others.

    Attributes:
        names (tuple[str, ...]): Name of each index, the background first.
        used (frozenset[str]): Those that image labels may name.
    """
    names: tuple[str, ...]
    used: frozenset[str] = frozenset()

    @property
    def ignored(self) -> str:
        """str: The name of ignored pixels, which no class has."""
        name = 'ignored'
        while name in self.names:
            name = f'_{name}'
        return name

    @property
    def foreground(self) -> dict[str, int]:
        """dict[str, int]: Name -> index, the ignored pixels last."""
        found = {name: i for i, name in enumerate(self.names) if i}
        return {**found, self.ignored: IGNORED}

    def colour(self, index: int) -> tuple[int, int, int]:
        """Return the colour of an index, RGB: VOC's, 0 is black."""
        red, green, blue = voc_palette()[index].tolist()
        return red, green, blue

    def hex_colour(self, index: int) -> str:
        """Return the same as ``#rrggbb``."""
        return '#{:02x}{:02x}{:02x}'.format(*self.colour(index))

    def index(self, name: str, where: str) -> int:
        """Return the index of a name.

        Raises:
            ValueError: No class has it; ``where`` is named first.
        """
        known = {self.names[0]: 0, **self.foreground}
        if name not in known:
            raise ValueError(
                f'{where}: expected classes of the data set, {list(known)}, '
                f'found "{name}".{nearest(name, known)} Rename it there, or '
                'add the class to the image labels.')
        return known[name]


def list_records(cfg: Config,
                 split: str = 'train',
                 images: list[str] | None = None
                 ) -> tuple[list[Record], MaskClasses]:
    """List the images of a split, or those of folders.

    Args:
        cfg (Config): Whose data set names images and classes.
        split (str): ``'train'``, ``'val'`` or ``'test'``.
        images (list[str], optional): Files and folders instead of the images
            of the split; their names are those that ``predict`` gives them.

    Returns:
        tuple: Records in the order of the list, and the classes.

    Raises:
        ValueError: The data set is none of this package, or its list is bad.
    """
    dataset = build_split(cfg, split, masks=False, check=False)
    used = dataset.foreground  # in the spelling of the masks' names
    classes = MaskClasses(tuple(dataset.all_classes), frozenset(used))
    if images:
        return [Record(one.name, str(one.path), None)
                for one in list_inputs(images)], classes
    records = []
    for number in range(len(dataset)):
        info = dataset.get_data_info(number)
        held = info.get('gt_label')
        labels = None if held is None else frozenset(
            used[k] for k in np.flatnonzero(held))
        records.append(Record(info['img_id'], info['img_path'], labels))
    return records, classes


def check_mask(where: str | Path, mask: np.ndarray, record: Record,
               classes: MaskClasses) -> None:
    """Refuse a mask that is none of its image.

    Raises:
        ValueError: It has another size, or an index that means no class.
        OSError: The image cannot be read.
    """
    if mask.shape != record.size:
        raise ValueError(
            f'{where}: expected a mask of the size of {record.img_path}, '
            f'{record.size} (height, width), found {mask.shape}. Export and '
            'correct it at the size of the image.')
    found = np.flatnonzero(np.bincount(mask.ravel(), minlength=256))
    last = len(classes.names) - 1
    wrong = [int(i) for i in found if last < i != IGNORED]
    if wrong:
        raise ValueError(
            f'{where}: expected indices 0..{last} and {IGNORED}, of '
            f'{list(classes.names)}, found {wrong}. Export the mask with '
            'these indices.')
