"""Colours of an image."""
from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from hsc_mm.registry import TRANSFORMS

__all__ = ['RandomHSV']


@TRANSFORMS.register_module()
class RandomHSV(BaseTransform):
    """Shift hue, saturation and value of an image by random amounts.

    One amount for each of the three, the same for all pixels, added in
    OpenCV's units for 8 bits: hue 0..179 (two degrees each, around the
    circle), saturation and value 0..255 (clipped).

    Required and modified key: ``img``, (H, W, 3) uint8 BGR.

    Args:
        delta (Sequence[int]): Largest shift of hue, saturation and value,
            either way, not negative; hue at most 90.

    Raises:
        ValueError: ``delta`` is not three such numbers.
    """

    def __init__(self, delta: Sequence[int] = (10, 10, 10)) -> None:
        if len(delta) != 3 or min(delta) < 0 or delta[0] > 90:
            raise ValueError(
                'delta of RandomHSV: expected the shifts of hue (0 to 90), '
                f'saturation and value (from 0), found {delta}.')
        self.delta = tuple(int(d) for d in delta)

    @cache_randomness
    def _draw(self) -> np.ndarray:
        limit = np.array(self.delta)
        return np.random.randint(-limit, limit + 1)

    def transform(self, results: dict) -> dict:
        """Shift; see the class."""
        image = results['img']
        if image.dtype != np.uint8:
            raise ValueError('img: RandomHSV expects uint8, found '
                             f'{image.dtype}. Put it before what changes '
                             'the type.')
        hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV).astype(np.int16)
        hsv += self._draw().astype(np.int16)
        hsv[..., 0] %= 180
        hsv[..., 1:] = hsv[..., 1:].clip(0, 255)
        results['img'] = cv2.cvtColor(
            hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(delta={self.delta})'
