"""Maps over pictures, and pictures side by side with their titles."""
import cv2
import numpy as np

__all__ = [
    'cam_overlay', 'label_strip', 'mask_overlay', 'png_to_rgb',
    'present_tiles', 'seed_strip', 'stack_rows', 'titled_strip'
]

def cam_overlay(image: np.ndarray,
                cam: np.ndarray,
                alpha: float = 0.5) -> np.ndarray:
    """Paint a class activation map over an image, blue to red.

    Args:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        cam (np.ndarray): (H, W) in [0, 1]; 1 is red.
        alpha (float): Share of the heat map.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    level = (cam.clip(0, 1) * 255).astype(np.uint8)
    heat = cv2.applyColorMap(level, cv2.COLORMAP_JET)[..., ::-1]
    return cv2.addWeighted(image, 1 - alpha, np.ascontiguousarray(heat), alpha,
                           0)


def mask_overlay(image: np.ndarray,
                 mask: np.ndarray,
                 palette: np.ndarray,
                 alpha: float = 0.6) -> np.ndarray:
    """Paint a mask over an image; background stays as it is.

    Args:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        mask (np.ndarray): Class indices, (H, W) uint8; 255 becomes white.
        palette (np.ndarray): (C, 3) uint8 RGB.
        alpha (float): Share of the colours.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    colours = np.full((256, 3), 255, dtype=np.uint8)
    colours[:len(palette)] = palette
    blend = cv2.addWeighted(image, 1 - alpha, colours[mask], alpha, 0)
    return np.where((mask == 0)[..., None], image, blend)


def label_strip(tiles: list[np.ndarray], height: int,
                gap: int = 4) -> np.ndarray:
    """Put pictures of one image side by side, at one height.

    Args:
        tiles (list[np.ndarray]): (H, W, 3) uint8 each.
        height (int): Height of the strip in pixels.
        gap (int): White pixels between them.

    Returns:
        np.ndarray: (height, W', 3) uint8.
    """
    parts = []
    for tile in tiles:
        width = max(1, round(tile.shape[1] * height / tile.shape[0]))
        parts.append(
            cv2.resize(tile, (width, height), interpolation=cv2.INTER_AREA))
        parts.append(np.full((height, gap, 3), 255, dtype=np.uint8))
    return np.concatenate(parts[:-1], axis=1)


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

    Args:
        image (np.ndarray): (H', W', 3) uint8 RGB, resized to the seed if
            another size.
        cam (np.ndarray): Maps of k classes, (k, H, W) in [0, 1].
        names (list[str]): Names of the k classes.
        seed (np.ndarray): Class indices, (H, W) uint8.
        palette (np.ndarray): (C, 3) uint8 RGB.
        truth (np.ndarray, optional): Class indices, (H, W) uint8, 255 =
            ignored.
        height (int): Height of the pictures in pixels.

    Returns:
        np.ndarray: (height + 18, W'', 3) uint8 RGB.
    """
    if image.shape[:2] != seed.shape:
        image = cv2.resize(image, seed.shape[::-1])
    tiles = [('image', image), *present_tiles(image, cam, names),
             ('prediction', mask_overlay(image, seed, palette))]
    if truth is not None:
        tiles.append(('ground truth', mask_overlay(image, truth, palette)))
    return titled_strip(tiles, height)
