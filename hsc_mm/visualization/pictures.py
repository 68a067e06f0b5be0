"""Maps over pictures, and pictures side by side with their titles.

Every picture is (H, W, 3), uint8, RGB.
"""
import cv2
import numpy as np

from .colours import HEAT

__all__ = [
    'cam_overlay', 'label_strip', 'mask_overlay', 'png_to_rgb',
    'present_tiles', 'seed_strip', 'stack_rows', 'titled_strip'
]

def cam_overlay(image: np.ndarray,
                cam: np.ndarray,
                alpha: float = 0.5) -> np.ndarray:
    """Paint a CAM, (H, W) in [0, 1], over an image, dark blue to yellow."""
    level = (cam.clip(0, 1) * 255).astype(np.uint8)
    return cv2.addWeighted(image, 1 - alpha, HEAT[level], alpha, 0)


def mask_overlay(image: np.ndarray,
                 mask: np.ndarray,
                 palette: np.ndarray,
                 alpha: float = 0.6) -> np.ndarray:
    """Paint class indices, (H, W) uint8, over an image; 255 becomes white.

    Background stays as it is.
    """
    colours = np.full((256, 3), 255, dtype=np.uint8)
    colours[:len(palette)] = palette
    blend = cv2.addWeighted(image, 1 - alpha, colours[mask], alpha, 0)
    return np.where((mask == 0)[..., None], image, blend)


def label_strip(tiles: list[np.ndarray], height: int,
                gap: int = 4) -> np.ndarray:
    """Put pictures of one image side by side, at one height."""
    return titled_strip([('', tile) for tile in tiles], height, gap)[_BAR:]


_BAR = 18
_WIDEST = 16


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
        parts.append(np.full((height + _BAR, gap, 3), 255, dtype=np.uint8))
    return np.concatenate(parts[:-1], axis=1)


def stack_rows(rows: list[tuple[str, np.ndarray]],
               columns: int = 1,
               gap: int = 6) -> np.ndarray:
    """Put strips one below the other, in columns, a title over each.

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
