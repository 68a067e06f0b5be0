"""Body plans: large plain bodies with the small head that tells the class.

An object is about one unit long, looks along +x, y points down.
"""
import numpy as np

from demo_data.heads import HEADS
from demo_data.shapes import (
    Shape,
    bounds,
    ellipse,
    moved,
    pick,
    spline,
    tube,
)

__all__ = ['CLASSES', 'creature']

CLASSES = ('beetle', 'bird', 'cat', 'fish', 'goat', 'robot')


def _leg(rng: np.random.Generator, hip: tuple, length: float, swing: float,
         radius: float) -> list[np.ndarray]:
    """Return a leg of two bones from the hip down (swing in radians)."""
    knee = swing + pick(rng, -0.35, 0.35)
    middle = (hip[0] + 0.5 * length * np.sin(swing),
              hip[1] + 0.5 * length * np.cos(swing))
    foot = (middle[0] + 0.5 * length * np.sin(knee),
            middle[1] + 0.5 * length * np.cos(knee))
    toe = (foot[0] + 0.9 * radius, foot[1] + 0.1 * radius)
    return tube([hip, middle, foot, toe],
                (1.35 * radius, radius, 0.8 * radius, 0.7 * radius))


def _quadruped(rng: np.random.Generator, name: str) -> list[Shape]:
    length, fat = pick(rng, 0.36, 0.44), pick(rng, 0.15, 0.21)
    tilt = pick(rng, -0.55, 0.1) if rng.random() < 0.3 else 0.0
    rear = (-length, -0.6 * tilt * length)
    front = (length, 0.6 * tilt * length)
    legs = pick(rng, 0.3, 0.5)
    thick = pick(rng, 0.045, 0.065)
    shapes = []
    for gain, gap in ((0.72, 0.06), (1.0, -0.04)):
        pair = []
        for hip in (rear, front):
            inward = -0.15 if hip is front else 0.15
            start = (hip[0] + inward * length + gap, hip[1] + 0.08)
            pair.append(
                Shape(
                    _leg(rng, start, legs, pick(rng, -0.45, 0.45), thick),
                    gain=gain))
        shapes += pair
    far, near = shapes[:2], shapes[2:]
    up = pick(rng, -0.3, 0.9)
    if name == 'cat':
        tip = [(rear[0] - 0.3, rear[1] + 0.1 - 0.3 * up),
               (rear[0] - 0.42, rear[1] - 0.1 - 0.5 * up)]
    else:
        tip = [(rear[0] - 0.14, rear[1] - 0.12 * up),
               (rear[0] - 0.2, rear[1] - 0.1 - 0.2 * up)]
    tail = tube([(rear[0], rear[1] - 0.05), *tip], (0.06, 0.045, 0.03))
    belly = ((rear[0] + front[0]) / 2,
             (rear[1] + front[1]) / 2 + pick(rng, -0.02, 0.05))
    torso = tube([rear, belly, front], (fat, fat * pick(rng, 0.85, 1.1), fat))
    lift = pick(rng, -0.9, 0.25)
    neck = (front[0] + 0.3 * np.cos(lift), front[1] - 0.05 +
            0.32 * np.sin(lift))
    throat = tube([front, neck], (fat * 0.75, fat * 0.55))
    nod = pick(rng, -0.25, 0.25)
    size = pick(rng, 0.14, 0.17) * (1.08 if name == 'cat' else 0.94)
    head = moved(HEADS[name](rng), size, nod, neck)
    return far + [Shape(tail), Shape(torso)] + near + [Shape(throat)] + head


