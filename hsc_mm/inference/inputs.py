"""Images that a user names: files, folders, arrays."""
import copy
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

from hsc_mm.datasets.build import split_options, without_truth
from hsc_mm.datasets.label_folders import LINKS, PREDICTED, list_pictures
from hsc_mm.datasets.labels import IMAGE_SUFFIXES
from hsc_mm.datasets.masks_beside import masks_beside
from hsc_mm.datasets.transforms.load_image import (
    image_reader,
    is_loader,
    reading_options,
)
from hsc_mm.utils.arguments import check_path
from hsc_mm.utils.wrappers import leaves

__all__ = ['ImageInput', 'array_pipeline', 'list_inputs']


_LISTS = ('.txt', '.csv', '.tsv', '.json', '.lst', '.xml')


class ImageInput(NamedTuple):
    """An image that has not been read yet.

    Attributes:
        name (str): Under which results are written; no other has it.
        path (str, optional): The file.
        array (np.ndarray, optional): Or the image itself.
    """
    name: str
    path: str | None = None
    array: np.ndarray | None = None

    def read(self, read: Callable[[str], np.ndarray]) -> np.ndarray:
        """Return the image, (H, W, 3) uint8 BGR, or of more bands.

        Args:
            read (callable): Reads a file, see
                :func:`hsc_mm.datasets.transforms.load_image.image_reader`.

        Raises:
            OSError: The file cannot be read.
            ValueError: It is not an image, or it is truncated.
        """
        return self.array if self.path is None else read(self.path)


def array_pipeline(cfg: Config) -> tuple[Compose, Callable, dict]:
    """Build the test pipeline of a config, of arrays instead of files.

    Returns:
        tuple[Compose, callable, dict]: The pipeline; what reads a file as it
        would; ``bands`` and ``value_range`` of that.

    Raises:
        ValueError: It does not begin with the loading of an image.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    dataset = next(leaves(split_options(cfg, 'test')))
    steps = without_truth(copy.deepcopy(dataset.pipeline))
    if not steps or not is_loader(steps[0]):
        raise ValueError(
            f'test pipeline of {cfg.filename}: expected hsc_mm.LoadImage '
            'or LoadImageFromFile as its first step, found '
            f'{steps[0].get("type") if steps else "no step"}.')
    read, reading = image_reader(steps), reading_options(steps)
    steps[0] = dict(type='LoadImageFromNDArray')
    return Compose(steps), read, reading


def list_inputs(inputs: Any,
                left_out: dict[str, list[str]] | None = None
                ) -> list[ImageInput]:
    """List images, each under a name of its own.

    The name is that of the file without suffix, in a folder with the
    sub-folder in front. Where several would have one name, the later ones
    get ``-2``, ``-3`` ...

    Args:
        inputs (str | Path | np.ndarray | sequence): See
            :meth:`hsc_mm.inference.inferencer.HSCInferencer.predict`.
        left_out (dict, optional): Gets why -> files of the folders that are
            no images to predict: hidden, of another suffix, named like
            predictions, masks beside their pictures, links to nothing.

    Returns:
        list[ImageInput]: In the order given, folders sorted by name.

    Raises:
        FileNotFoundError: There is no such file or folder.
        TypeError: An input is none of these.
        ValueError: A folder holds no images, an array is no image, a path is
            empty or a list of others, or there are no inputs.
    """
    if isinstance(inputs, str | Path | np.ndarray):
        inputs = [inputs]
    if not isinstance(inputs, Sequence):
        raise TypeError('inputs: expected a path, an array or a list of '
                        f'them, found {type(inputs).__name__}.')
    found: list[ImageInput] = []
    left_out = defaultdict(list) if left_out is None else left_out
    for number, one in enumerate(inputs):
        if isinstance(one, np.ndarray):
            _check_array(one, number)
            found.append(ImageInput(f'array_{number}', array=one))
        elif isinstance(one, str | Path):
            check_path('inputs', one)
            if re.match(r'[a-zA-Z][\w.+-]+:/', str(one)) and not (
                    Path(one).exists()):
                raise FileNotFoundError(
                    f'{one}: expected a file or folder of this machine, '
                    'found an address. Download the picture, and name its '
                    'file.')
            found += _list_path(Path(one), left_out)
        else:
            raise TypeError('inputs: expected paths or arrays, found '
                            f'{type(one).__name__} at position {number}.')
    if not found:
        raise ValueError('inputs: expected at least one image, found none.')
    return _own_names(found)


def _check_array(image: np.ndarray, number: int) -> None:
    if isinstance(image, np.ma.MaskedArray):
        raise TypeError(
            'inputs: expected plain arrays, found a masked array at position '
            f'{number}, whose mask would not be read. Fill it, as '
            '`array.filled(0)` does, or take `array.data`.')
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 \
            or not image.size:
        raise ValueError('inputs: expected arrays (H, W, 3) of uint8, BGR, '
                         f'found {image.shape} of {image.dtype}.')


def _list_path(path: Path,
               left_out: dict[str, list[str]]) -> list[ImageInput]:
    if path.is_file():
        if path.suffix.lower() in _LISTS:
            raise ValueError(
                f'{path}: expected a picture, or a folder of pictures, found '
                'what may be a list. Give the names of the pictures '
                'themselves, all in one run: xargs -x -n 999999 -s 2000000 '
                '-d "\\n" -a LIST python -m hsc_mm predict --config CONFIG '
                '--checkpoint FILE')
        return [ImageInput(path.stem, str(path))]
    if not path.is_dir():
        raise FileNotFoundError(
            f'{path}: there is no such file or folder.'
            + ' No name fits this pattern.' * bool(
                re.search(r'[*?\[]', path.name)))
    files = []
    found = list_pictures(path, left_out)
    found = sorted(found + _behind_links(path, left_out))
    masks = masks_beside(found)
    for one in found:
        if one.name.endswith(PREDICTED):
            left_out['named like predictions'].append(str(one))
        elif one in masks:
            left_out['masks, beside their pictures'].append(str(one))
        else:
            files.append(one)
    if not files:
        raise ValueError(
            f'{path}: expected images ({", ".join(IMAGE_SUFFIXES)}) in this '
            'folder, found none.')
    return [
        ImageInput(one.relative_to(path).with_suffix('').as_posix(), str(one))
        for one in files
    ]


def _behind_links(path: Path, left_out: dict[str, list[str]]) -> list[Path]:
    """List the pictures in class folders that are links, as data sets do."""
    links = {one: Path(one) for one in left_out.pop(LINKS, [])}
    followed = {
        name for name, one in links.items() if one.parent == path
        and not path.resolve().is_relative_to(one.resolve())}
    others = [name for name in links if name not in followed]
    if others:
        left_out[LINKS] = others
    return [picture for name in sorted(followed)
            for picture in list_pictures(links[name], left_out)]


def _own_names(items: list[ImageInput]) -> list[ImageInput]:
    """Number names that several images have."""
    taken = {item.name for item in items}
    used: set[str] = set()
    named = []
    for item in items:
        name, number = item.name, 1
        while name in used or (number > 1 and name in taken):
            number += 1
            name = f'{item.name}-{number}'
        used.add(name)
        named.append(item._replace(name=name))
    return named
