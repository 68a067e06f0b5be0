"""A seed and what it came from, side by side."""
import cv2
import numpy as np

from .overlay import mask_overlay
from .sheet import present_tiles, titled_strip

__all__ = ['png_to_rgb', 'seed_strip']


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
