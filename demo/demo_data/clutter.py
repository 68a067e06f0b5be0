"""Things of no class: stones, plants, boxes, fences, behind and in front.

Their boxes are about one unit, centred at the origin; y points down.
"""
import numpy as np

from demo_data.shapes import Shape, ellipse, moved, pick, spline, tube

__all__ = ['fence', 'thing', 'tuft']


def _green(rng: np.random.Generator) -> tuple:
    return tuple(np.clip((0.3, 0.5, 0.18) + rng.normal(0, 0.08, 3), 0, 1))


def _stone(rng: np.random.Generator) -> list[Shape]:
    angles = np.sort(rng.uniform(0, 2 * np.pi, 8))
    radii = rng.uniform(0.32, 0.5, 8)
    points = np.stack([np.cos(angles), 0.75 * np.sin(angles)], 1)
    return [Shape([spline(points * radii[:, None])], bulge=0.6)]


def _bush(rng: np.random.Generator) -> list[Shape]:
    green, shapes = _green(rng), []
    for i in range(9):
        angle, far = pick(rng, 0, 6.28), pick(rng, 0.05, 0.3)
        centre = (far * np.cos(angle) * 1.2, far * np.sin(angle))
        size = (pick(rng, 0.12, 0.22), pick(rng, 0.1, 0.16))
        leaf = ellipse(centre, size, pick(rng, 0, 3))
        shapes.append(Shape([leaf], green, gain=0.75 + 0.05 * i, bulge=0.5))
    return shapes


def _box(rng: np.random.Generator) -> list[Shape]:
    wide, tall = pick(rng, 0.3, 0.5), pick(rng, 0.2, 0.4)
    front = np.array([(-wide, -tall), (wide, -tall), (wide, tall),
                      (-wide, tall)])
    lean = np.array([pick(rng, -0.15, 0.15), -pick(rng, 0.08, 0.2)])
    lid = np.array([front[0], front[1], front[1] + lean, front[0] + lean])
    bar = pick(rng, 0.02, 0.05)
    shapes = [Shape([lid], gain=1.2, bulge=0), Shape([front], bulge=0.05)]
    for height in (-0.5, 0.5):
        plank = tube([(-wide, height * tall), (wide, height * tall)],
                     (bar, bar))
        shapes.append(Shape(plank, 'trim', bulge=0.4))
    return shapes


def _ball(rng: np.random.Generator) -> list[Shape]:
    band = ellipse((0, 0), (0.4, pick(rng, 0.08, 0.2)), pick(rng, 0, 3))
    return [Shape([ellipse((0, 0), (0.4, 0.4))]), Shape([band], 'trim')]


def _log(rng: np.random.Generator) -> list[Shape]:
    radius, tilt = pick(rng, 0.09, 0.17), pick(rng, -0.2, 0.2)
    end = ellipse((0.45, tilt), (radius * 0.6, radius))
    twig = [(0.0, 0.0), (pick(rng, -0.2, 0.2), -0.3)]
    return [
        Shape(tube(twig, (0.06, 0.03))),
        Shape(tube([(-0.45, -tilt), (0.45, tilt)], (radius, radius))),
        Shape([end], 'trim', gain=1.2, bulge=0.2),
    ]


def _jar(rng: np.random.Generator) -> list[Shape]:
    wide = pick(rng, 0.16, 0.28)
    body = ellipse((0, 0.1), (wide, 0.38), power=pick(rng, 2, 4))
    rim = ellipse((0, -0.38), (wide * 0.6, 0.07), power=3)
    neck = tube([(0, -0.1), (0, -0.38)], (wide * 0.5, wide * 0.45))
    label = ellipse((0, 0.12), (wide * 0.7, 0.13), power=5)
    return [
        Shape(neck),
        Shape([body]),
        Shape([label], 'trim', bulge=0.1),
        Shape([rim], 'trim')
    ]


def _flower(rng: np.random.Generator) -> list[Shape]:
    top = (pick(rng, -0.15, 0.15), -0.28)
    petal = tuple(rng.uniform(0.4, 1, 3))
    shapes = [
        Shape(tube([(0, 0.5), (0.03, 0.1), top], (0.03, 0.025, 0.025)),
              _green(rng))
    ]
    for angle in np.arange(6) * np.pi / 3 + pick(rng, 0, 1):
        centre = (top[0] + 0.13 * np.cos(angle),
                  top[1] + 0.13 * np.sin(angle))
        shapes.append(Shape([ellipse(centre, (0.12, 0.07), angle)], petal))
    heart = ellipse(top, (0.08, 0.08))
    return shapes + [Shape([heart], (0.9, 0.75, 0.2))]


def thing(rng: np.random.Generator) -> list[Shape]:
    """Return a solid distractor of a random kind, about one unit large."""
    kinds = (_stone, _stone, _bush, _bush, _box, _ball, _log, _jar, _flower)
    kind = kinds[rng.integers(len(kinds))]
    return moved(kind(rng), 1.0, pick(rng, -0.2, 0.2), (0, 0))


def tuft(rng: np.random.Generator) -> list[Shape]:
    """Return blades of grass or weed, about one unit wide."""
    green, shapes = _green(rng), []
    for x in np.linspace(-0.45, 0.45, rng.integers(5, 10)):
        lean, tall = pick(rng, -0.25, 0.25), pick(rng, 0.5, 1.0)
        line = [(x, 0.5), (x + 0.3 * lean, 0.5 - tall / 2),
                (x + lean, 0.5 - tall)]
        blade = tube(line, (0.04, 0.035, 0.01))
        shapes.append(Shape(blade, green, gain=pick(rng, 0.7, 1.2)))
    return shapes


def fence(rng: np.random.Generator) -> list[Shape]:
    """Return two rails with posts, about two units wide."""
    tone = 'coat' if rng.random() < 0.5 else (0.85, 0.84, 0.8)
    bar, shapes = pick(rng, 0.012, 0.022), []
    for y in (-0.15, pick(rng, 0.1, 0.2)):
        shapes.append(Shape(tube([(-1, y), (1, y)], (bar, bar)), tone))
    for x in np.arange(-0.9, 1, pick(rng, 0.25, 0.4)):
        post = tube([(x, 0.4), (x, -0.3)], (bar * 1.3, bar * 1.3))
        shapes.append(Shape(post, tone))
    return shapes
