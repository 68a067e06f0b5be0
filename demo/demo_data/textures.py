"""Procedural textures: noise and the coats of objects."""
import colorsys

import cv2
import numpy as np

__all__ = ['any_colour', 'coat', 'grain', 'mix', 'noise']


def noise(rng: np.random.Generator,
          shape: tuple[int, int],
          cell: float | tuple[float, float],
          octaves: int = 3) -> np.ndarray:
    """Return smooth noise.

    Args:
        rng (np.random.Generator): Source of chance.
        shape (tuple[int, int]): (H, W).
        cell (float | tuple[float, float]): Pixels from bump to bump, or one
            number each for (y, x).
        octaves (int): Layers, each twice as fine and half as strong.

    Returns:
        np.ndarray: (H, W) float32 in [0, 1], 0.5 on average.
    """
    height, width = shape
    cell_y, cell_x = (cell, cell) if np.isscalar(cell) else cell
    total, weight = np.zeros(shape, np.float32), 0.0
    for octave in range(octaves):
        strength = 0.5**octave
        rows = int(height / max(cell_y * strength, 1)) + 3
        cols = int(width / max(cell_x * strength, 1)) + 3
        grid = rng.random((rows, cols), dtype=np.float32)
        total += strength * cv2.resize(
            grid, (width, height), interpolation=cv2.INTER_CUBIC)
        weight += strength
    return np.clip((total / weight - 0.5) * 1.3 + 0.5, 0, 1)


def mix(low: np.ndarray, high: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Blend two colours or pictures.

    Args:
        low (np.ndarray): (3, ) or (H, W, 3), where ``amount`` is 0.
        high (np.ndarray): (3, ) or (H, W, 3), where ``amount`` is 1.
        amount (np.ndarray): (H, W) in [0, 1].

    Returns:
        np.ndarray: (H, W, 3) float32.
    """
    low, high = np.float32(low), np.float32(high)
    return low + (high - low) * np.float32(amount)[..., None]


def any_colour(rng: np.random.Generator,
               saturation: tuple[float, float] = (0.05, 0.4),
               value: tuple[float, float] = (0.38, 0.88)) -> np.ndarray:
    """Return an RGB colour (3, ) in [0, 1] of any hue, earthy ones oftener."""
    hue = rng.normal(0.08, 0.04) % 1 if rng.random() < 0.5 else rng.random()
    return np.float32(
        colorsys.hsv_to_rgb(hue, rng.uniform(*saturation),
                            rng.uniform(*value)))


def grain(rng: np.random.Generator, image: np.ndarray, amount: float,
          cell: float) -> np.ndarray:
    """Return an (H, W, 3) picture with its brightness made uneven.

    Args:
        rng (np.random.Generator): Source of chance.
        image (np.ndarray): (H, W, 3) or a colour (1, 1, 3).
        amount (float): Largest change of brightness, as a factor.
        cell (float): Size of the bumps in pixels.
    """
    bumps = noise(rng, image.shape[:2], cell, 2)
    return image * (1 + amount * (2 * bumps - 1))[..., None]


def _pattern(rng: np.random.Generator, shape: tuple[int, int],
             unit: float) -> np.ndarray:
    """Return where the second colour of a coat shows: (H, W) in [0, 1]."""
    kind = rng.integers(6)
    if kind == 0:
        return 0.35 * noise(rng, shape, 0.4 * unit)
    if kind == 1:
        spots = noise(rng, shape, rng.uniform(0.08, 0.16) * unit, 1)
        return np.clip((spots - 0.62) * 9, 0, 1)
    if kind == 2:
        patches = noise(rng, shape, rng.uniform(0.25, 0.45) * unit, 2)
        return np.clip((patches - 0.5) * 12, 0, 1)
    if kind == 3:
        return np.clip((noise(rng, shape, 0.05 * unit, 1) - 0.3) * 1.6, 0, 1)
    y, x = np.mgrid[:shape[0], :shape[1]].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    if kind == 4:
        bend = (noise(rng, shape, 0.4 * unit, 2) - 0.5) * 0.35 * unit
        wave = np.sin((along + bend) / (rng.uniform(0.02, 0.045) * unit))
        return np.clip(wave * 2.5 + 0.1, 0, 1)
    return (along - along.min()) / (np.ptp(along) + 1e-3)


def coat(rng: np.random.Generator, shape: tuple[int, int],
         unit: float) -> np.ndarray:
    """Return the skin, fur or paint of an object; no class has its own.

    Args:
        rng (np.random.Generator): Source of chance.
        shape (tuple[int, int]): (H, W).
        unit (float): Pixels to the length of the object.

    Returns:
        np.ndarray: (H, W, 3) float32 RGB in [0, 1].
    """
    base = any_colour(rng)
    second = np.clip(base * rng.uniform(0.6, 0.85), 0, 1)
    if rng.random() < 0.5:
        second = base + (any_colour(rng) - base) * rng.uniform(0.2, 0.6)
    image = mix(base, second, _pattern(rng, shape, unit))
    image = grain(rng, image, rng.uniform(0.05, 0.15), 0.3 * unit)
    streaks = (0.02 * unit, 0.1 * unit)[::rng.choice([-1, 1])]
    fine = noise(rng, shape, streaks, 1) - 0.5
    return np.clip(image * (1 + rng.uniform(0.05, 0.2) * fine[..., None]), 0,
                   1)
