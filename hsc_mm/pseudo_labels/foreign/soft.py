"""Soft seeds in our own format: normalised maps of the present classes."""
from pathlib import Path

import numpy as np

from hsc_mm.pseudo_labels.files import read_soft_cam
from .maps import ForeignMaps, stack_maps

__all__ = ['dense_cam', 'read_npz']


def read_npz(path: str | Path) -> ForeignMaps:
    """Read a file of our own soft format.

    Args:
        path (str | Path): An ``.npz`` with ``cam`` (k, H, W) in [0, 1] and
            ``classes`` (k,), mask indices.

    Returns:
        ForeignMaps: That count the background.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is broken or holds something else.
    """
    cam, classes = read_soft_cam(path)
    return ForeignMaps(
        classes.astype(np.int64), stack_maps(cam), has_background=True)


def dense_cam(cam: np.ndarray, classes: np.ndarray, num_classes: int,
              label_map: dict | None) -> np.ndarray:
    """Give each foreground class its map, absent ones zeros.

    Args:
        cam (np.ndarray): (k, H, W).
        classes (np.ndarray): Mask indices, (k,).
        num_classes (int): C, background included.
        label_map (dict, optional): Of the data set.

    Returns:
        np.ndarray: (K, H, W) float32. Classes that are not in use are left
        out.
    """
    dense = np.zeros((num_classes - 1, *cam.shape[1:]), np.float32)
    for one, mask_index in zip(cam, classes.tolist(), strict=True):
        index = (label_map or {}).get(mask_index, mask_index)
        if 0 < index < num_classes:
            dense[index - 1] = one
    return dense
