"""Painting: outlines become shaded sprites, sprites go onto a canvas."""
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from demo_data.shapes import Shape, bounds

__all__ = ['Sprite', 'drop_shadow', 'paste', 'render', 'window']

PAD = 5
SHIFT = 4


@dataclass
class Sprite:
    """A painted object on its own, not cut by the picture.

    Attributes:
        colour (np.ndarray): (H, W, 3) float32 RGB in [0, 1].
        alpha (np.ndarray): (H, W) bool, where the object is.
        part (np.ndarray): (H, W) bool, where its discriminative part is.
        origin (tuple[int, int]): (x, y) of its corner on the canvas; may be
            negative.
    """

    colour: np.ndarray
    alpha: np.ndarray
    part: np.ndarray
    origin: tuple[int, int]


def _fill(polys: list[np.ndarray], corner: np.ndarray,
          size: tuple[int, int]) -> np.ndarray:
    """Return the union of polygons as (H, W) uint8, 0 or 255."""
    mask = np.zeros(size, np.uint8)
    for poly in polys:
        points = np.round((poly - corner) * 2**SHIFT).astype(np.int32)
        cv2.fillPoly(mask, [points], 255, shift=SHIFT)
    return mask


def _relief(mask: np.ndarray, bulge: float,
            light: np.ndarray) -> np.ndarray:
    """Return the brightness (H, W) of an inflated shape with dark edges."""
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    radius = max(float(depth.max()), 1.0)
    t = np.minimum(depth / radius, 1)
    height = np.sqrt(t * (2 - t)) * (radius * bulge)
    height = cv2.GaussianBlur(height, (0, 0), 0.8 + 0.12 * radius)
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / 8)
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / 8)
    facing = light[2] - slope_x * light[0] - slope_y * light[1]
    facing /= np.sqrt(1 + slope_x**2 + slope_y**2)
    shade = 0.42 + 0.68 * np.clip(facing, 0, 1)
    shade += 0.25 * np.clip(facing - 0.85, 0, 1)
    return shade * np.where(depth < 1.6, 0.72, 1).astype(np.float32)


def render(shapes: list[Shape], textures: Callable, light: np.ndarray,
           rng: np.random.Generator) -> Sprite:
    """Paint an object, its first piece lowest.

    Args:
        shapes (list[Shape]): Pieces in canvas coordinates (pixels).
        textures (Callable): Called with the size (H, W); returns a dict of
            the pictures ``'coat'`` and ``'trim'`` of that size.
        light (np.ndarray): (3, ) unit vector (x, y, towards the viewer) to
            the lamp.
        rng (np.random.Generator): Source of chance.

    Returns:
        Sprite: The object, whole even where it leaves the canvas.
    """
    low, high = bounds(shapes)
    corner = np.floor(low).astype(int) - PAD
    width, height = np.ceil(high).astype(int) + PAD - corner
    fills = textures((height, width))
    colour = np.zeros((height, width, 3), np.float32)
    alpha = np.zeros((height, width), bool)
    part = np.zeros((height, width), bool)
    speckle = 1 + 0.12 * (rng.random((height, width, 1), np.float32) - 0.5)
    for shape in shapes:
        low, high = bounds([shape])
        x0, y0 = np.floor(low).astype(int) - PAD - corner
        x1, y1 = np.ceil(high).astype(int) + PAD - corner
        x0, y0 = max(x0, 0), max(y0, 0)
        box = np.s_[y0:y1, x0:x1]
        there = colour[box]
        mask = _fill(shape.polys, corner + (x0, y0), there.shape[:2])
        inside = mask > 0
        shade = _relief(mask, shape.bulge, light) * shape.gain
        paint = (
            fills[shape.fill][box] if isinstance(shape.fill, str) else
            np.float32(shape.fill) * speckle[box])
        # What lies below gets a soft dark rim: the piece stands off it.
        rim = cv2.GaussianBlur(mask, (0, 0), 2.0).astype(np.float32)
        there *= (1 - rim * (0.4 / 255))[..., None]
        np.copyto(there, paint * shade[..., None], where=inside[..., None])
        alpha[box] |= inside
        part[box][inside] = shape.part
    return Sprite(
        np.clip(colour, 0, 1), alpha, part, (int(corner[0]), int(corner[1])))


def window(origin: tuple[int, int], sprite: tuple[int, ...],
           canvas: tuple[int, ...]) -> tuple | None:
    """Return the slices (on the canvas, on the sprite) where they meet.

    Args:
        origin (tuple[int, int]): (x, y) of the sprite's corner.
        sprite (tuple[int, ...]): Shape of the sprite, height first.
        canvas (tuple[int, ...]): Shape of the canvas, height first.

    Returns:
        tuple | None: Two pairs of slices; None when they do not meet.
    """
    x, y = origin
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + sprite[1], canvas[1]), min(y + sprite[0], canvas[0])
    if x1 <= x0 or y1 <= y0:
        return None
    return np.s_[y0:y1, x0:x1], np.s_[y0 - y:y1 - y, x0 - x:x1 - x]


def paste(canvas: np.ndarray, sprite: Sprite) -> np.ndarray:
    """Put a sprite on the canvas, in place, with soft edges.

    Returns:
        np.ndarray: (H, W) bool of the canvas, what the sprite covers.
    """
    covered = np.zeros(canvas.shape[:2], bool)
    meet = window(sprite.origin, sprite.alpha.shape, canvas.shape)
    if meet is None:
        return covered
    on_canvas, on_sprite = meet
    soft = cv2.GaussianBlur(
        sprite.alpha.astype(np.float32), (0, 0), 0.7)[on_sprite]
    # Outside its outline a sprite has no colour of its own: only inside is
    # it blended.
    soft = np.where(sprite.alpha[on_sprite], np.maximum(soft, 0.5), 0)
    there = canvas[on_canvas]
    there += (sprite.colour[on_sprite] - there) * soft[..., None]
    covered[on_canvas] = sprite.alpha[on_sprite]
    return covered


def drop_shadow(canvas: np.ndarray, sprite: Sprite, light: np.ndarray,
                strength: float) -> None:
    """Darken the canvas, in place, where a sprite's soft shadow falls.

    Args:
        canvas (np.ndarray): (H, W, 3) float32.
        sprite (Sprite): What casts it.
        light (np.ndarray): (3, ) unit vector to the lamp.
        strength (float): Darkest share taken away, in [0, 1].
    """
    height, width = sprite.alpha.shape
    reach = max(height, width)
    pad = reach // 6
    wide = cv2.copyMakeBorder(
        sprite.alpha.astype(np.float32), pad, pad, pad, pad,
        cv2.BORDER_CONSTANT)
    small = cv2.resize(wide, None, fx=0.25, fy=0.25)
    small = cv2.GaussianBlur(small, (0, 0), 1 + reach / 90)
    soft = cv2.resize(small, wide.shape[::-1])
    origin = (int(sprite.origin[0] - pad - light[0] * reach * 0.1),
              int(sprite.origin[1] - pad + reach * 0.06))
    meet = window(origin, soft.shape, canvas.shape)
    if meet is not None:
        canvas[meet[0]] *= 1 - strength * soft[meet[1]][..., None]
