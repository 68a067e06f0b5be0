"""Predicted masks as files that look like the masks of a data set."""
import os

import numpy as np

from hsc_mm.utils import voc_palette, write_index_png

__all__ = ['to_classes', 'to_mask_indices', 'write_mask']


def to_classes(mask: np.ndarray, label_map: dict | None) -> np.ndarray:
    """Turn indices of a data set's masks into indices of its classes.

    Args:
        mask (np.ndarray): (H, W) uint8.
        label_map (dict, optional): Of the data set; None changes nothing.

    Returns:
        np.ndarray: (H, W) uint8.
    """
    table = np.arange(256, dtype=np.uint8)
    for mask_index, class_index in (label_map or {}).items():
        table[mask_index] = class_index
    return table[mask]


def to_mask_indices(seed: np.ndarray, label_map: dict | None) -> np.ndarray:
    """Turn indices of classes into those of the data set's masks.

    Args:
        seed (np.ndarray): (H, W), 255 = ignored.
        label_map (dict, optional): Of the data set; None changes nothing.

    Returns:
        np.ndarray: (H, W) uint8.
    """
    table = np.arange(256, dtype=np.uint8)
    for mask_index, class_index in (label_map or {}).items():
        if class_index != 255:
            table[class_index] = mask_index
    return table[seed.astype(np.uint8)]


def write_mask(folder: str, sample: dict, dataset_meta: dict) -> None:
    """Write the prediction of a sample as ``<img_id>.png``, in VOC's colours.

    Args:
        folder (str): The folder.
        sample (dict): With ``pred_sem_seg``, ``img_path``, and ``img_id`` if
            the data set has ids.
        dataset_meta (dict): ``label_map`` is followed backwards, so that the
            file holds the indices that the data set's own masks would.
    """
    name = sample.get('img_id')
    if name is None:
        name = os.path.splitext(os.path.basename(sample['img_path']))[0]
    seed = sample['pred_sem_seg']['data'].squeeze(0).cpu().numpy()
    write_index_png(
        os.path.join(folder, f'{name}.png'),
        to_mask_indices(seed, dataset_meta.get('label_map')), voc_palette())
