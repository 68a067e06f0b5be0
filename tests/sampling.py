"""Bilinear sampling at given positions, written out."""
import numpy as np


def sample_at(maps: np.ndarray, rows: np.ndarray,
              columns: np.ndarray) -> np.ndarray:
    """Read maps (K, h, w) at rows x columns; beyond the border its value."""
    for axis, place in ((1, rows), (2, columns)):
        last = maps.shape[axis] - 1
        place = np.clip(place, 0, last)
        low = np.floor(place).astype(int)
        high = np.minimum(low + 1, last)
        share = (place - low).reshape(-1, 1) if axis == 1 else place - low
        maps = (np.take(maps, low, axis) * (1 - share)
                + np.take(maps, high, axis) * share)
    return maps


def cam_at_pixels(cam: np.ndarray, size: tuple[int, int],
                  stride: int) -> np.ndarray:
    """Bring a CAM to the input: position i lies at pixel i * stride."""
    return sample_at(cam, *(np.arange(n) / stride for n in size))


def image_at_pixels(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize as images are: the areas of both coincide."""
    return sample_at(maps, *((np.arange(n) + 0.5) * old / n - 0.5
                             for n, old in zip(size, maps.shape[1:],
                                               strict=True)))
