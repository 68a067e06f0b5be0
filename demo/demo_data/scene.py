"""Composition: what is in a picture, where, behind what."""
from dataclasses import dataclass

import cv2
import numpy as np

from demo_data.backdrops import BACKDROPS, HOMES, backdrop
from demo_data.camera import photograph
from demo_data.clutter import fence, thing, tuft
from demo_data.creatures import CLASSES, creature
from demo_data.layout import draw_labels, draw_spots
from demo_data.paint import Sprite, drop_shadow, paste, render, window
from demo_data.shapes import Shape, moved, pick
from demo_data.textures import coat

__all__ = ['Scene', 'Thing', 'make_scene']

ZOOM = 2  # Pictures are painted twice as large and shrunk.
IGNORE = 255
MIN_PIXELS = 40
HOME_SHARE = 0.6  # The rest is anywhere, at home by chance too.


@dataclass
class Thing:
    """An object of a class, as far as the mask shows it.

    Attributes:
        label (int): Index in the mask, 1..6.
        box (tuple[int, int, int, int]): Visible (x0, y0, x1, y1), the last
            two exclusive, in pixels from 0.
        truncated (bool): Whether the picture's border cuts it.
        visible (np.ndarray): (H, W) bool, what is seen of it.
    """

    label: int
    box: tuple[int, int, int, int]
    truncated: bool
    visible: np.ndarray


@dataclass
class Scene:
    """A picture with all that is known of it.

    Attributes:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        mask (np.ndarray): (H, W) uint8, 0 background, 1..6 classes, 255
            borders.
        part (np.ndarray): (H, W) bool, the discriminative parts.
        things (list[Thing]): The objects of the mask, at least one.
        clutter (list[np.ndarray]): (H, W) bool each, distractors seen.
    """

    image: np.ndarray
    mask: np.ndarray
    part: np.ndarray
    things: list[Thing]
    clutter: list[np.ndarray]


