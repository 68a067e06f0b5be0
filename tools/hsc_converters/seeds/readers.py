"""Readers of seeds of other projects, and what their files mean."""
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hsc_mm.pseudo_labels.files import read_soft_cam
from hsc_mm.utils.alike import missing_example
from .maps import ForeignMaps, stack_maps
from .safe_npy import load_npy

__all__ = [
    'FORMATS', 'ImportOptions', 'MAP_NAMES', 'read_irn', 'read_npy_dict',
    'read_npz',
    'source_format'
]

#: Format -> suffix of its files.
FORMATS = dict(npy='.npy', irn='.npy', npz='.npz', png='.png')
#: Names of maps, the best first: full size, refined, walked, SIPE's, stride.
MAP_NAMES = ('high_res', 'refined_cam', 'attn_highres', 'rw', 'IS_CAM', 'cam')
_WITH_BACKGROUND = ('IS_CAM', )


@dataclass(frozen=True)
class ImportOptions:
    """What files of another project hold, and what is made of them.

    Attributes:
        split (str): Whose dataloader names the images.
        form (str): One of :data:`hsc_converters.seeds.FORMATS`, or
            ``'auto'``: look at the files.
        kind (str, optional): ``'soft'`` or ``'hard'``; maps become either,
            PNGs only the second. By default soft, of PNGs hard.
        offset (int, optional): What is added to an index of a file to make
            it a mask index: by default 1 for maps, whose files count the
            foreground from 0, and 0 for PNGs and our own format. Files that
            themselves count the background get none.
        map_name (str, optional): Which maps of an IRN file.
        normalize (bool): Whether maps are divided by their maximum.
    """
    split: str = 'train'
    form: str = 'auto'
    kind: str | None = None
    offset: int | None = None
    map_name: str | None = None
    normalize: bool = False

    def resolve(self, find_format: Callable[[], str]) -> 'ImportOptions':
        """Return the options with every default filled in.

        Raises:
            ValueError: ``kind``, ``map_name`` or ``normalize`` does not go
                with the format.
        """
        form = find_format() if self.form == 'auto' else self.form
        kind = self.kind or ('hard' if form == 'png' else 'soft')
        if self.map_name and form != 'irn':
            raise ValueError(f'--map {self.map_name}: expected files of the '
                             f'format irn, which names maps, found {form}.')
        if form == 'png' and kind == 'soft':
            raise ValueError('--kind soft: PNGs hold indices, not maps. '
                             'Choose --kind hard.')
        if form == 'png' and self.normalize:
            raise ValueError('--normalize: expected maps, found PNGs, which '
                             'hold indices. Leave it out.')
        offset = form in ('npy', 'irn') if self.offset is None else self.offset
        return replace(self, form=form, kind=kind, offset=int(offset))


def source_format(source: str | Path, ids: list[str]) -> str:
    """Find out in which format a folder holds the seeds of some images.

    Args:
        source (str | Path): The folder.
        ids (list[str]): Ids of the images.

    Returns:
        str: One of :data:`FORMATS`.

    Raises:
        FileNotFoundError: There is no such folder, or no seed in it.
        ValueError: It holds more than one kind of files.
    """
    source = Path(source)
    if not source.is_dir():
        raise FileNotFoundError(f'{source}: there is no such folder.')
    first = {}
    for suffix in sorted(set(FORMATS.values())):
        paths = (source / f'{one}{suffix}' for one in ids)
        first[suffix] = next((path for path in paths if path.is_file()), None)
    found = [suffix for suffix, path in first.items() if path]
    if not found:
        wanted = [str(source / f'{one}{suffix}')
                  for suffix in first for one in ids]
        raise FileNotFoundError(
            f'{source}: expected files <img_id>.npy, .npz or .png of the '
            f'{len(ids)} images of the split, such as '
            f'{missing_example(wanted)}; found none.')
    if len(found) > 1:
        raise ValueError(f'{source}: found files {" and ".join(found)} of '
                         'the split. Name the right ones by --format.')
    if found != ['.npy']:
        return found[0][1:]
    why = ''
    for one in ids:
        try:
            content = load_npy(source / f'{one}.npy')
        except (OSError, ValueError) as error:
            why = why or f' The first: {error}' * isinstance(
                error, ValueError)
            continue
        return 'irn' if isinstance(content, dict) and 'keys' in content \
            else 'npy'
    raise ValueError(f'{source}: expected .npy files of maps, found none '
                     f'that can be read.{why}')


