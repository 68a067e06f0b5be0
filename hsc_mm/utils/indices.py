"""Indices in mask files and of classes in use, and VOC's colours for them."""
import numpy as np

__all__ = ['class_map', 'to_classes', 'to_mask_indices', 'voc_palette']

def class_map(known: list[str], chosen: list[str],
              ignore_index: int = 255) -> dict[int, int] | None:
    """Map the indices of known classes to those of chosen ones.

    One that is not chosen becomes ``ignore_index``; None where nothing
    changes.
    """
    if known == chosen:
        return None
    return {
        i: chosen.index(name) if name in chosen else ignore_index
        for i, name in enumerate(known)
    }


def to_classes(mask: np.ndarray, label_map: dict | None) -> np.ndarray:
    """Turn a mask's indices, (H, W) uint8, into those of classes.

    Without ``label_map`` nothing changes.
    """
    table = np.arange(256, dtype=np.uint8)
    for mask_index, class_index in (label_map or {}).items():
        table[mask_index] = class_index
    return table[mask]


def to_mask_indices(seed: np.ndarray, label_map: dict | None) -> np.ndarray:
    """Turn class indices (H, W), 255 = ignored, into a mask's, uint8.

    Without ``label_map`` nothing changes.
    """
    table = np.arange(256, dtype=np.uint8)
    for mask_index, class_index in (label_map or {}).items():
        if class_index != 255:
            table[class_index] = mask_index
    return table[seed.astype(np.uint8)]


def voc_palette() -> np.ndarray:
    """Return VOC's colour map, the one of its development kit.

    The bits of an index are dealt to red, green and blue in turn, from the
    highest bit of the colour down.

    Returns:
        np.ndarray: (256, 3) uint8, RGB. Row 0 is black, row 255 the cream
        of VOC's ignored borders.
    """
    index = np.arange(256)
    palette = np.zeros((256, 3), dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            value = (index >> (3 * bit + channel)) & 1
            palette[:, channel] |= (value << (7 - bit)).astype(np.uint8)
    return palette
