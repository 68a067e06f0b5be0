"""The soft CAM of an image: what refiners and label rules work on."""
from typing import NamedTuple

import numpy as np

__all__ = ['SoftCAM']


class SoftCAM(NamedTuple):
    """Normalised CAMs of one image, and what refiners may look at.

    Attributes:
        img_id (str): Its id.
        cam (np.ndarray): CAMs of the present classes, (k, H, W) float32 in
            [0, 1].
        classes (np.ndarray): Class index of each, (k,), ascending, from 1.
        scores (np.ndarray, optional): Probability of each foreground class,
            (K,); None of seeds that were imported.
        image (np.ndarray, optional): (H, W, 3) uint8 RGB.
        background (np.ndarray, optional): Score of the background, (H, W)
            float32, to be compared with those of the classes. Refiners that
            weigh it against them set it; None: the threshold of a label rule
            decides.
        attention (np.ndarray, optional): Attention of the last blocks of a
            transformer over its patch tokens, averaged over heads and
            blocks, (n, n) float32; row i says what token i looks at.
        grid (tuple[int, int], optional): (h, w) of the patch tokens,
            h * w = n, row by row.
    """
    img_id: str
    cam: np.ndarray
    classes: np.ndarray
    scores: np.ndarray | None
    image: np.ndarray | None = None
    background: np.ndarray | None = None
    attention: np.ndarray | None = None
    grid: tuple[int, int] | None = None
