"""Masks of blobs and single pixels, as items of an export."""
import json

import cv2
import numpy as np

from hsc_converters.exchange.records import Item, MaskClasses

NAMES = MaskClasses(('background', 'cat', 'dog, "old" & <big>', 'ignored'))


def noisy(seed: int, shape=(13, 17), classes=3) -> np.ndarray:
    """Draw a mask of blobs and single pixels, with ignored ones."""
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, classes + 1, shape).astype(np.uint8)
    big = rng.integers(0, classes + 1, (4, 4)).astype(np.uint8)
    big = cv2.resize(big, shape[::-1], interpolation=cv2.INTER_NEAREST)
    mask = np.where(rng.random(shape) < 0.7, big, mask)
    mask[rng.random(shape) < 0.1] = 255
    return mask


def items(count=4) -> list[Item]:
    shapes = [(13, 17), (1, 9), (20, 6), (8, 8)]
    found = [Item(f'sub/ä {n}', f'images/sub/ä {n}.jpg',
                  noisy(n, shapes[n % 4])) for n in range(count - 1)]
    return [*found, Item('nothing', 'images/nothing.png',
                         np.zeros((7, 5), np.uint8))]


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
