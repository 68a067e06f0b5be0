"""Indices of a data set's masks, and indices of the classes in use."""
import numpy as np

__all__ = ['class_map', 'to_classes', 'to_mask_indices']


def class_map(known: list[str], chosen: list[str],
              ignore_index: int = 255) -> dict[int, int] | None:
    """Map the index of a known class to that of a chosen one.

    Args:
        known (list[str]): Classes that masks know, background included.
        chosen (list[str]): Some of them, in any order.
        ignore_index (int): Index of a class that is not chosen.

    Returns:
        dict[int, int] | None: None where nothing changes.
    """
    if known == chosen:
        return None
    return {
        i: chosen.index(name) if name in chosen else ignore_index
        for i, name in enumerate(known)
    }


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
