"""Outlines: the polygons that creatures and clutter are built of."""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

__all__ = [
    'Shape', 'bounds', 'ellipse', 'moved', 'pick', 'spline', 'tube', 'turned'
]

Fill = str | tuple[float, float, float]


@dataclass
class Shape:
    """One painted piece of an object, in the coordinates of the object.

    Attributes:
        polys (list[np.ndarray]): Polygons (n, 2) of (x, y), y downwards;
            the piece is their union.
        fill (str | tuple): ``'coat'`` or ``'trim'`` (the two textures of an
            object) or a plain RGB colour in [0, 1].
        part (bool): Whether the piece belongs to the discriminative part.
        gain (float): Brightness factor, > 0; below 1 for far limbs.
        bulge (float): How round it is shaded, 0 (flat) to about 1.
    """

    polys: list[np.ndarray]
    fill: Fill = 'coat'
    part: bool = False
    gain: float = 1.0
    bulge: float = 0.8


def pick(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number drawn evenly from [low, high)."""
    return float(rng.uniform(low, high))


def ellipse(centre: Sequence[float],
            radii: Sequence[float],
            angle: float = 0.0,
            power: float = 2.0) -> np.ndarray:
    """Return a (super)ellipse.

    Args:
        centre (Sequence[float]): (x, y).
        radii (Sequence[float]): (rx, ry) before turning.
        angle (float): Turn in radians.
        power (float): 2 is an ellipse; 5 nearly a box.

    Returns:
        np.ndarray: (32, 2) polygon.
    """
    t = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    cos, sin = np.cos(t), np.sin(t)
    points = np.stack([
        radii[0] * np.sign(cos) * np.abs(cos)**(2 / power),
        radii[1] * np.sign(sin) * np.abs(sin)**(2 / power)
    ], 1)
    return turned(points, angle) + np.asarray(centre, dtype=float)


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    """Return (n, 2) points turned about the origin by radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    return points @ np.array([[cos, sin], [-sin, cos]])


def moved(shapes: list[Shape],
          scale: float,
          angle: float,
          shift: Sequence[float]) -> list[Shape]:
    """Return shapes scaled, turned (radians) and shifted, in this order."""
    polys = [p for s in shapes for p in s.polys]
    points = turned(np.concatenate(polys) * scale, angle) + np.asarray(shift)
    start, placed = 0, []
    for poly in polys:
        placed.append(points[start:start + len(poly)])
        start += len(poly)
    pieces = iter(placed)
    return [
        replace(s, polys=[next(pieces) for _ in s.polys]) for s in shapes
    ]


def bounds(shapes: list[Shape]) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest (x, y) of shapes."""
    points = np.concatenate([p for s in shapes for p in s.polys])
    return points.min(0), points.max(0)


def spline(points: Sequence[Sequence[float]],
           closed: bool = True,
           steps: int = 5) -> np.ndarray:
    """Return a Catmull-Rom curve through points.

    Args:
        points (Sequence[Sequence[float]]): At least 2 rows of any width.
        closed (bool): Whether the last point joins the first.
        steps (int): Samples from one point to the next.

    Returns:
        np.ndarray: (m, width) samples; an open curve ends on its last point.
    """
    p = np.asarray(points, dtype=float)
    if closed:
        p = np.concatenate([p[-1:], p, p[:2]])
    else:
        p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    a, b, c, d = p[:-3, None], p[1:-2, None], p[2:-1, None], p[3:, None]
    t = (np.arange(steps) / steps)[None, :, None]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 +
                   (3 * b - a - 3 * c + d) * t**3)
    curve = curve.reshape(-1, p.shape[1])
    return curve if closed else np.concatenate([curve, p[-2:-1]])


def tube(points: Sequence[Sequence[float]],
         radii: Sequence[float]) -> list[np.ndarray]:
    """Return a smooth limb: a thick curve with round ends.

    Args:
        points (Sequence[Sequence[float]]): Joints (x, y), at least 2.
        radii (Sequence[float]): Half the thickness at each joint, > 0.

    Returns:
        list[np.ndarray]: Convex polygons whose union is the limb.
    """
    joints = np.concatenate([
        np.asarray(points, dtype=float),
        np.asarray(radii, dtype=float)[:, None]
    ], 1)
    curve = spline(joints, closed=False)
    centre, radius = curve[:, :2], np.maximum(curve[:, 2:], 1e-3)
    step = np.gradient(centre, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], 1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    left, right = centre + normal * radius, centre - normal * radius
    polys = [
        np.stack([left[i], left[i + 1], right[i + 1], right[i]])
        for i in range(len(curve) - 1)
    ]
    t = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    disc = np.stack([np.cos(t), np.sin(t)], 1)
    return polys + [c + disc * r for c, r in
                    zip(centre, radius, strict=True)]
