"""Soft CAM of an image, and the hard labels that are made of CAMs."""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hsc_mm.utils.numbers import check_number

__all__ = [
    'IGNORED', 'SoftCAM', 'agree', 'band_label', 'best_label', 'check_range',
    'threshold_pair'
]

IGNORED = 255


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


def check_range(expected: str, cam: np.ndarray) -> None:
    """Refuse NaN, and maps that are not normalised.

    Args:
        expected (str): How the message begins, as ``'x: expected cam'``.
        cam (np.ndarray): Maps, in [0, 1] but for 0.001: half precision and
            interpolation may go a little too far.

    Raises:
        ValueError: They are out of range.
    """
    if cam.size and not (cam.min() >= -1e-3 and cam.max() <= 1 + 1e-3):
        raise ValueError(f'{expected} in [0, 1], found {cam.min()} to '
                         f'{cam.max()}; normalise each map by its maximum '
                         'first.')


def band_label(cam: np.ndarray, classes: np.ndarray, low: float,
               high: float) -> np.ndarray:
    """Leave open what lies between two thresholds.

    A pixel whose highest CAM is above ``high`` has the class of that CAM; one
    whose highest CAM is ``low`` or less is background; any other is ignored.
    Where several CAMs are highest, the first one wins.

    Args:
        cam (np.ndarray): Normalised CAMs, (k, H, W) in [0, 1].
        classes (np.ndarray): Index of each, (k,).
        low (float): Threshold of the background.
        high (float): Threshold of the foreground, not below ``low``.

    Returns:
        np.ndarray: (H, W) uint8, 255 = ignored.
    """
    label = np.zeros(cam.shape[1:], dtype=np.uint8)
    if len(cam) == 0:
        return label
    peak = cam.max(axis=0).astype(np.float32)
    label[peak > np.float32(low)] = IGNORED
    found = np.asarray(classes, dtype=np.uint8)[cam.argmax(axis=0)]
    return np.where(peak > np.float32(high), found, label)


def best_label(prob: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the most probable label of each pixel, (H, W) uint8.

    ``prob`` is (k + 1, H, W), the background and k classes.
    """
    table = np.concatenate([[0], classes]).astype(np.uint8)
    return table[prob.argmax(axis=0)]


def agree(low_alpha: np.ndarray, high_alpha: np.ndarray) -> np.ndarray:
    """Keep what two labels say alike about foreground and background.

    With ``(1 - max CAM) ** alpha`` as background, the label of the low alpha
    is sparing with foreground, that of the high alpha generous. Background
    in both is background; foreground in both has the class of the low
    alpha; everything else is ignored (as in AffinityNet, which besides calls
    background what is foreground in the low alpha alone).

    Args:
        low_alpha (np.ndarray): Label, (H, W), 0 = background.
        high_alpha (np.ndarray): Label, (H, W).

    Returns:
        np.ndarray: (H, W) uint8, 255 = ignored.
    """
    label = np.where((low_alpha > 0) == (high_alpha > 0), low_alpha, IGNORED)
    return label.astype(np.uint8)


def threshold_pair(name: str,
                   value: float | Sequence[float]) -> tuple[float, float]:
    """Return (low, high) of one number or two, in (0, 1).

    Args:
        name (str): Argument of ``LoadPseudoLabel``, for messages.
        value (float | sequence[float]): The number, or both.

    Raises:
        ValueError: There are not two, or they are out of range or order.
    """
    pair = tuple(value) if isinstance(value, list | tuple) else (value, value)
    what = f'{name} of LoadPseudoLabel'
    if len(pair) != 2:
        raise ValueError(f'{what}: expected (low, high), found {value!r}.')
    check_number(what, pair[0], above=0, below=1)
    check_number(what, pair[1], least=pair[0], below=1)
    return float(pair[0]), float(pair[1])