def _bird(rng: np.random.Generator) -> list[Shape]:
    tilt, fat = pick(rng, -0.6, 0.05), pick(rng, 0.2, 0.26)
    axis = np.array([np.cos(tilt), np.sin(tilt)])
    side = np.array([-axis[1], axis[0]])
    shapes = []
    for gain, x in ((0.72, 0.06), (1.0, -0.03)):
        leg = _leg(rng, (x, 0.1), pick(rng, 0.35, 0.5),
                   pick(rng, -0.4, 0.4), 0.026)
        shapes.append(Shape(leg, 'trim', gain=gain))
    spread = pick(rng, 0.05, 0.16)
    for offset in (-1, 0, 1):
        end = -axis * pick(rng, 0.62, 0.75) + side * offset * spread
        line = [-axis * 0.25, (-axis * 0.3 + end) / 2, end]
        shapes.append(
            Shape(tube(line, (0.06, 0.07, 0.05)), 'trim',
                  gain=0.9 + 0.05 * offset))
    torso = tube([-axis * 0.25, axis * 0.0, axis * 0.22],
                 (fat * 0.6, fat, fat * 0.85))
    shapes.append(Shape(torso))
    lifted = rng.random() < 0.4
    root = axis * 0.12 - side * 0.02
    if lifted:
        top = root - side * pick(rng, 0.45, 0.6) - axis * pick(rng, 0, 0.4)
        wing = spline([root + axis * 0.08, top, top - axis * 0.14,
                       (root + top) / 2 - axis * 0.28, root - axis * 0.25])
    else:
        wing = spline([root + axis * 0.06, root - axis * 0.2 - side * 0.12,
                       root - axis * pick(rng, 0.45, 0.6) + side * 0.06,
                       root - axis * 0.15 + side * 0.13])
    shapes.append(Shape([wing], gain=0.85, bulge=0.5))
    neck = axis * 0.26 + np.array([pick(rng, 0, 0.15), -pick(rng, 0.1, 0.25)])
    shapes.append(Shape(tube([axis * 0.2, neck], (fat * 0.75, fat * 0.5))))
    head = moved(HEADS['bird'](rng), pick(rng, 0.12, 0.145),
                 pick(rng, -0.3, 0.3), neck)
    return shapes + head


def _fish(rng: np.random.Generator) -> list[Shape]:
    fat, bend = pick(rng, 0.17, 0.25), pick(rng, -0.16, 0.16)
    tail = np.array([-0.45, bend])
    fork = pick(rng, 0.16, 0.26)
    fin = spline([tail + (0.05, 0), tail + (-0.22, -fork),
                  tail + (-0.1, 0.0), tail + (-0.22, fork)])
    top = spline([(0.18, -fat * 0.8), (-0.02, -fat - pick(rng, 0.08, 0.2)),
                  (-0.3, -fat * 0.7), (-0.2, -fat * 0.3)])
    low = spline([(0.05, fat * 0.8), (-0.12, fat + pick(rng, 0.05, 0.16)),
                  (-0.2, fat * 0.6)])
    torso = tube([tail, (-0.2, bend * 0.4), (0.1, 0), (0.36, 0),
                  (0.5, 0.01)],
                 (0.05, fat * 0.72, fat, fat * 0.68, fat * 0.35))
    swing = pick(rng, -0.2, 0.9)
    paddle = spline([(0.12, 0.05),
                     (-0.02 - 0.2 * np.cos(swing), 0.1 + 0.2 * np.sin(swing)),
                     (-0.1, 0.02)])
    shapes = [
        Shape([fin], 'trim', bulge=0.3),
        Shape([top], 'trim', bulge=0.3),
        Shape([low], 'trim', gain=0.85, bulge=0.3),
        Shape(torso),
    ]
    head = moved(HEADS['fish'](rng), fat * pick(rng, 0.62, 0.7), 0,
                 (0.4, 0.0))
    return shapes + head + [Shape([paddle], 'trim', bulge=0.4)]


