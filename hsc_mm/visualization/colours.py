"""Colours of classes and of heat maps that colour-blind eyes tell apart."""
import colorsys
from collections.abc import Mapping

import cv2
import numpy as np
from mmseg.utils import get_classes

from hsc_mm.utils import voc_palette

__all__ = ['HEAT', 'class_colours', 'qualitative_palette']

#: Colours of the levels 0 to 255 of a heat map, RGB. Each is lighter than the
#: one before it, so that the map is read without hues.
HEAT = np.ascontiguousarray(
    cv2.applyColorMap(
        np.arange(256, dtype=np.uint8)[:, None],
        cv2.COLORMAP_PLASMA).reshape(256, 3)[:, ::-1])

# Okabe and Ito, Color Universal Design (2008), without black.
_FIRST = ((230, 159, 0), (86, 180, 233), (213, 94, 0), (0, 158, 115),
          (240, 228, 66), (204, 121, 167), (0, 114, 178))
_GOLDEN = (5**0.5 - 1) / 2


def qualitative_palette(count: int) -> np.ndarray:
    """Return colours of classes, background first, (count, 3) uint8 RGB.

    Background is black. The first seven are those of Okabe and Ito; further
    ones turn the hue by the golden angle, at three lightnesses in turn.
    """
    colours = [(0, 0, 0), *_FIRST]
    for number in range(max(0, count - len(colours))):
        red, green, blue = colorsys.hls_to_rgb(
            number * _GOLDEN % 1, (0.45, 0.7, 0.3)[number % 3], 0.75)
        colours.append(
            (round(255 * red), round(255 * green), round(255 * blue)))
    return np.array(colours[:count], dtype=np.uint8)


def class_colours(metainfo: Mapping) -> np.ndarray:
    """Return the colours to draw the classes of a data set in.

    A data set that names no palette has rows of VOC's. They stay where the
    classes are VOC's, or where the data set has colours of its own;
    otherwise they give way to :func:`qualitative_palette`.

    Args:
        metainfo (mapping): With ``classes`` and ``palette``.

    Returns:
        np.ndarray: (C, 3) uint8 RGB, background first.
    """
    palette = np.array(metainfo['palette'], dtype=np.uint8)
    rows = set(map(tuple, voc_palette().tolist()))
    if (set(metainfo['classes']) <= set(get_classes('voc'))
            or not rows.issuperset(map(tuple, palette.tolist()))):
        return palette
    return qualitative_palette(len(palette))
