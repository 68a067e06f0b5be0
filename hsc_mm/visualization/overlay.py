"""Maps painted over pictures."""
import cv2
import numpy as np

__all__ = ['cam_overlay', 'label_strip', 'mask_overlay']


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
