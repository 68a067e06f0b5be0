"""IRN's dictionaries ``{keys, cam, high_res}``, and of those who follow it."""
from pathlib import Path

import numpy as np

from .maps import ForeignMaps, stack_maps
from .safe_npy import load_npy

__all__ = ['MAP_NAMES', 'read_irn']

#: Names of maps, the best first: full size, refined, walked, SIPE's, stride.
MAP_NAMES = ('high_res', 'refined_cam', 'attn_highres', 'rw', 'IS_CAM', 'cam')
_WITH_BACKGROUND = ('IS_CAM', )


def read_irn(path: str | Path, name: str | None = None) -> ForeignMaps:
    """Read a file in the format of IRN.

    ``keys`` (k,) are indices of the foreground from 0, and the maps are
    (k, h, w): ``high_res`` at the size of the image, ``cam`` at stride 4.
    Some put the background in front of ``keys`` and count from it: where
    ``keys`` are one more than the maps and begin with 0, or belong to maps
    that are known to hold the background (``IS_CAM``), that is undone.

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
