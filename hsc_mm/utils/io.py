"""Files that are either whole or absent."""
import hashlib
import json
import os
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .indices import as_bytes
from .limits import check_pixels, check_regular, most_pixels, too_large

__all__ = [
    'atomic_write_bytes', 'digest', 'image_shapes', 'read_image',
    'read_index_png', 'read_json', 'read_text', 'write_index_png',
    'write_json'
]

#: Key of the text in a PNG that says what it was made from.
NOTE = 'hsc_mm'
_EXIF_ORIENTATION = 0x0112


def atomic_write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file so that no reader ever sees a part of it.

    The bytes go to a temporary name in the same folder, which is renamed.
    When anything fails (a full disk, a killed process) the file of that name
    is what it was before.

    Raises:
        OSError: The folder cannot be made or written, or the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        with open(temporary, 'wb') as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def digest(content: Any) -> str:
    """Return a hash of JSON values, 16 hexadecimal digits."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not JSON, or has a key twice; the message
            names file and line, or the key.
    """
    try:
        return json.loads(
            read_text(path), object_pairs_hook=partial(_unique, path))
    except json.JSONDecodeError as error:
        raise ValueError(f'{path}: expected a JSON file, but {error}. '
                         'Write the file anew.') from error


def _unique(path: str | Path, pairs: list[tuple[str, Any]]) -> dict:
    """Make a dictionary, whose second value of a key would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for n, key in enumerate(keys) if key in keys[:n])
        raise ValueError(f'{path}: expected each key once, found "{twice}" '
                         'twice. Join the two.')
    return found


def read_text(path: str | Path) -> str:
    """Read a text in UTF-8, or in UTF-16 with its mark in front.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no text, or in another encoding.
    """
    data = Path(path).read_bytes()
    wide = data[:2] in (b'\xff\xfe', b'\xfe\xff')
    try:
        text = data.decode('utf-16' if wide else 'utf-8-sig')
    except UnicodeDecodeError as error:
        line = data[:error.start].count(b'\n') + 1
        raise ValueError(
            f'{path}, line {line}: expected a text in UTF-8, but '
            f'{error.reason}. Save the file as UTF-8.') from error
    if '\0' in text:
        raise ValueError(f'{path}: expected a text, found a zero byte. Save '
                         'the file as text in UTF-8.')
    return text


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON, whole or not at all (see :func:`atomic_write_bytes`)."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + '\n'
    atomic_write_bytes(path, text.encode('utf-8'))


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
        ValueError: It is not an image, or it is cut short.
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
        raise ValueError(f'{path}: expected a whole image, found one that is '
                         'cut short. Fetch or export the file again.')


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
        mask = np.array(Image.open(BytesIO(data)))
    except OSError as error:
        raise ValueError(f'{path}: expected a PNG of class indices, but '
                         f'{error}. Export the mask again.') from error
    if mask.ndim != 2:
        raise ValueError(
            f'{path}: expected a mask with one class index a pixel, found '
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
