"""Dictionaries ``{class index: map}``: AffinityNet, SEAM, EPS and others."""
from pathlib import Path

import numpy as np

from .maps import ForeignMaps, stack_maps
from .safe_npy import load_npy

__all__ = ['read_npy_dict']


def read_npy_dict(path: str | Path) -> ForeignMaps:
    """Read a file of one map for each class.

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
