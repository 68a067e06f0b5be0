"""The small parts that tell the class: heads, in their own coordinates.

A head has about the radius 1, sits at the origin, looks along +x; y points
down.
"""
import numpy as np

from demo_data.shapes import Shape, ellipse, pick, spline, tube

__all__ = ['HEADS']

DARK = (0.08, 0.07, 0.08)
WHITE = (0.96, 0.95, 0.9)


def _part(polys: list[np.ndarray], fill: str | tuple,
          bulge: float = 0.8) -> Shape:
    return Shape(polys, fill, part=True, bulge=bulge)


def _near(rng: np.random.Generator, *rgb: float) -> tuple:
    """Return a colour near the given one."""
    return tuple(np.clip(rgb + rng.normal(0, 0.06, 3), 0, 1))


def _eye(x: float, y: float, r: float, iris: tuple) -> list[Shape]:
    return [
        _part([ellipse((x, y), (r, r))], iris, 0.3),
        _part([ellipse((x + 0.15 * r, y), (0.5 * r, 0.62 * r))], DARK, 0),
    ]


def _cat(rng: np.random.Generator) -> list[Shape]:
    pink, iris = _near(rng, 0.98, 0.4, 0.62), _near(rng, 0.7, 0.95, 0.1)
    collar = tube([(-0.75, 0.8), (0, 1.1), (0.75, 0.8)], (0.2, 0.24, 0.2))
    shapes = [_part(collar, pink, 0.6)]
    for side in (-1, 1):
        tip = (side * pick(rng, 0.75, 0.95), -pick(rng, 1.35, 1.6))
        outer = np.array([(side * 1.05, -0.2), tip, (side * 0.05, -0.75)])
        shapes.append(_part([outer], 'coat', 0.4))
        centre = outer.mean(0)
        shapes.append(_part([centre + (outer - centre) * 0.68], pink, 0.2))
    shapes.append(_part([ellipse((0, 0), (1.08, 0.95))], 'coat'))
    shapes.append(_part([ellipse((0.05, 0.45), (0.66, 0.46))], WHITE, 0.5))
    for side in (-1, 1):
        shapes += _eye(side * 0.45, -0.15, 0.34, iris)
        for drop in (0.3, 0.5):
            line = [(side * 0.4, drop), (side * 1.45, drop * 1.5 - 0.25)]
            shapes.append(_part(tube(line, (0.05, 0.03)), WHITE, 0))
    nose = np.array([(-0.22, 0.2), (0.3, 0.2), (0.04, 0.5)])
    return shapes + [_part([nose], pink, 0.2)]


def _ring(line: list[tuple], at: float) -> Shape:
    """Return a dark ring round a horn, ``at`` joints from its root."""
    k = int(at)
    one, two = np.array(line[k]), np.array(line[k + 1])
    centre, step = one + (two - one) * (at - k), two - one
    across = np.array([-step[1], step[0]]) / np.linalg.norm(step)
    half = across * (0.27 - 0.05 * at)
    return _part(
        tube([centre - half, centre + half], (0.06, 0.06)), (0.4, 0.27, 0.15),
        0.3)


def _goat(rng: np.random.Generator) -> list[Shape]:
    horn, curl = _near(rng, 0.97, 0.9, 0.68), pick(rng, 0.7, 1.2)
    shapes = []
    for back, gain in ((0.25, 0.8), (-0.1, 1.0)):
        line = [(back, -0.4), (back - 0.3, -1.3), (back - 1.0 * curl, -1.8),
                (back - 1.6 * curl, -1.4)]
        shapes.append(_part(tube(line, (0.27, 0.25, 0.18, 0.07)), horn))
        shapes[-1].gain = gain
        for at in (0.8, 1.3, 1.8, 2.3):
            shapes.append(_ring(line, at))
    beard = [(0.9, 0.75), (0.85, 1.2), (0.7, 1.65)]
    shapes.append(_part(tube(beard, (0.24, 0.16, 0.04)), WHITE, 0.4))
    skull = [(-0.25, -0.1), (0.5, 0.15), (1.25, 0.55)]
    shapes.append(_part(tube(skull, (0.66, 0.55, 0.36)), 'coat'))
    shapes.append(
        _part([ellipse((0.95, 0.4), (0.7, 0.38), 0.4)], WHITE, 0.6))
    shapes.append(_part([ellipse((1.5, 0.5), (0.16, 0.14))], DARK, 0))
    ear = [(-0.4, -0.1), (-0.85, 0.15), (-1.15, 0.5)]
    brown = _near(rng, 0.8, 0.4, 0.25)
    shapes.append(_part(tube(ear, (0.18, 0.28, 0.1)), brown))
    return shapes + _eye(0.35, -0.1, 0.24, _near(rng, 0.98, 0.75, 0.1))


