"""Label Studio: tasks with brush masks, and its JSON export."""
import posixpath
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote
from xml.sax.saxutils import quoteattr

import numpy as np

from hsc_mm.datasets.labels import image_stem
from hsc_mm.utils import atomic_write_bytes, read_json, write_json
from hsc_mm.utils.outputs import claim
from .brush import decode_brush, encode_brush
from .picture_names import find_ids, unclear_name
from .records import Item, MaskClasses, ReadMask

__all__ = ['read_label_studio', 'write_label_studio']

#: Of an image that Label Studio serves from its own disk.
_URL = '/data/local-files/?d='
_TAG, _IMAGE = 'mask', 'image'
# What an annotation holds beside regions.
_NO_REGIONS = ('relation', 'choices', 'textarea', 'rating')


def write_label_studio(folder: Path, items: Iterable[Item],
                       classes: MaskClasses) -> list[Path]:
    """Write ``tasks.json``, with masks as predictions, and the interface.

    Args:
        folder (Path): The document root of Label Studio's local files.
        items (iterable[Item]): In the order of the tasks.
        classes (MaskClasses): Labels of the brush: foreground and ignored.

    Returns:
        list[Path]: The files.

    Raises:
        OSError: A file cannot be written.
    """
    tasks_file = claim(folder, 'tasks.json')
    labels = '\n'.join(
        f'    <Label value={quoteattr(name)} '
        f'background="{classes.hex_colour(index)}"/>'
        for name, index in classes.foreground.items())
    interface = claim(folder, 'label_config.xml')
    atomic_write_bytes(interface, (
        f'<View>\n  <Image name="{_IMAGE}" value="$image" zoom="true"/>\n'
        f'  <BrushLabels name="{_TAG}" toName="{_IMAGE}">\n{labels}\n'
        '  </BrushLabels>\n</View>\n').encode())
    names = {index: name for name, index in classes.foreground.items()}
    tasks = []
    for item in items:
        found = [
            _brush(item.mask == index, names[index], f'm{index}')
            for index in np.unique(item.mask[item.mask > 0]).tolist()
        ]
        tasks.append(dict(
            data=dict(image=_URL + quote(item.picture), img_id=item.img_id),
            predictions=[dict(model_version='hsc_mm', result=found)]))
    write_json(tasks_file, tasks)
    return [tasks_file, interface]


def _brush(mask: np.ndarray, name: str, number: str) -> dict:
    height, width = mask.shape
    return dict(
        id=number, type='brushlabels', from_name=_TAG, to_name=_IMAGE,
        original_width=width, original_height=height, image_rotation=0,
        value=dict(format='rle', rle=encode_brush(mask), brushlabels=[name]))


def read_label_studio(path: Path, classes: MaskClasses,
                      ids: Collection[str] = ()
                      ) -> Iterator[tuple[str, ReadMask]]:
    """Yield the images that a person annotated, and what reads their masks.

    Tasks without an annotation, and those that were skipped, are passed
    over. Of several annotations of an image, in one task or in several, the
    one that was updated last counts.
    Regions are drawn in their order, later ones on top.

    Args:
        path (Path): Label Studio's export in the format JSON.
        classes (MaskClasses): Names and indices.
        ids (collection[str]): Ids of the data, see :func:`.find_ids`.

    Raises:
        ValueError: It is no such file. The reader of a mask raises it where
            a region is none of the brush, or names no class, two images may be
            meant, or two annotations be the last.
    """
    content = read_json(path)
    if not isinstance(content, list) or not all(
            isinstance(task, dict) and isinstance(task.get('data'), dict) and
            isinstance(task.get('annotations') or [], list)
            for task in content):
        raise ValueError(f'{path}: expected an export of Label Studio, format '
                         'JSON: a list of tasks with "data"; found something '
                         'else. Choose JSON there, not JSON-MIN.')
    found = []
    for task in content:
        whole = [
            one for one in task.get('annotations') or []
            if isinstance(one, dict) and not one.get('was_cancelled')
        ]
        if whole:
            found.append((*_name(task['data'], path), whole))
    img_ids, unclear = find_ids(
        [name for name, is_id, _ in found if not is_id], ids)
    for name in sorted(unclear):
        yield name, unclear_name(name, path)
    images = {}
    for name, is_id, whole in found:
        if is_id or name not in unclear:
            images.setdefault(
                name if is_id else img_ids[name], []).extend(whole)
    for img_id, whole in images.items():
        yield img_id, partial(_draw, whole, f'{path}: {img_id}', classes)


def _name(data: dict, path: Path) -> tuple[str, bool]:
    """Return the id of a task's image, or the name of its picture."""
    if isinstance(data.get('img_id'), str):
        return posixpath.normpath(data['img_id']), True
    url = data.get('image')
    if not isinstance(url, str):
        raise ValueError(f'{path}: expected "image" in the data of each task, '
                         f'found {sorted(data)}. Export the project again.')
    # Label Studio on Windows writes its own separators.
    name = posixpath.normpath(
        unquote(url.rpartition('?d=')[2]).replace('\\', '/'))
    return image_stem(name), False


def _latest(annotations: Sequence[dict], where: str) -> Any:
    """Return the regions of the annotation that was updated last."""
    dates = [str(one.get('updated_at') or '') for one in annotations]
    last = [one.get('result') or [] for one, date in zip(
        annotations, dates, strict=True) if date == max(dates)]
    if any(one != last[0] for one in last):
        raise ValueError(
            f'{where}: expected one annotation that was updated last, found '
            f'{len(last)} of "updated_at" {max(dates) or None}. Remove all '
            'but the right one.')
    return last[0]


def _draw(annotations: Sequence[dict], where: str, classes: MaskClasses,
          size: tuple[int, int]) -> np.ndarray:
    result = _latest(annotations, where)
    mask = np.zeros(size, np.uint8)
    if not isinstance(result, list) or not all(
            isinstance(region, dict) and
            isinstance(region.get('value') or {}, dict) for region in result):
        raise ValueError(f'{where}: expected a list of regions, found '
                         'something else. Export the project again.')
    for region in result:
        if region.get('type') in _NO_REGIONS:
            continue
        value = region.get('value') or {}
        names = value.get('brushlabels') or []
        if 'rle' not in value or not isinstance(
                names, list) or [*map(type, names)] != [str]:
            raise ValueError(
                f'{where}: expected regions of the brush, with one label '
                f'each, found {region.get("type")} with {names}. Draw it '
                'with the brush.')
        drawn = tuple(region.get(f'original_{side}')
                      for side in ('height', 'width'))
        if drawn != size:
            raise ValueError(
                f'{where}: expected regions of the size of the image, {size} '
                f'(height, width), found {drawn}. Export and correct the '
                'image again.')
        try:
            pixels = decode_brush(value['rle'], *size)
        except ValueError as error:
            raise ValueError(f'{where}: region {region.get("id")}: {error}. '
                             'Draw it again.') from error
        mask[pixels] = classes.index(names[0], where)
    return mask
