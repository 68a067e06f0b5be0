"""Pictures with titles, side by side and one below the other."""
import cv2
import numpy as np

from .overlay import cam_overlay

__all__ = ['present_tiles', 'stack_rows', 'titled_strip']

_BAR = 18


def _title(text: str, width: int) -> np.ndarray:
    """Write a line of text on white, (18, width, 3); cut off if too long."""
    bar = np.full((_BAR, width, 3), 255, dtype=np.uint8)
    cv2.putText(bar, text.encode('ascii', 'replace').decode(), (3, 13),
                cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return bar


def titled_strip(tiles: list[tuple[str, np.ndarray]],
                 height: int,
                 gap: int = 4) -> np.ndarray:
    """Put pictures of one image side by side, a title over each.

    Args:
        tiles (list[tuple[str, np.ndarray]]): Title and picture, (H, W, 3)
            uint8.
        height (int): Height of the pictures in pixels, without the titles.
        gap (int): White pixels between them.

    Returns:
        np.ndarray: (height + 18, W', 3) uint8.
    """
    parts = []
    for text, tile in tiles:
        width = max(1, round(tile.shape[1] * height / tile.shape[0]))
        shrinks = tile.shape[0] > height
        tile = cv2.resize(
            tile, (width, height),
            interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        parts.append(np.concatenate([_title(text, width), tile]))
        parts.append(np.full((height + _BAR, gap, 3), 255, dtype=np.uint8))
    return np.concatenate(parts[:-1], axis=1)


def stack_rows(rows: list[tuple[str, np.ndarray]],
               columns: int = 1,
               gap: int = 6) -> np.ndarray:
    """Put strips one below the other, a title over each.

    Args:
        rows (list[tuple[str, np.ndarray]]): Title and strip, (H, W, 3)
            uint8; widths may differ.
        columns (int): Strips in a row.
        gap (int): White pixels between them.

    Returns:
        np.ndarray: (H', W', 3) uint8.

    Raises:
        ValueError: There are no rows.
    """
    if not rows:
        raise ValueError('rows: expected at least one picture, found none.')
    width = max(strip.shape[1] for _, strip in rows) + gap
    height = max(strip.shape[0] for _, strip in rows) + _BAR + gap
    lines = -(-len(rows) // columns)
    sheet = np.full((lines * height, columns * width, 3), 255, dtype=np.uint8)
    for number, (text, strip) in enumerate(rows):
        top, left = number // columns * height, number % columns * width
        sheet[top:top + _BAR, left:left + width] = _title(text, width)
        top += _BAR
        sheet[top:top + strip.shape[0], left:left + strip.shape[1]] = strip
    return sheet


def present_tiles(image: np.ndarray, cam: np.ndarray,
                  names: list[str]) -> list[tuple[str, np.ndarray]]:
    """Paint the map of each class over the image.

    Args:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        cam (np.ndarray): Maps of k classes, (k, H, W) in [0, 1].
        names (list[str]): Names of the k classes.

    Returns:
        list[tuple[str, np.ndarray]]: Name and overlay of each class.
    """
    return [(name, cam_overlay(image, one))
            for name, one in zip(names, cam, strict=True)]
