"""Geometry: the image and the maps in ``seg_fields`` move together."""
import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmseg.datasets.transforms import Resize

from hsc_mm.datasets.aux_maps import aux_key
from hsc_mm.registry import TRANSFORMS

__all__ = ['CropPad', 'RandomLongSideResize']


@TRANSFORMS.register_module()
class RandomLongSideResize(BaseTransform):
    """Resize so that the longer side has a random length, aspect kept.

    Required keys: ``img`` and the maps named in ``seg_fields``. Modified:
    these, ``img_shape``, ``scale``, ``scale_factor``. The resizing is
    mmseg's: bilinear for the image, nearest for the maps.

    Args:
        long_side (tuple[int, int]): Smallest and largest length in pixels,
            both included.

    Raises:
        ValueError: ``long_side`` is not two positive integers in order.
    """

    def __init__(self, long_side: tuple[int, int]) -> None:
        low, high = long_side
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
        size (tuple[int, int]): Height and width of the result in pixels.
        pad_val (sequence[float]): Value of padded pixels, in the channel
            order of the image. The mean that the data preprocessor subtracts
            makes the padding zero at the network's input.
        centre (bool): Whether the place is the centre instead of random.
    """

    def __init__(self,
                 size: tuple[int, int],
                 pad_val=(0, 0, 0),
                 centre: bool = False) -> None:
        self.size = tuple(size)
        self.pad_val = tuple(pad_val)
        self.centre = centre

    @cache_randomness
    def _draw(self, slack: int) -> int:
        """Return a shift in 0..slack pixels."""
        return slack // 2 if self.centre else np.random.randint(slack + 1)

    def transform(self, results: dict) -> dict:
        """Crop and pad; see the class."""
        height, width = results['img'].shape[:2]
        shifts = [(self._draw(max(slack, 0)), self._draw(max(-slack, 0)))
                  for slack in (height - self.size[0], width - self.size[1])]
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
        bottom = height - top - part.shape[0]
        right = width - left - part.shape[1]
        value = fill if array.ndim == 3 else int(fill)
        return mmcv.impad(
            part, padding=(left, top, right, bottom), pad_val=value)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(size={self.size}, '
                f'pad_val={self.pad_val}, centre={self.centre})')
