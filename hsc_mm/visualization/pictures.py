"""Maps over pictures, their colours, and pictures side by side.

Every picture is (H, W, 3), uint8, RGB. Colour-blind eyes tell the colours
apart.
"""
import colorsys
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from mmseg.utils import get_classes

from hsc_mm.datasets.class_names import spelled
from hsc_mm.utils import voc_palette

__all__ = [
    'HEAT', 'cam_overlay', 'class_colours', 'mask_overlay', 'png_to_rgb',
    'present_tiles', 'qualitative_palette', 'seed_strip', 'stack_rows',
    'titled_strip'
]

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


def class_colours(metainfo: Mapping,
                  like: Mapping | None = None) -> np.ndarray:
    """Return the colours to draw the classes of a data set in.

    A data set that names no palette has the first rows of VOC's. They give
    way to :func:`qualitative_palette`, unless each class has its own colour
    of VOC. Other palettes stay.

    Args:
        metainfo (mapping): With ``classes`` and ``palette``.
        like (mapping, optional): That of a data set whose classes keep their
            colours here, by name. Further classes have others.

    Returns:
        np.ndarray: (C, 3) uint8 RGB, background first.
    """
    if like is not None:
        known = dict(zip(like['classes'], class_colours(like).tolist(),
                         strict=True))
        names = spelled(list(metainfo['classes']), list(known))
        others = (one for one in qualitative_palette(
            len(names) + len(known)).tolist() if one not in known.values())
        return np.array([known[name] if name in known else next(others)
                         for name in names], dtype=np.uint8)
    palette = np.array(metainfo['palette'], dtype=np.uint8)
    rows = voc_palette().tolist()
    known = dict(zip(get_classes('voc'), rows, strict=False))
    colours = palette.tolist()
    if (all(map(rows.__contains__, colours))
            and colours != [known.get(one) for one in metainfo['classes']]):
        return qualitative_palette(len(palette))
    return palette


def cam_overlay(image: np.ndarray,
                cam: np.ndarray,
                alpha: float = 0.5) -> np.ndarray:
    """Paint a CAM, (H, W) in [0, 1], over an image, dark blue to yellow."""
    level = (cam.clip(0, 1) * 255).astype(np.uint8)
    return cv2.addWeighted(image, 1 - alpha, HEAT[level], alpha, 0)


def mask_overlay(image: np.ndarray,
                 mask: np.ndarray,
                 palette: np.ndarray,
                 alpha: float = 0.6,
                 bare: int | None = 0) -> np.ndarray:
    """Paint class indices, (H, W) uint8, over an image; 255 becomes white.

    Pixels of the class ``bare``, the background, stay as they are.
    """
    colours = np.full((256, 3), 255, dtype=np.uint8)
    colours[:len(palette)] = palette
    blend = cv2.addWeighted(image, 1 - alpha, colours[mask], alpha, 0)
    return blend if bare is None else np.where(
        (mask == bare)[..., None], image, blend)


_BAR = 18
_WIDEST = 16


def _title(text: str, width: int) -> np.ndarray:
    """Write a line of text on white, (18, width, 3); cut off if too long."""
    bar = np.full((_BAR, width, 3), 255, dtype=np.uint8)
    cv2.putText(bar, text.encode('ascii', 'replace').decode(), (3, 13),
                cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return bar


def titled_strip(tiles: list[tuple[str, np.ndarray]],
                 height: int) -> np.ndarray:
    """Put pictures of one image side by side, a title over each.

    The titles add 18 pixels to the height. Pictures wider than 16 times
    their height are squeezed to that.
    """
    parts = []
    for text, tile in tiles:
        width = max(1, round(height * min(
            tile.shape[1] / tile.shape[0], _WIDEST)))
        shrinks = tile.shape[0] > height
        tile = cv2.resize(
            tile, (width, height),
            interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        parts.append(np.concatenate([_title(text, width), tile]))
        parts.append(np.full((height + _BAR, 4, 3), 255, dtype=np.uint8))
    return np.concatenate(parts[:-1], axis=1)


def stack_rows(rows: list[tuple[str, np.ndarray]],
               columns: int = 1) -> np.ndarray:
    """Put strips one below the other, in columns, a title over each.

    Raises:
        ValueError: There are no rows.
    """
    if not rows:
        raise ValueError('rows: expected at least one picture, found none.')
    columns = min(columns, len(rows))
    width = max(strip.shape[1] for _, strip in rows) + 6
    height = max(strip.shape[0] for _, strip in rows) + _BAR + 6
    lines = -(-len(rows) // columns)
    sheet = np.full((lines * height, columns * width, 3), 255, dtype=np.uint8)
    for number, (text, strip) in enumerate(rows):
        top, left = number // columns * height, number % columns * width
        sheet[top:top + _BAR, left:left + width] = _title(text, width)
        top += _BAR
        sheet[top:top + strip.shape[0], left:left + strip.shape[1]] = strip
    return sheet


def present_tiles(image: np.ndarray, cam: Sequence[np.ndarray],
                  names: list[str]) -> list[tuple[str, np.ndarray]]:
    """Paint the maps of k classes, (k, H, W) in [0, 1], over the image."""
    return [(name, cam_overlay(image, one))
            for name, one in zip(names, cam, strict=True)]


def png_to_rgb(data: bytes) -> np.ndarray:
    """Decode a picture, (H, W, 3) uint8 RGB."""
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.ascontiguousarray(found[..., ::-1])


def seed_strip(image: np.ndarray,
               cam: np.ndarray,
               names: list[str],
               seed: np.ndarray,
               palette: np.ndarray,
               truth: np.ndarray | None = None,
               height: int = 200) -> np.ndarray:
    """Draw image | map of each class | seed | ground truth.

    The image is resized to the seed; maps are (k, H, W) in [0, 1].
    """
    if image.shape[:2] != seed.shape:
        image = cv2.resize(image, seed.shape[::-1])
    tiles = [('image', image), *present_tiles(image, cam, names),
             ('prediction', mask_overlay(image, seed, palette))]
    if truth is not None:
        tiles.append(('ground truth', mask_overlay(image, truth, palette)))
    return titled_strip(tiles, height)