def _bird(rng: np.random.Generator) -> list[Shape]:
    beak = _near(rng, 1.0, 0.55, 0.05)
    crest = _near(rng, *rng.choice([(0.9, 0.12, 0.12), (0.95, 0.4, 0.1)]))
    shapes = []
    for i in range(3):
        angle = -1.4 - 0.45 * i + pick(rng, -0.1, 0.1)
        tip = (1.6 * np.cos(angle), 1.6 * np.sin(angle))
        line = [(0.4 * tip[0], 0.4 * tip[1]), tip]
        shapes.append(_part(tube(line, (0.2, 0.14)), crest, 0.5))
    shapes.append(_part([ellipse((0, 0), (0.95, 0.9))], 'coat'))
    length, gape = pick(rng, 1.7, 2.3), pick(rng, 0.05, 0.3)
    upper = spline([(0.55, -0.4), (1.2, -0.3), (length, 0.15), (0.6, 0.12)])
    lower = spline([(0.55, 0.1), (length - 0.3, 0.15 + gape), (0.6, 0.42)])
    shapes.append(_part([lower], tuple(np.multiply(beak, 0.75)), 0.6))
    shapes.append(_part([upper], beak, 0.8))
    shapes.append(_part([ellipse((0.28, -0.22), (0.4, 0.4))], WHITE, 0.2))
    return shapes + _eye(0.32, -0.22, 0.25, DARK)


def _fish(rng: np.random.Generator) -> list[Shape]:
    lips, band = _near(rng, 0.98, 0.5, 0.4), _near(rng, 0.98, 0.96, 0.9)
    arc = [(-0.55, -0.85), (-0.95, -0.05), (-0.6, 0.85)]
    face = spline([(-0.45, -0.92), (0.35, -0.66), (0.95, -0.12),
                   (0.95, 0.2), (0.3, 0.72), (-0.45, 0.92), (-0.8, 0)])
    shapes = [
        _part([face], 'trim', 0.5),
        _part(tube(arc, (0.3, 0.4, 0.3)), DARK, 0.3),
        _part(tube(arc, (0.12, 0.22, 0.12)), band, 0.5),
        _part(tube([(0.7, 0.0), (1.15, -0.08)], (0.14, 0.17)), lips),
        _part(tube([(0.65, 0.28), (1.08, 0.26)], (0.13, 0.15)), lips),
    ]
    return shapes + [
        _part([ellipse((0.1, -0.28), (0.52, 0.52))], WHITE, 0.4),
        _part([ellipse((0.18, -0.28), (0.28, 0.3))], DARK, 0.2),
        _part([ellipse((0.25, -0.38), (0.09, 0.09))], WHITE, 0),
    ]


def _beetle(rng: np.random.Generator) -> list[Shape]:
    shell = _near(rng, 0.16, 0.13, 0.14)
    jaw = _near(rng, 0.88, 0.1, 0.15)
    knob = _near(rng, 0.98, 0.85, 0.1)
    shapes = []
    for side in (-1, 1):
        sweep = pick(rng, 0.8, 1.5)
        line = [(0.4, side * 0.5), (1.1, side * (0.5 + 0.5 * sweep)),
                (1.7, side * (0.4 + sweep))]
        shapes.append(_part(tube(line, (0.1, 0.08, 0.08)), shell, 0.5))
        shapes.append(_part([ellipse(line[-1], (0.24, 0.24))], knob))
        claw = [(0.55, side * 0.4), (1.3, side * 0.75), (1.75, side * 0.2)]
        shapes.append(_part(tube(claw, (0.27, 0.22, 0.06)), jaw))
    shapes.append(_part([ellipse((0.05, 0), (0.85, 0.95))], shell))
    for side in (-1, 1):
        eye = ellipse((0.4, side * 0.55), (0.25, 0.22))
        shapes.append(_part([eye], knob, 0.9))
    return shapes


def _robot(rng: np.random.Generator) -> list[Shape]:
    metal = _near(rng, 0.78, 0.8, 0.83)
    glow = _near(rng, *rng.choice([(0.3, 0.95, 0.95), (0.5, 0.98, 0.35)]))
    lamp = (0.92, 0.15, 0.12)
    tip = (pick(rng, -0.3, 0.3), -1.75)
    shapes = [
        _part(tube([(0, -0.7), tip], (0.1, 0.08)), metal, 0.5),
        _part([ellipse(tip, (0.26, 0.26))], lamp),
    ]
    for side in (-1, 1):
        bolt = ellipse((side * 1.1, 0), (0.28, 0.36), power=4)
        shapes.append(_part([bolt], (0.45, 0.46, 0.5)))
    shapes.append(
        _part([ellipse((0, 0), (1.05, 0.88), power=5)], metal, 0.35))
    visor = ellipse((0.05, -0.15), (0.82, 0.4), power=4)
    shapes.append(_part([visor], DARK, 0.1))
    for side in (-1, 1):
        eye = ellipse((0.05 + side * 0.4, -0.15), (0.24, 0.24))
        shapes.append(_part([eye], glow, 0))
    grill = ellipse((0.05, 0.5), (0.5, 0.13), power=5)
    return shapes + [_part([grill], (0.25, 0.25, 0.28), 0)]


HEADS = {
    'beetle': _beetle,
    'bird': _bird,
    'cat': _cat,
    'fish': _fish,
    'goat': _goat,
    'robot': _robot,
}
