"""Pictures in many formats, made on the spot, and what a person sees."""
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

__all__ = ['bands', 'scene', 'seen', 'written']


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
