"""Pictures in many formats, made on the spot, and what a person sees."""
import warnings
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

__all__ = ['bands', 'scene', 'seen', 'write_picture', 'written']


def scene(height=12, width=20):
    """Return colours (H, W, 3) uint8 RGB, no two corners alike."""
    y, x = np.mgrid[:height, :width]
    return np.stack([
        x * 255 // (width - 1), y * 255 // (height - 1),
        255 - x * 128 // (width - 1)
    ], axis=-1).astype(np.uint8)


def seen(rgb):
    """Return what the reader is to return: BGR."""
    return np.ascontiguousarray(rgb[..., ::-1])


def written(picture, kind, **options):
    """Return a Pillow picture, or an array for OpenCV, as a file."""
    if isinstance(picture, Image.Image):
        buffer = BytesIO()
        picture.save(buffer, kind, **options)
        return buffer.getvalue()
    return cv2.imencode(f'.{kind.lower()}', picture)[1].tobytes()


def bands(path, array, **options):
    """Write (N, H, W) as a TIFF of N bands."""
    import rasterio
    count, height, width = array.shape
    with rasterio.open(
            path, 'w', driver='GTiff', count=count, height=height,
            width=width, dtype=array.dtype, **options) as file:
        file.write(array)


def write_picture(path, side):
    """Write stripes that become brighter from the top to the bottom."""
    import rasterio
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        with rasterio.open(
                path, 'w', driver='GTiff', count=3, height=side, width=side,
                dtype='uint8', photometric='RGB', tiled=True,
                compress='deflate', zlevel=1) as file:
            columns = np.arange(side) // 64 % 2 * 100
            for top in range(0, side, 256):
                rows = np.arange(top, min(top + 256, side))
                grey = (columns + rows[:, None] * 150 // side).astype(
                    np.uint8)
                file.write(np.stack([grey] * 3), window=(
                    (top, top + len(rows)), (0, side)))
