"""Indices in mask files and of classes in use, and VOC's colours for them."""
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = [
    'as_bytes', 'check_class_count', 'class_map', 'coloured', 'to_classes',
    'to_mask_indices', 'voc_palette'
]

#: Classes beside the background: 0 and 255 mean something else.
MOST_CLASSES = 254


def as_bytes(indices: np.ndarray, owner: str) -> np.ndarray:
    """Turn indices into bytes, none of them cut.

    Args:
        indices (np.ndarray): Of any shape and type.
        owner (str): Whose they are, for the message: a file.

    Returns:
        np.ndarray: The same, uint8.

    Raises:
        ValueError: One is no integer in 0..255.
    """
    found = indices.astype(np.uint8)
    if indices.dtype not in (np.uint8, np.bool_):
        wrong = indices[found != indices]
        if wrong.size:
            raise ValueError(
                f'{owner}: expected indices 0..255, found {wrong[0]}. Masks '
                f'have 8 bits: at most {MOST_CLASSES} classes, 255 for '
                'pixels that do not count. Export it with such indices.')
    return found


def check_class_count(owner: str, count: int) -> None:
    """Refuse more classes than masks of 8 bits have indices for.

    Args:
        owner (str): Whose they are, for the message.
        count (int): Number of classes without the background.

    Raises:
        ValueError: There are more than 254.
    """
    if count > MOST_CLASSES:
        raise ValueError(
            f'{owner}: expected at most {MOST_CLASSES} classes (masks have 8 '
            f'bits, 255 is ignored), found {count}. Leave some out, or merge '
            'them.')


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

    Without ``label_map`` nothing changes. Raises ValueError where an index
    does not fit into 8 bits.
    """
    table = np.arange(256, dtype=np.uint8)
    for mask_index, class_index in (label_map or {}).items():
        if class_index != 255:
            table[class_index] = mask_index
    return table[as_bytes(seed, 'class indices')]


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


def coloured(classes: Sequence[str]) -> dict[str, Any]:
    """Return ``metainfo`` of a data set: classes, and VOC's colours of them.

    From the 257th class on, which no mask can hold, the colours repeat.
    """
    palette = voc_palette()[np.arange(len(classes)) % 256]
    return dict(classes=tuple(classes), palette=palette.tolist())
