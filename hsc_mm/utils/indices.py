"""Indices of a data set's masks, and indices of the classes in use."""
import numpy as np

__all__ = ['to_classes', 'to_mask_indices']


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
