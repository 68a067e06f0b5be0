"""An image and transparent layers over it, as a page shows them."""
from collections.abc import Callable
from io import BytesIO
from typing import NamedTuple

import cv2
import numpy as np
from mmseg.structures import SegDataSample
from PIL import Image

from hsc_mm.utils.pixels import as_colours
from .pictures import HEAT

__all__ = ['Picture', 'heat_layer', 'mask_layer', 'photo_layer']

#: Longest side in pixels: of photographs and masks, and of CAMs, which are
#: smooth. With the number of pictures they bound the size of the page.
_LONGEST, _LONGEST_HEAT = 560, 160
_EDGE = 254


class Picture(NamedTuple):
    """An image and the layers that lie over it.

    Attributes:
        name (str): Id of the image.
        classes (list[str]): Names of the classes in it.
        photo (bytes): The image, JPEG.
        size (tuple[int, int]): Its width and height.
        layers (dict[str, bytes]): What it shows -> PNG, transparent where
            the image is seen.
        score (float, optional): IoU in percent, the mean of its classes.
    """
    name: str
    classes: list[str]
    photo: bytes
    size: tuple[int, int]
    layers: dict[str, bytes]
    score: float | None = None


def photo_layer(
        path: str, read: Callable[[str], np.ndarray]
) -> tuple[bytes, tuple[int, int]]:
    """Read an image; return a JPEG of bounded size, and width and height."""
    image = as_colours(read(path))
    height, width = image.shape[:2]
    scale = min(1, _LONGEST / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    data = cv2.imencode('.jpg',
                        cv2.resize(image, size, interpolation=cv2.INTER_AREA),
                        [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    return data.tobytes(), size


def _png(index: np.ndarray, colours: np.ndarray, alpha: np.ndarray) -> bytes:
    """Encode indices, their colours (256, 3) and opacities (256,)."""
    picture = Image.fromarray(index)
    picture.putpalette(colours.astype(np.uint8).tobytes())
    buffer = BytesIO()
    picture.save(buffer, 'PNG', optimize=True,
                 transparency=alpha.astype(np.uint8).tobytes())
    return buffer.getvalue()


def mask_layer(mask: np.ndarray, palette: np.ndarray,
                size: tuple[int, int]) -> bytes:
    """Draw class indices: no background, dark edges, 255 is white."""
    colours = np.full((256, 3), 255)
    colours[_EDGE] = 0
    colours[:len(palette)] = palette
    mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    changes = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
    if len(palette) <= _EDGE:
        mask[changes & (mask > 0) & (mask < 255)] = _EDGE
    return _png(mask, colours, 255 * (np.arange(256) > 0))


def heat_layer(sample: SegDataSample, size: tuple[int, int]) -> bytes:
    """Draw the highest CAM of all classes, the less seen the lower it is."""
    cam = sample.seg_logits.data[1:].amax(0).clamp(0, 1).cpu().numpy()
    scale = min(1, _LONGEST_HEAT / max(size))
    shape = tuple(max(1, round(side * scale)) for side in size)
    cam = cv2.resize(cam, shape, interpolation=cv2.INTER_AREA)
    return _png((cam * 255).astype(np.uint8), HEAT,
                np.minimum(2 * np.arange(256), 255))