def read_npy_dict(path: str | Path) -> ForeignMaps:
    """Read a file of one map for each class: AffinityNet, SEAM, EPS.

    The file holds a dictionary ``{class index: (H, W)}``, as ``np.save``
    writes it, or one array (K, H, W) of all classes, in which maps that are
    zero everywhere stand for absent classes.

    Args:
        path (str | Path): The ``.npy`` file.

    Returns:
        ForeignMaps: At the size they have.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds something else.
    """
    content = load_npy(path)
    if isinstance(content, np.ndarray):
        maps = stack_maps(content)
        present = np.flatnonzero(maps.any(axis=(1, 2)))
        return ForeignMaps(present, maps[present])
    if not isinstance(content, dict):
        raise ValueError('expected a dictionary {class index: map}, found '
                         f'{type(content).__name__}')
    wrong = [key for key in content if not isinstance(key, int | np.integer)]
    if wrong:
        raise ValueError('expected class indices as keys of the dictionary, '
                         f'found {wrong[:5]}')
    indices = np.array(sorted(content), dtype=np.int64)
    return ForeignMaps(indices, stack_maps([content[i] for i in indices]))


def read_irn(path: str | Path, name: str | None = None) -> ForeignMaps:
    """Read IRN's dictionaries ``{keys, cam, high_res}``, and the like.

    ``keys`` (k,) are indices of the foreground from 0, and the maps are
    (k, h, w): ``high_res`` at the size of the image, ``cam`` at stride 4.
    Some put the background in front of ``keys`` and count from it: where
    ``keys`` are one more than the maps and begin with 0, or belong to maps
    that are known to hold the background (``IS_CAM``), that is undone. An
    image without a class has empty ``keys`` and needs no maps.

    Args:
        path (str | Path): The ``.npy`` file.
        name (str, optional): Which maps; the first of :data:`MAP_NAMES`
            that is there by default.

    Returns:
        ForeignMaps: At the size they have.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds something else.
    """
    content = load_npy(path)
    if not isinstance(content, dict) or 'keys' not in content:
        found = sorted(map(str, content)) if isinstance(content, dict) \
            else type(content).__name__
        raise ValueError('expected a dictionary with "keys" and maps, found '
                         f'{found}')
    if not len(content['keys']):
        return ForeignMaps(np.zeros(0, np.int64), stack_maps(()))
    wanted = (name, ) if name else MAP_NAMES
    chosen = next((one for one in wanted if one in content), None)
    if chosen is None:
        raise ValueError(f'expected maps named {" or ".join(wanted)}, found '
                         f'{sorted(map(str, content))}')
    keys = np.asarray(content['keys'])
    if keys.ndim != 1 or (keys.dtype.kind not in 'iu' and len(keys)):
        raise ValueError('expected "keys" of whole numbers, (k,), found '
                         f'{keys.dtype} {keys.shape}')
    maps = stack_maps(content[chosen])
    padded = len(keys) == len(maps) + 1 and keys[0] == 0
    keys = keys[1:] if padded else keys
    if len(keys) != len(maps):
        raise ValueError(f'expected as many maps as keys, {len(keys)}, found '
                         f'{len(maps)} in "{chosen}"')
    return ForeignMaps(
        keys.astype(np.int64), maps, padded or chosen in _WITH_BACKGROUND)


def read_npz(path: str | Path) -> ForeignMaps:
    """Read a file of our own soft format.

    Args:
        path (str | Path): An ``.npz`` with ``cam`` (k, H, W) in [0, 1] and
            ``classes`` (k,), mask indices.

    Returns:
        ForeignMaps: With the indices as they are.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is broken or holds something else.
    """
    cam, classes = read_soft_cam(path)
    return ForeignMaps(classes.astype(np.int64), stack_maps(cam))
