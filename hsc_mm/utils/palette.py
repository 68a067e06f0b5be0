"""The colour map of PASCAL VOC."""
import numpy as np

__all__ = ['voc_palette']


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