@dataclass
class _Stage:
    """The canvas while it is painted, everything ``ZOOM`` times larger."""

    canvas: np.ndarray
    owner: np.ndarray  # (H, W) int8: 0 nothing, k object k, -k distractor k
    part: np.ndarray  # (H, W) bool
    light: np.ndarray
    rng: np.random.Generator

    def put(self, shapes: list[Shape], size: float, at: tuple[float, float],
            shadow: float = 0.35) -> tuple[np.ndarray, Sprite]:
        """Paint shapes of unit size at (x, y); return what they cover."""
        rng = self.rng

        def textures(shape: tuple[int, int]) -> dict:
            # As fine as the picture will be, no finer.
            small = (shape[0] // ZOOM + 1, shape[1] // ZOOM + 1)
            return {
                name: cv2.resize(coat(rng, small, size / ZOOM), shape[::-1])
                for name in ('coat', 'trim')
            }

        placed = moved(shapes, size, 0.0, at)
        sprite = render(placed, textures, self.light, rng)
        drop_shadow(self.canvas, sprite, self.light, shadow)
        covered = paste(self.canvas, sprite)
        self.part[covered] = False
        return covered, sprite


def _dress(stage: _Stage, place: str, front: bool) -> None:
    """Put distractors on the stage: behind or in front of the objects."""
    rng, (height, width) = stage.rng, stage.owner.shape
    count = int(rng.choice(3, p=[0.6, 0.3, 0.1])) if front else int(
        rng.integers(0, 5))
    for _ in range(count):
        kind = rng.random()
        if front and kind < 0.12:
            shapes, size = fence(rng), width * 0.6
            at = (width / 2, height * pick(rng, 0.6, 0.9))
        elif kind < (0.7 if front else 0.15):
            shapes, size = tuft(rng), height * pick(rng, 0.12, 0.35)
            at = (pick(rng, 0, width), height * pick(rng, 0.75, 1.0))
        else:
            shapes = thing(rng)
            size = height * pick(rng, 0.1, 0.22 if front else 0.4)
            low = 0.7 if front else 0.2 if place == 'water' else 0.4
            at = (pick(rng, 0, width), height * pick(rng, low, 1.0))
        covered, _ = stage.put(shapes, size, at, 0.3)
        stage.owner[covered] = min(stage.owner.min(), 0) - 1


def _shrunk(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return an enlarged boolean mask at the size of the picture."""
    small = cv2.resize(
        mask.astype(np.uint8) * 255,
        shape[::-1],
        interpolation=cv2.INTER_AREA)
    return small >= 128


def _annotate(owner: np.ndarray, labels: list[int], cut: list[bool],
              shape: tuple[int, int]) -> tuple[np.ndarray, list[Thing]]:
    """Return the mask with its borders, and the objects that it shows."""
    index = np.zeros(shape, np.uint8)
    for i in range(len(labels)):
        index[_shrunk(owner == i + 1, shape)] = i + 1
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    border = cv2.dilate(index, cross) != cv2.erode(index, cross)
    mask = np.zeros(shape, np.uint8)
    things = []
    for i, label in enumerate(labels):
        visible = index == i + 1
        inner = visible & ~border
        if inner.sum() < MIN_PIXELS:
            mask[visible] = IGNORE
            continue
        mask[inner] = label + 1
        rows, cols = np.nonzero(visible.any(1))[0], np.nonzero(
            visible.any(0))[0]
        box = (int(cols[0]), int(rows[0]), int(cols[-1]) + 1,
               int(rows[-1]) + 1)
        things.append(Thing(label + 1, box, cut[i], visible))
    mask[border] = IGNORE
    return mask, things


def make_scene(rng: np.random.Generator) -> Scene:
    """Return a random picture with its annotation.

    Args:
        rng (np.random.Generator): Source of chance; the same state gives the
            same picture.

    Returns:
        Scene: A picture of 128..160 pixels a side with at least one object.
    """
    while True:
        scene = _try_scene(rng)
        if scene.things:
            return scene


def _try_scene(rng: np.random.Generator) -> Scene:
    shape = (int(rng.integers(128, 161)), int(rng.integers(128, 161)))
    large = (shape[0] * ZOOM, shape[1] * ZOOM)
    labels = draw_labels(rng)
    place = str(rng.choice(HOMES[CLASSES[labels[0]]]))
    if rng.random() > HOME_SHARE:
        place = str(rng.choice(sorted(BACKDROPS)))
    lamp = np.array([pick(rng, -0.7, 0.7), -pick(rng, 0.3, 0.8), 0.9])
    back = backdrop(rng, place, shape)
    stage = _Stage(
        cv2.resize(back, large[::-1], interpolation=cv2.INTER_LINEAR),
        np.zeros(large, np.int8), np.zeros(large, bool),
        lamp / np.linalg.norm(lamp), rng)
    _dress(stage, place, front=False)
    spots = draw_spots(rng, len(labels), large)
    labels = [labels[i] for i in rng.permutation(len(labels))]
    afloat = place in ('water', 'sky')
    cut = []
    pairs = zip(labels, spots, strict=True)
    for i, (label, (x, y, size)) in enumerate(pairs):
        covered, sprite = stage.put(
            creature(rng, CLASSES[label]), size, (x, y),
            0.08 if afloat else 0.4)
        stage.owner[covered] = i + 1
        meet = window(sprite.origin, sprite.part.shape, large)
        if meet is not None:
            stage.part[meet[0]] |= sprite.part[meet[1]]
        cut.append(bool(covered.sum() < 0.98 * sprite.alpha.sum()))
    _dress(stage, place, front=True)
    mask, things = _annotate(stage.owner, labels, cut, shape)
    clutter = [
        seen for k in range(1, 1 - int(stage.owner.min()))
        if (seen := _shrunk(stage.owner == -k, shape)).any()
    ]
    image = cv2.resize(
        stage.canvas, shape[::-1], interpolation=cv2.INTER_AREA)
    return Scene(
        photograph(rng, image), mask, _shrunk(stage.part, shape), things,
        clutter)
