"""Pictures and masks in files: reading and writing."""
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .headers import open_picture, unpacked
from .indices import as_bytes
from .io import atomic_write_bytes
from .limits import check_regular
from .pixels import by_opencv, decode
from .wholeness import check_whole

__all__ = [
    'NOTE', 'read_image', 'read_index_png', 'read_map', 'refuse_few_bits',
    'write_grey_png', 'write_index_png'
]

#: Key of the text in a PNG that says what it was made from.
NOTE = 'hsc_mm'


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
    _write_png(path, image, note)


def write_grey_png(path: str | Path, values: np.ndarray,
                   note: str = '') -> None:
    """Write a map, (H, W) uint8, as a grey PNG; see ``write_index_png``."""
    _write_png(path, Image.fromarray(values), note)


def _write_png(path: str | Path, image: Image.Image, note: str) -> None:
    buffer = BytesIO()
    text = PngInfo()
    if note:
        text.add_text(NOTE, note)
    image.save(buffer, format='PNG', pnginfo=text)
    atomic_write_bytes(path, buffer.getvalue())


def read_image(path: str | Path,
               bands: Sequence[int] | None = None,
               value_range: Sequence[float] | None = None) -> np.ndarray:
    """Read an image as a person sees it, or say which file is broken.

    OpenCV and libjpeg fill the missing part of a truncated file with grey
    and carry on; here that is an error.

    Args:
        path (str | Path): The file.
        bands (sequence[int], optional): See
            :func:`hsc_mm.utils.pixels.decode`, as of what is done with
            transparency, rotation and more than 8 bits.
        value_range (sequence[float], optional): The same.

    Returns:
        np.ndarray: (H, W, 3) BGR uint8, or as many bands as are named.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not an image, or it is truncated.
    """
    check_regular(path)
    return decode(path, Path(path).read_bytes(), bands, value_range)


def read_map(path: str | Path) -> np.ndarray:
    """Read a map or mask with the values that are stored, as OpenCV does.

    Returns:
        np.ndarray: (H, W) or (H, W, 3 or 4), of the type in the file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not an image, or it is truncated.
    """
    return by_opencv(path, _read_picture(path), cv2.IMREAD_UNCHANGED)


def _read_whole(path: str | Path) -> bytes:
    """Read a file that is whole."""
    check_regular(path)
    data = Path(path).read_bytes()
    check_whole(path, BytesIO(data))
    return data


def _read_picture(path: str | Path) -> bytes:
    """Read a file that is whole, and a picture of a size that is read."""
    data = _read_whole(path)
    try:
        open_picture(path, BytesIO(data))[0].close()
    except OSError:  # of a kind that Pillow does not know
        pass
    return data


def _pixels(path: str | Path, picture: Image.Image) -> np.ndarray:
    try:
        return np.array(picture)
    except ValueError as error:  # of texts behind the pixels
        raise unpacked(path, error) from error


def refuse_few_bits(path: str | Path, data: bytes) -> None:
    """Refuse a grey PNG of 2 or 4 bits, which readers spread over 8.

    mmseg's loader would see other indices than are stored. Those of a palette
    are not spread. ``data`` is the file, or its first 26 bytes.

    Raises:
        ValueError: It is one.
    """
    if data[:4] == b'\x89PNG' and data[24:26] in (b'\2\0', b'\4\0'):
        raise ValueError(
            f'{path}: expected a palette PNG, or a grey one of 8 bits, found '
            f'grey of {data[24]} bits, which image libraries spread over '
            '0..255. Save the mask with 8 bits.')


def read_index_png(path: str | Path) -> np.ndarray:
    """Read a mask of class indices, the palette left aside.

    Returns:
        np.ndarray: (H, W) uint8.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is broken, holds colours instead of indices, or
            numbers that are no index of 8 bits.
    """
    data = _read_whole(path)
    refuse_few_bits(path, data)
    try:
        picture, _ = open_picture(path, BytesIO(data))
        if picture.format == 'JPEG':
            raise ValueError(
                f'{path}: expected a PNG of class indices, found a JPEG, '
                'which changes them. Export the mask again as PNG.')
        mask = _pixels(path, picture)
    except (OSError, SyntaxError, EOFError) as error:  # Pillow's, of chunks
        raise ValueError(f'{path}: expected a PNG of class indices, but '
                         f'{error}. Export the mask again.') from error
    if mask.ndim != 2:
        raise ValueError(
            f'{path}: expected a mask with one class index per pixel, found '
            f'an array of shape {mask.shape} (colours?). Convert it to a '
            'palette or grey PNG of indices.')
    return as_bytes(mask, str(path))
