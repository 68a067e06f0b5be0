"""Pictures in many formats, made on the spot, and what a person sees."""
import struct
import warnings
import zlib
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

__all__ = [
    'bands', 'grey_png', 'scene', 'seen', 'write_picture', 'written'
]


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


def grey_png(values, bits, clear=None):
    """Return (H, W) as a grey PNG of so many bits; one value transparent."""
    height, width = values.shape
    if bits == 16:
        rows = [row.astype('>u2').tobytes() for row in values]
    else:
        each = (values[..., None] >> np.arange(bits)[::-1]) & 1
        rows = [np.packbits(row).tobytes() for row in each]
    head = struct.pack('>IIBBBBB', width, height, bits, 0, 0, 0, 0)
    chunks = [(b'IHDR', head)]
    if clear is not None:
        chunks.append((b'tRNS', struct.pack('>H', clear)))
    chunks += [(b'IDAT', zlib.compress(b''.join(b'\0' + r for r in rows))),
               (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(data)) + kind + data
        + struct.pack('>I', zlib.crc32(kind + data)) for kind, data in chunks)


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
