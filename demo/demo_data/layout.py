"""Layout of a picture: number, classes and places of its objects."""
import numpy as np

from demo_data.creatures import CLASSES
from demo_data.shapes import pick

__all__ = ['draw_labels', 'draw_spots']


def draw_spots(rng: np.random.Generator, count: int,
           shape: tuple[int, int]) -> list[tuple[float, float, float]]:
    """Return where objects stand that hide each other only in part.

    Args:
        rng (np.random.Generator): Source of chance.
        count (int): Number of objects, >= 1.
        shape (tuple[int, int]): (H, W) of the canvas.

    Returns:
        list[tuple[float, float, float]]: (x, y, size) each in pixels, the
        farthest first.
    """
    height, width = shape
    short = min(shape)
    spots: list[tuple[float, float, float]] = []
    while len(spots) < count:
        large = (0.6, 0.98) if count == 1 else (0.4, 0.75)
        size = short * pick(rng, *large)
        best = None
        for _ in range(8):
            margin = 0.5 * size * (0.5 if rng.random() < 0.12 else 0.92)
            x = pick(rng, margin, max(width - margin, margin + 1))
            y = pick(rng, margin, max(height - margin, margin + 1))
            y = max(y, min(0.62 * height - 0.2 * size, height - margin))
            near = [
                np.hypot(x - a, y - b) / (0.5 * (size + c))
                for a, b, c in spots
            ]
            room = min(near, default=9.0)
            if best is None or room > best[0]:
                best = (room, x, y)
            if room > 0.75:
                break
        spots.append((best[1], best[2], size))
    return sorted(spots, key=lambda spot: spot[1] + spot[2] / 2)


def draw_labels(rng: np.random.Generator) -> list[int]:
    """Return the classes of 1..3 objects, 0..5, the main one first."""
    count = int(rng.choice([1, 2, 3], p=[0.55, 0.33, 0.12]))
    labels = [int(rng.integers(len(CLASSES)))]
    while len(labels) < count:
        same = rng.random() < 0.35 or len(set(labels)) == 2
        labels.append(
            int(rng.choice(labels)) if same else int(
                rng.integers(len(CLASSES))))
    return labels
