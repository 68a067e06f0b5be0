"""The camera: light, colour cast, blur and noise of a whole picture."""
import cv2
import numpy as np

from demo_data.shapes import pick
from demo_data.textures import noise

__all__ = ['photograph']


def photograph(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Return a picture as a camera would have taken it.

    Args:
        rng (np.random.Generator): Source of chance.
        image (np.ndarray): (H, W, 3) float32 RGB in [0, 1].

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    shape = image.shape[:2]
    image = np.clip(image, 0, 1)**pick(rng, 0.8, 1.2)
    image = image * pick(rng, 0.8, 1.15) * rng.normal(1, 0.04, 3)
    uneven = noise(rng, shape, max(shape), 1) - 0.5
    image = image * (1 + pick(rng, 0, 0.5) * uneven)[..., None]
    contrast = pick(rng, 0.8, 1.1)
    image = (image - 0.45) * contrast + 0.45
    if rng.random() < 0.4:
        image = cv2.GaussianBlur(image, (0, 0), pick(rng, 0.3, 0.8))
    sigma = pick(rng, 0, 0.025)
    image = image + sigma * rng.standard_normal(image.shape, np.float32)
    image = np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 85))]
        image = cv2.imdecode(
            cv2.imencode('.jpg', image, quality)[1], cv2.IMREAD_COLOR)
    return image
