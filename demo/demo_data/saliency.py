"""Saliency maps with the errors of a real saliency network."""
import cv2
import numpy as np

from demo_data.shapes import pick
from demo_data.textures import noise

__all__ = ['make_saliency']


def _misjudged(rng: np.random.Generator, mask: np.ndarray,
               low: float, high: float) -> np.ndarray:
    """Return a mask with its outline shifted and its thin pieces lost.

    Args:
        rng (np.random.Generator): Source of chance.
        mask (np.ndarray): (H, W) bool, the true outline.
        low (float): Farthest shift inwards, in shares of the thickness.
        high (float): Farthest shift outwards, likewise.

    Returns:
        np.ndarray: (H, W) float32 in [0, 1].
    """
    ones = mask.astype(np.uint8)
    inner = cv2.distanceTransform(ones, cv2.DIST_L2, 3)
    outer = cv2.distanceTransform(1 - ones, cv2.DIST_L2, 3)
    thick = max(float(inner.max()), 2.0)
    wobble = noise(rng, mask.shape, 2.5 * thick, 3) - 0.5
    shift = (pick(rng, low, high) + 0.7 * wobble) * thick
    edge = (inner - outer + shift) / pick(rng, 0.8, 1.8)
    return (0.5 + 0.5 * np.tanh(edge / 2)).astype(np.float32)


def _blob(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return a piece of background (H, W) bool, mostly at the border."""
    centre = (pick(rng, 0, 1) * shape[1], pick(rng, 0, 1) * shape[0])
    radii = (pick(rng, 8, 26), pick(rng, 8, 26))
    y, x = np.mgrid[:shape[0], :shape[1]]
    far = ((x - centre[0]) / radii[0])**2 + ((y - centre[1]) / radii[1])**2
    return far < 1


def make_saliency(rng: np.random.Generator, objects: list[np.ndarray],
                  clutter: list[np.ndarray]) -> np.ndarray:
    """Return what a saliency network might say of a picture.

    It knows no classes. About one map in ten misses an object, some take a
    distractor or a piece of background for one, and all outlines are blurred
    and off by some pixels.

    Args:
        rng (np.random.Generator): Source of chance.
        objects (list[np.ndarray]): (H, W) bool each, the true objects, at
            least one.
        clutter (list[np.ndarray]): (H, W) bool each, distractors.

    Returns:
        np.ndarray: (H, W) uint8, 255 = salient.
    """
    shape = objects[0].shape
    seen = list(objects)
    if len(seen) > 1 and rng.random() < 0.2:
        seen.pop(int(rng.integers(len(seen))))
    total = np.zeros(shape, np.float32)
    for mask in seen:
        total = np.maximum(total, _misjudged(rng, mask, -0.12, 0.16))
    if clutter and rng.random() < 0.25:
        mask = clutter[int(rng.integers(len(clutter)))]
        total = np.maximum(total, _misjudged(rng, mask, -0.2, 0.2))
    if rng.random() < 0.12:
        total = np.maximum(total, _misjudged(rng, _blob(rng, shape), 0, 0))
    if rng.random() < 0.25:
        hole = np.clip((noise(rng, shape, 25, 2) - 0.7) * 10, 0, 0.9)
        total = total * (1 - hole)
    total = cv2.GaussianBlur(total, (0, 0), pick(rng, 0.8, 2.2))
    haze = 0.08 * noise(rng, shape, 20, 2)
    total = haze + (0.98 - haze) * total
    return np.clip(total * 255 + 0.5, 0, 255).astype(np.uint8)
