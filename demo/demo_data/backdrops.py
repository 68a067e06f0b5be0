"""Backgrounds: ground, water, walls and skies, and who lives where."""
from collections.abc import Callable

import cv2
import numpy as np

from demo_data.shapes import pick
from demo_data.textures import any_colour, grain, mix, noise

__all__ = ['BACKDROPS', 'HOMES', 'backdrop']

# The places where a class is mostly seen: a confounder, as in VOC.
HOMES = {
    'beetle': ('desert', 'forest'),
    'bird': ('sky', 'forest'),
    'cat': ('indoor', 'street'),
    'fish': ('water', 'water', 'lake'),
    'goat': ('meadow', 'snow'),
    'robot': ('night', 'street'),
}


def _jitter(rng: np.random.Generator, *rgb: float) -> np.ndarray:
    return np.clip(rgb + rng.normal(0, 0.05, 3), 0, 1).astype(np.float32)


def _fade(top: np.ndarray, bottom: np.ndarray,
          shape: tuple[int, int]) -> np.ndarray:
    """Return a picture that fades from the top colour to the bottom one."""
    ramp = np.linspace(0, 1, shape[0], dtype=np.float32)
    return mix(top, bottom, np.repeat(ramp[:, None], shape[1], 1))


def _sky(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    top, low = _jitter(rng, 0.35, 0.58, 0.85), _jitter(rng, 0.8, 0.88, 0.95)
    clouds = noise(rng, shape, (shape[0] / 4, shape[0] / 2), 4)
    cover = np.clip((clouds - pick(rng, 0.4, 0.65)) * 3.5, 0, 0.9)
    return mix(_fade(top, low, shape), np.float32((0.95, 0.95, 0.96)), cover)


def _earth(rng: np.random.Generator, shape: tuple[int, int],
           one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Return ground of two colours, clods finer towards the horizon."""
    clods = noise(rng, shape, (shape[0] / 8, shape[0] / 3), 3)
    image = mix(one, two, np.clip((clods - 0.5) * 2 + 0.5, 0, 1))
    return grain(rng, image, pick(rng, 0.08, 0.25), 3)


def _strokes(rng: np.random.Generator, image: np.ndarray, colours: list,
             count: int, length: float, lean: float) -> None:
    """Draw upright strokes such as grass, in place, the far ones first."""
    height, width = image.shape[:2]
    x = rng.uniform(0, width, count)
    y = np.sort(rng.uniform(0, height * 1.1, count))
    size = length * (0.4 + y / height) * rng.uniform(0.5, 1.2, count)
    tip = x + rng.normal(0, lean, count) * size
    which = rng.integers(len(colours), size=count)
    paint = np.float32(colours)[which] * rng.uniform(0.7, 1.25, (count, 1))
    ends = np.stack([x, y, tip, y - size], 1).astype(int).tolist()
    for (x0, y0, x1, y1), colour in zip(ends, paint.tolist(), strict=True):
        cv2.line(image, (x0, y0), (x1, y1), colour, 1)


def _with_horizon(rng: np.random.Generator, far: np.ndarray,
                  near: np.ndarray, rough: float) -> np.ndarray:
    """Put the near picture below an uneven line on the far one."""
    height, width = far.shape[:2]
    level = height * pick(rng, 0.12, 0.5)
    line = noise(rng, (1, width), (1, width / 3), 3)[0] - 0.5
    line = level + rough * height * line
    below = np.arange(height)[:, None] - line[None]
    return mix(far, near, np.clip(below / 2, 0, 1))


def _meadow(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    greens = [_jitter(rng, 0.3, 0.5, 0.16), _jitter(rng, 0.45, 0.6, 0.22),
              _jitter(rng, 0.55, 0.58, 0.3)]
    ground = _earth(rng, shape, greens[0], greens[1])
    _strokes(rng, ground, greens, 350, shape[0] * 0.07, 0.4)
    far = _sky(rng, shape)
    if rng.random() < 0.6:
        trees = _earth(rng, shape, greens[0] * 0.5, greens[1] * 0.7)
        far = _with_horizon(rng, far, trees, 0.3)
    return _with_horizon(rng, far, ground, 0.12)


def _forest(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    green, bark = _jitter(rng, 0.2, 0.33, 0.15), _jitter(rng, 0.3, 0.22, 0.15)
    far = _earth(rng, shape, green * 0.6, green * 1.5)
    height, width = shape
    for _ in range(rng.integers(2, 6)):
        x, half = pick(rng, 0, width), width * pick(rng, 0.02, 0.07)
        across = (np.arange(width) - x) / half
        inside = np.clip((1 - np.abs(across)) * half / 2, 0, 1)
        shade = np.sqrt(np.clip(1 - across**2, 0.1, 1))[None, :, None]
        trunk = grain(rng, np.ones((*shape, 3)) * bark, 0.5, 5) * shade
        far = mix(far, trunk, np.repeat(inside[None], height, 0))
    soil = _earth(rng, shape, bark, _jitter(rng, 0.45, 0.36, 0.2))
    _strokes(rng, soil, [bark * 1.5, green * 1.6], 160, 8, 1.5)
    return _with_horizon(rng, far, soil, 0.1)


def _desert(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    sand = _jitter(rng, 0.83, 0.7, 0.48)
    image = _earth(rng, shape, sand, sand * 0.86)
    y = np.arange(shape[0], dtype=np.float32)[:, None]
    bend = noise(rng, shape, shape[0] / 2, 2) * pick(rng, 20, 60)
    ripples = np.sin((y + bend) / pick(rng, 2.5, 5))
    image = image * (1 + 0.07 * ripples[..., None])
    if rng.random() < 0.5:
        return image
    return _with_horizon(rng, _sky(rng, shape), image, 0.15)


def _snow(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    white = _jitter(rng, 0.9, 0.92, 0.95)
    ground = _earth(rng, shape, white, white * 0.86) * 0.97
    far = _sky(rng, shape) * 0.9
    pines = _jitter(rng, 0.18, 0.28, 0.24)
    for _ in range(rng.integers(0, 6)):
        x, top = pick(rng, 0, shape[1]), pick(rng, 0, 0.35) * shape[0]
        half = pick(rng, 0.08, 0.16) * shape[1]
        tree = np.int32([(x, top), (x - half, shape[0]),
                         (x + half, shape[0])])
        cv2.fillPoly(far, [tree], (pines * pick(rng, 0.8, 1.4)).tolist())
    return _with_horizon(rng, far, ground, 0.2)


def _water(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Under the surface: light from above, weeds and bubbles."""
    top, low = _jitter(rng, 0.3, 0.65, 0.78), _jitter(rng, 0.04, 0.22, 0.36)
    ridge = 1 - 2 * np.abs(noise(rng, shape, shape[0] / 7, 2) - 0.5)
    glint = np.clip((ridge - 0.8) * pick(rng, 0, 2.2), 0, 0.35)
    image = mix(_fade(top, low, shape), np.float32((0.85, 1, 1)), glint)
    if rng.random() < 0.5:
        sand = _earth(rng, shape, low + 0.25, low + 0.12)
        ramp = np.linspace(-2.5, 1, shape[0])[:, None].clip(0, 1)
        image = mix(image, sand, np.repeat(ramp, shape[1], 1))
    for _ in range(rng.integers(4, 14)):
        centre = (int(rng.integers(shape[1])), int(rng.integers(shape[0])))
        cv2.circle(image, centre, int(rng.integers(1, 5)),
                   (0.8, 0.93, 0.97), 1, cv2.LINE_AA)
    return image


def _lake(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    blue = _jitter(rng, 0.25, 0.45, 0.58)
    waves = noise(rng, shape, (shape[0] / 25, shape[0] / 5), 2)
    image = mix(blue * 0.75, blue * 1.45, np.clip(waves * 2 - 0.5, 0, 1))
    return _with_horizon(rng, _meadow(rng, shape), image, 0.02)


def _street(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A brick wall over a pavement."""
    height, width = shape
    tall, wide = pick(rng, 8, 15), pick(rng, 20, 34)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    row = np.floor(y / tall)
    x = x + (row % 2) * wide / 2
    column = np.floor(x / wide)
    tone = rng.random((64, 64), dtype=np.float32)
    tone = tone[row.astype(int) % 64, column.astype(int) % 64]
    joint = (y % tall < 1.8) | (x % wide < 1.8)
    brick = any_colour(rng, (0.2, 0.55), (0.4, 0.7))
    wall = mix(brick * 0.8, brick * 1.15, tone)
    wall = np.where(joint[..., None], _jitter(rng, 0.7, 0.68, 0.64), wall)
    grey = _jitter(rng, 0.5, 0.5, 0.5)
    floor = _earth(rng, shape, grey, grey * 0.8)
    return _with_horizon(rng, grain(rng, wall, 0.2, 4), floor, 0.0)


def _night(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    top, low = _jitter(rng, 0.05, 0.06, 0.18), _jitter(rng, 0.25, 0.2, 0.36)
    sky = np.clip(_fade(top, low, shape), 0.01, 1)
    for _ in range(rng.integers(20, 60)):
        y, x = rng.integers(shape[0]), rng.integers(shape[1])
        sky[y:y + 2, x:x + 2] = rng.uniform(0.5, 1)
    if rng.random() < 0.5:
        centre = (int(rng.integers(shape[1])), int(shape[0] * 0.15))
        cv2.circle(sky, centre, int(shape[0] * pick(rng, 0.04, 0.1)),
                   (0.95, 0.93, 0.8), -1, cv2.LINE_AA)
    ground = _earth(rng, shape, low * 0.9, low * 0.5)
    return _with_horizon(rng, sky, ground, 0.2)


def _indoor(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A papered wall with a picture on it over a floor of planks."""
    paper = any_colour(rng, (0.1, 0.4), (0.6, 0.92))
    stripe = np.arange(shape[1]) // pick(rng, 6, 24) % 2 * pick(rng, 0, 0.15)
    wall = np.ones((*shape, 3), np.float32) * paper
    wall = grain(rng, wall * (1 - stripe[None, :, None]), 0.08, 30)
    wood = _jitter(rng, 0.55, 0.4, 0.27) * pick(rng, 0.6, 1.3)
    planks = shape[0] / pick(rng, 8, 14)
    y = np.arange(shape[0])[:, None]
    tone = rng.uniform(0.85, 1.1, 64)[(y / planks).astype(int) % 64]
    tone = np.where(y % planks < 1.5, 0.6, tone)
    streak = 0.75 + 0.5 * noise(rng, shape, (2, 50), 2)
    floor = wood * (tone * streak)[..., None]
    if rng.random() < 0.6:
        x, top = pick(rng, 0, 0.8) * shape[1], pick(rng, 0, 0.1) * shape[0]
        one = (int(x), int(top))
        two = (int(x + pick(rng, 0.15, 0.4) * shape[1]),
               int(top + pick(rng, 0.15, 0.35) * shape[0]))
        cv2.rectangle(wall, one, two, any_colour(rng).tolist(), -1)
        cv2.rectangle(wall, one, two, (wood * 0.7).tolist(), 4)
    return _with_horizon(rng, wall, floor.astype(np.float32), 0.0)


BACKDROPS: dict[str, Callable] = {
    'desert': _desert,
    'forest': _forest,
    'indoor': _indoor,
    'lake': _lake,
    'meadow': _meadow,
    'night': _night,
    'sky': _sky,
    'snow': _snow,
    'street': _street,
    'water': _water,
}


def backdrop(rng: np.random.Generator, name: str,
             shape: tuple[int, int]) -> np.ndarray:
    """Return a background.

    Args:
        rng (np.random.Generator): Source of chance.
        name (str): One of ``BACKDROPS``.
        shape (tuple[int, int]): (H, W).

    Returns:
        np.ndarray: (H, W, 3) float32 RGB in [0, 1].
    """
    image = BACKDROPS[name](rng, shape)
    return np.ascontiguousarray(np.clip(image, 0, 1), dtype=np.float32)
