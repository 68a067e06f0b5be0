"""Augmentation of size, place and colour; maps move with their image."""
from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmseg.datasets.transforms import Resize

from hsc_mm.datasets.aux_maps import aux_key
from hsc_mm.registry import TRANSFORMS
from hsc_mm.utils.numbers import check_size

__all__ = ['CropPad', 'RandomHSV', 'RandomLongSideResize']


@TRANSFORMS.register_module()
class RandomLongSideResize(BaseTransform):
    """Resize so that the longer side has a random length, aspect kept.

    Required keys: ``img`` and the maps named in ``seg_fields``. Modified:
    these, ``img_shape``, ``scale``, ``scale_factor``. The resizing is
    mmseg's: bilinear for the image, nearest for the maps. Of a picture so
    long and thin that less would be left of its shorter side, two pixels are.

    Args:
        long_side (tuple[int, int]): Smallest and largest length in pixels,
            both included.

    Raises:
        ValueError: ``long_side`` is not two positive integers in order.
    """

    def __init__(self, long_side: tuple[int, int]) -> None:
        low, high = long_side if isinstance(long_side, list | tuple) and len(
            long_side) == 2 else (0, 0)
        if not 0 < low <= high:
            raise ValueError('long_side: expected (smallest, largest) with '
                             f'0 < smallest <= largest, found {long_side}.')
        self.long_side = (int(low), int(high))

    @cache_randomness
    def _draw(self) -> int:
        return int(np.random.randint(self.long_side[0], self.long_side[1] + 1))

    def transform(self, results: dict) -> dict:
        """Resize; see the class."""
        side = self._draw()
        height, width = results['img'].shape[:2]
        # mmseg's PackSegInputs refuses a mirrored side of one pixel.
        if min(height, width) * side < max(height, width) * 1.5:
            scale = (side, 2) if width > height else (2, side)
            return Resize(scale=scale, keep_ratio=False)(results)
        return Resize(scale=(side, side), keep_ratio=True)(results)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(long_side={self.long_side})'


@TRANSFORMS.register_module()
class CropPad(BaseTransform):
    """Crop to a fixed size, and pad what is smaller.

    Along a side that is longer than the crop a window is taken; along one
    that is shorter the image is put somewhere into the window. Both places
    are random, or centred. mmcv's ``Pad`` does not know the maps of other
    names, hence one transform for image, masks (padded with 255) and
    auxiliary maps (padded with the ``fill`` of the item's ``aux_maps``).

    Required keys: ``img``, ``seg_fields``. Modified: these, ``img_shape``,
    ``pad_shape``.

    Args:
        size (int | tuple[int, int]): Height and width of the result in
            pixels; one number for both.
        pad_val (sequence[float]): Value of padded pixels, in the channel
            order of the image; one number for all channels. The mean that
            the data preprocessor subtracts makes the padding zero at the
            network's input.
        centre (bool): Whether the place is the centre instead of random.
    """

    def __init__(self,
                 size: int | tuple[int, int],
                 pad_val=(0, 0, 0),
                 centre: bool = False) -> None:
        self.size = check_size('size of CropPad', (
            size, size) if isinstance(size, int) else tuple(size))
        self.pad_val = tuple(np.atleast_1d(pad_val).tolist())
        self.centre = centre

    def _shift(self, slack: int) -> int:
        """Return a shift in 0..slack pixels."""
        return slack // 2 if self.centre else np.random.randint(slack + 1)

    @cache_randomness
    def _draw(self, height: int, width: int) -> list[tuple[int, int]]:
        """Return where each axis is cut, and where it is pasted."""
        return [(self._shift(max(slack, 0)), self._shift(max(-slack, 0)))
                for slack in (height - self.size[0], width - self.size[1])]

    def transform(self, results: dict) -> dict:
        """Crop and pad; see the class."""
        shifts = self._draw(*results['img'].shape[:2])
        results['img'] = self._place(results['img'], shifts, self.pad_val)
        fills = {
            aux_key(name): one['fill']
            for name, one in results.get('aux_maps', {}).items()
        }
        for key in results.get('seg_fields', []):
            results[key] = self._place(results[key], shifts,
                                       fills.get(key, 255))
        results['img_shape'] = results['pad_shape'] = self.size
        return results

    def _place(self, array: np.ndarray, shifts: list[tuple[int, int]],
               fill) -> np.ndarray:
        """Cut at the first shift of each axis, paste at the second."""
        (cut_y, top), (cut_x, left) = shifts
        height, width = self.size
        part = array[cut_y:cut_y + height, cut_x:cut_x + width]
        if part.shape[:2] == self.size:
            return np.ascontiguousarray(part)
        value = np.array(
            int(fill) if array.ndim == 2 else self._colour(array), float)
        if array.dtype.kind in 'iu':
            limits = np.iinfo(array.dtype)
            value = np.rint(value).clip(limits.min, limits.max)
        # OpenCV pads no more than four bands.
        padded = np.empty((height, width, *part.shape[2:]), array.dtype)
        padded[...] = value.astype(array.dtype)
        padded[top:top + part.shape[0], left:left + part.shape[1]] = part
        return padded

    def _colour(self, image: np.ndarray) -> tuple[float, ...]:
        """Return the value of padded pixels of an image of any bands."""
        count = image.shape[2]
        if len(self.pad_val) == count:
            return self.pad_val
        if len(set(self.pad_val)) == 1:
            return self.pad_val[:1] * count
        raise ValueError(f'pad_val of CropPad: expected one number, or one '
                         f'for each of {count} bands, found {self.pad_val}.')

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(size={self.size}, '
                f'pad_val={self.pad_val}, centre={self.centre})')


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
        if image.dtype != np.uint8 or image.shape[2:] != (3, ):
            raise ValueError('img: RandomHSV expects colours, (H, W, 3) '
                             f'uint8, found {image.dtype} {image.shape}. Put '
                             'it before what changes the type; leave it out '
                             'for pictures of other bands.')
        hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV).astype(np.int16)
        hsv += self._draw().astype(np.int16)
        hsv[..., 0] %= 180
        hsv[..., 1:] = hsv[..., 1:].clip(0, 255)
        results['img'] = cv2.cvtColor(
            hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(delta={self.delta})'
