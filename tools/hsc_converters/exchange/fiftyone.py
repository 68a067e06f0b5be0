"""FiftyOne's ImageSegmentationDirectory: pictures and masks of indices."""
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import numpy as np

from hsc_mm.utils import read_index_png, read_json, write_json
from hsc_mm.utils.images import write_grey_png
from hsc_mm.utils.outputs import claim
from .records import IGNORED, Item, MaskClasses, ReadMask

__all__ = ['read_fiftyone', 'write_fiftyone']

_MASKS, _TARGETS = 'labels', 'mask_targets.json'


def write_fiftyone(folder: Path, items: Iterable[Item],
                   classes: MaskClasses) -> list[Path]:
    """Write ``labels/<img_id>.png``, grey, and what their values mean.

    Args:
        folder (Path): The folder; pictures lie in its ``data``.
        items (iterable[Item]): The masks. FiftyOne sorts them by name.
        classes (MaskClasses): ``mask_targets.json`` has their names.

    Returns:
        list[Path]: The files that stand for the export.

    Raises:
        OSError: A file cannot be written.
    """
    targets = claim(folder, _TARGETS)
    for item in items:
        write_grey_png(claim(folder, f'{_MASKS}/{item.img_id}.png'), item.mask)
    write_json(targets, {
        str(index): name for name, index in
        {classes.names[0]: 0, **classes.foreground}.items()
    })
    return [folder / _MASKS, targets]


def read_fiftyone(path: Path, classes: MaskClasses,
                  ids: Collection[str] = ()) -> Iterator[tuple[str, ReadMask]]:
    """Yield image ids, and what reads their masks.

    Args:
        path (Path): Folder with ``labels``, and ``mask_targets.json``;
            without that, values are mask indices.
        classes (MaskClasses): Names and indices.
        ids (collection[str]): Not needed: names are ids.

    Raises:
        ValueError: The names are none of the classes. The reader of a mask
            raises it where a file is broken, or a value has no name.
    """
    targets = path / _TARGETS
    table = np.arange(256)
    if targets.is_file():
        table[:] = -1
        for value, name in read_json(targets, {str: str}).items():
            if value not in map(str, range(IGNORED + 1)):
                raise ValueError(f'{targets}: expected values 0..255, found '
                                 f'"{value}".')
            table[int(value)] = classes.index(name, str(targets))
    masks = path / _MASKS
    for file in sorted(masks.rglob('*.*')):
        # macOS puts one with a dot beside each file.
        if file.suffix.lower() != '.png' or file.name.startswith('.'):
            continue
        name = file.relative_to(masks).with_suffix('').as_posix()
        yield name, lambda size, file=file: _read_mask(file, table)


def _read_mask(file: Path, table: np.ndarray) -> np.ndarray:
    mask = table[read_index_png(file)]
    if (mask < 0).any():
        raise ValueError(f'{file}: expected values that {_TARGETS} names, '
                         'found others. Add their names there.')
    return mask.astype(np.uint8)