def _beetle(rng: np.random.Generator) -> list[Shape]:
    fat, length = pick(rng, 0.22, 0.3), pick(rng, 0.36, 0.44)
    shapes = []
    for side in (-1, 1):
        for x, angle in ((0.28, 0.6), (0.05, 0.0), (-0.15, -0.6)):
            angle += pick(rng, -0.3, 0.3)
            reach = pick(rng, 0.2, 0.28)
            knee = (x + reach * np.sin(angle),
                    side * (fat * 0.7 + reach * np.cos(angle)))
            bent = angle - pick(rng, 0.1, 0.9)
            foot = (knee[0] + 0.2 * np.sin(bent),
                    knee[1] + side * 0.2 * np.cos(bent))
            leg = tube([(x, side * fat * 0.5), knee, foot],
                       (0.05, 0.036, 0.022))
            shapes.append(Shape(leg, 'trim', gain=0.9))
    shapes.append(Shape([ellipse((-0.1, 0), (length, fat))]))
    seam = tube([(-0.1 - length * 0.95, 0), (0.16, 0)], (0.008, 0.01))
    shapes.append(Shape(seam, 'coat', gain=0.45, bulge=0))
    shapes.append(
        Shape([ellipse((0.3, 0), (0.14, fat * 0.75), power=2.5)], 'trim'))
    head = moved(HEADS['beetle'](rng), pick(rng, 0.135, 0.165), 0,
                 (0.46, pick(rng, -0.03, 0.03)))
    return shapes + head


def _robot(rng: np.random.Generator) -> list[Shape]:
    wide, tall = pick(rng, 0.17, 0.23), pick(rng, 0.22, 0.28)
    thick = pick(rng, 0.05, 0.07)
    shapes = []
    for side in (-1, 1):
        swing = side * pick(rng, 0.0, 0.5)
        leg = _leg(rng, (side * wide * 0.55, tall * 0.8),
                   pick(rng, 0.32, 0.46), swing, thick)
        shapes.append(Shape(leg, gain=0.85))
    for side in (-1, 1):
        out = pick(rng, 0.1, 2.4)
        fore = out + pick(rng, -0.9, 0.9)
        start = (side * wide * 0.9, -tall * 0.7)
        elbow = (start[0] + side * 0.2 * np.sin(out),
                 start[1] + 0.2 * np.cos(out))
        hand = (elbow[0] + side * 0.2 * np.sin(fore),
                elbow[1] + 0.2 * np.cos(fore))
        arm = tube([start, elbow, hand],
                   (thick, thick * 0.85, thick * 0.9))
        shapes.append(Shape(arm, 'trim'))
    torso = ellipse((0, 0), (wide, tall), power=pick(rng, 2.4, 4))
    neck = (pick(rng, -0.03, 0.03), -tall - pick(rng, 0.1, 0.15))
    shapes.append(Shape(tube([(0, -tall * 0.8), neck], (0.07, 0.06))))
    shapes.append(Shape([torso], bulge=0.7))
    head = moved(HEADS['robot'](rng), pick(rng, 0.105, 0.13),
                 pick(rng, -0.2, 0.2), neck)
    return shapes + head


def creature(rng: np.random.Generator, name: str) -> list[Shape]:
    """Return an object of a class in a random pose.

    Args:
        rng (np.random.Generator): Source of chance.
        name (str): One of ``CLASSES``.

    Returns:
        list[Shape]: Its pieces, lowest first, the centre of their box at the
        origin, the longer side of it 1.
    """
    plans = {
        'beetle': _beetle, 'bird': _bird, 'fish': _fish, 'robot': _robot
    }
    if name in plans:
        shapes = plans[name](rng)
    else:
        shapes = _quadruped(rng, name)
    turn = {'beetle': 1.5, 'fish': 0.45}.get(name, 0.3)
    if name == 'robot' and rng.random() < 0.12:
        turn = 1.6
    shapes = moved(shapes, 1.0, pick(rng, -turn, turn), (0, 0))
    flip = np.array([rng.choice([-1.0, 1.0]), pick(rng, 0.85, 1.1)])
    for shape in shapes:
        shape.polys = [p * flip for p in shape.polys]
    low, high = bounds(shapes)
    size = float((high - low).max())
    return moved(shapes, 1 / size, 0.0, -(low + high) / 2 / size)
