"""Pictures and masks in files: reading, writing, sizes, wholeness."""
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .indices import as_bytes
from .io import atomic_write_bytes
from .limits import check_pixels, check_regular, most_pixels, too_large

__all__ = [
    'NOTE', 'check_whole', 'image_shapes', 'read_image', 'read_index_png',
    'write_index_png'
]

#: Key of the text in a PNG that says what it was made from.
NOTE = 'hsc_mm'
_EXIF_ORIENTATION = 0x0112


def write_index_png(path: str | Path,
                    mask: np.ndarray,
                    palette: np.ndarray,
                    note: str = '') -> None:
    """Write a mask, (H, W) in 0..255, as a palette PNG of RGB (n, 3).

    ``note`` is text beside the pixels, under the key :data:`NOTE`.
    """
    mask = as_bytes(mask, str(path))
    image = Image.fromarray(mask, mode='P')
    image.putpalette(np.asarray(palette, dtype=np.uint8).ravel().tolist())
    buffer = BytesIO()
    text = PngInfo()
    if note:
        text.add_text(NOTE, note)
    image.save(buffer, format='PNG', pnginfo=text)
    atomic_write_bytes(path, buffer.getvalue())


def read_image(path: str | Path, flag: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """Read an image whole, or say which file is broken.

    OpenCV and libjpeg fill the missing part of a truncated file with grey
    and carry on; here that is an error.

    Args:
        path (str | Path): The file.
        flag (int): OpenCV's reading flag; EXIF rotation follows it.

    Returns:
        np.ndarray: (H, W, 3) BGR uint8, or what ``flag`` asks for.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not an image, or it is truncated.
    """
    data = _read_picture(path)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    if image is None:
        raise ValueError(f'{path}: expected an image, but it cannot be '
                         'decoded. Fetch or export the file again.')
    return image


def _read_picture(path: str | Path) -> bytes:
    """Read a file that is whole, and a picture of a size that is read."""
    check_regular(path)
    data = Path(path).read_bytes()
    check_whole(path, data)
    try:
        _header(path, BytesIO(data)).close()
    except OSError:  # of a kind that Pillow does not know
        pass
    return data


def _header(path: str | Path, source: Any) -> Image.Image:
    """Open a picture without decoding it; Pillow's limit becomes ours."""
    Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS or 0, most_pixels())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)
            picture = Image.open(source)
    except Image.DecompressionBombError as error:
        raise too_large(path, str(error)) from None
    check_pixels(path, picture.height, picture.width)
    return picture


def check_whole(path: str | Path, data: bytes) -> None:
    """Raise ValueError when a JPEG or PNG lacks its end mark."""
    if not data:
        raise ValueError(f'{path}: expected an image, found an empty file. '
                         'Fetch or export the file again.')
    jpeg_cut = data[:2] == b'\xff\xd8' and b'\xff\xd9' not in data[-4096:]
    png_cut = data[:4] == b'\x89PNG' and b'IEND' not in data[-4096:]
    if jpeg_cut or png_cut:
        raise ValueError(f'{path}: expected a complete image, found a '
                         'truncated one. Fetch or export the file again.')


def read_index_png(path: str | Path) -> np.ndarray:
    """Read a mask of class indices, the palette left aside.

    Returns:
        np.ndarray: (H, W) uint8.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is broken, holds colours instead of indices, or
            numbers that are no index of 8 bits.
    """
    data = _read_picture(path)
    try:
        picture = Image.open(BytesIO(data))
        if picture.format == 'JPEG':
            raise ValueError(
                f'{path}: expected a PNG of class indices, found a JPEG, '
                'which changes them. Export the mask again as PNG.')
        mask = np.array(picture)
    except OSError as error:
        raise ValueError(f'{path}: expected a PNG of class indices, but '
                         f'{error}. Export the mask again.') from error
    if mask.ndim != 2:
        raise ValueError(
            f'{path}: expected a mask with one class index per pixel, found '
            f'an array of shape {mask.shape} (colours?). Convert it to a '
            'palette or grey PNG of indices.')
    return as_bytes(mask, str(path))


def image_shapes(path: str | Path) -> tuple[
        tuple[int, int], tuple[int, int]]:
    """Read the size of an image from its header.

    Returns:
        tuple: Height and width after the rotation that EXIF asks for (as
        OpenCV loads it), and as stored.

    Raises:
        OSError: The file is missing or no image.
        ValueError: It is no file, or too large.
    """
    check_regular(path)
    with _header(path, path) as picture:
        width, height = picture.size
        turned = picture.getexif().get(_EXIF_ORIENTATION, 1) >= 5
    stored = (height, width)
    return (stored[::-1] if turned else stored), stored
