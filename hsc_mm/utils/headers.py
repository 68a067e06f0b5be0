"""Headers of pictures: sizes, rotation, wholeness."""
import math
import os
import struct
import warnings
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, NamedTuple

from PIL import Image, ImageFile
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from .limits import check_pixels, check_regular, most_pixels, too_large

__all__ = [
    'Header', 'check_whole', 'image_shapes', 'import_rasterio', 'is_tiff',
    'open_picture', 'open_raster', 'read_header'
]

_EXIF_ORIENTATION = 0x0112
_LIMIT = Lock()  # Pillow's limit is one for all threads
_WIDTH, _HEIGHT = 256, 257  # tags of TIFF
_TAIL = 4096  # bytes, in which the end mark lies
_END_MARKS = {b'\xff\xd8': b'\xff\xd9', b'\x89PNG': b'IEND'}
_PARTS = ((273, 279), (324, 325))  # offsets and lengths of strips, tiles
_NOT_PACKED = (0, 3, 6)  # kinds of BMP: plain, and with masks of bits
_TIFF = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')


class Header(NamedTuple):
    """What is known of a picture before it is decoded.

    Attributes:
        stored (tuple[int, int]): Height and width as they are stored.
        orientation (int): EXIF's, 1..8; from 5 on the sides are swapped.
    """
    stored: tuple[int, int]
    orientation: int = 1

    @property
    def seen(self) -> tuple[int, int]:
        """tuple[int, int]: Height and width as a person sees the picture."""
        return self.stored[::-1] if self.orientation >= 5 else self.stored


def is_tiff(data: bytes) -> bool:
    """Say whether a file is a TIFF, by its first bytes."""
    return data[:4] in _TIFF


def open_picture(path: str | Path, source: Any,
                 checked: bool = True) -> tuple[Image.Image, Header]:
    """Open a picture with Pillow, without decoding it.

    Args:
        path (str | Path): The file, for messages.
        source (str | Path | file): What is opened.
        checked (bool): Whether a picture above the limit is an error.

    Raises:
        OSError: It is no picture that Pillow knows.
        ValueError: It is too large, or has no pixel.
    """
    with _LIMIT:
        before = max(Image.MAX_IMAGE_PIXELS or 0, most_pixels())
        Image.MAX_IMAGE_PIXELS = before if checked else None
        try:
            with warnings.catch_warnings():  # check_pixels tells it
                warnings.simplefilter('ignore', Image.DecompressionBombWarning)
                picture = Image.open(source)
        except Image.DecompressionBombError as error:
            raise too_large(path, str(error)) from None
        finally:
            Image.MAX_IMAGE_PIXELS = before
    try:
        orientation = int(picture.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # EXIF of a camera may be damaged in any way
        orientation = 1
    # Of a TIFF, Pillow's size is that after the rotation.
    tags = getattr(picture, 'tag_v2', {})
    stored = (int(tags.get(_HEIGHT, picture.height)),
              int(tags.get(_WIDTH, picture.width)))
    if checked:
        check_pixels(path, *stored)
    return picture, Header(
        stored, orientation if 1 <= orientation <= 8 else 1)


def import_rasterio(path: str | Path) -> Any:
    """Return the module rasterio, or say how to get it.

    Raises:
        ValueError: It is not installed.
    """
    try:
        import rasterio
    except ImportError as error:
        raise ValueError(
            f'{path}: expected a picture that Pillow and OpenCV read; TIFFs '
            'of several bands or of colours of more than 8 bits, and '
            'pictures above the limit of megapixels, need rasterio: run '
            '"pip install \'hsc_mm[geo]\'".') from error
    return rasterio


def open_raster(path: str | Path, source: Any = None) -> Any:
    """Open a picture with rasterio: any bands, any part.

    Args:
        path (str | Path): The file.
        source (MemoryFile, optional): What is opened in its place.

    Raises:
        ValueError: rasterio is not installed, or cannot open it.
    """
    rasterio = import_rasterio(path)
    with warnings.catch_warnings():  # most pictures lie on no map
        warnings.simplefilter('ignore')
        try:
            return source.open() if source else rasterio.open(str(path))
        except rasterio.RasterioIOError as error:
            raise ValueError(f'{path}: expected an image, but it cannot be '
                             f'decoded: {error}.') from error


def read_header(path: str | Path, checked: bool = True) -> Header:
    """Read the header of a file; see :func:`open_picture`.

    Raises:
        OSError: The file is missing or no image.
        ValueError: It is no file, too large, or a TIFF of several bands
            without rasterio.
    """
    check_regular(path)
    try:
        picture, header = open_picture(path, path, checked)
        picture.close()
        return header
    except OSError:
        with open(path, 'rb') as file:
            if not is_tiff(file.read(4)):
                raise
    with open_raster(path) as raster:
        if checked:
            check_pixels(path, *raster.shape)
        return Header(raster.shape)


def image_shapes(path: str | Path) -> tuple[
        tuple[int, int], tuple[int, int]]:
    """Read the size of an image from its header.

    Returns:
        tuple: Height and width after the rotation that EXIF asks for, as a
        person sees the picture and :func:`hsc_mm.utils.read_image` returns
        it, and as stored.

    Raises:
        OSError: The file is missing or no image.
        ValueError: It is no file, or too large.
    """
    header = read_header(path)
    return header.seen, header.stored


def check_whole(path: str | Path, file: BinaryIO) -> None:
    """Raise ValueError when a picture is empty or truncated.

    Of a TIFF or BMP the header says how long it is at least. The end mark
    of a JPEG or PNG is looked for in the last bytes. Where it is not there,
    as in motion photos, whose film follows the picture, the picture is
    decoded.

    Args:
        path (str | Path): The file, for messages.
        file (file): Its content.
    """
    size = file.seek(0, os.SEEK_END)
    if not size:
        raise ValueError(f'{path}: expected an image, found an empty file. '
                         'Fetch or export the file again.')
    file.seek(0)
    head = file.read(4)
    file.seek(max(size - _TAIL, 0))
    tail = file.read()
    cut = any(head.startswith(start) and mark not in tail and
              not _is_followed(path, file, mark)
              for start, mark in _END_MARKS.items())
    if cut or _named_size(file, head) > size:
        raise ValueError(f'{path}: expected a complete image, found a '
                         'truncated one. Fetch or export the file again.')


def _is_followed(path: str | Path, file: BinaryIO, mark: bytes) -> bool:
    """Say whether a JPEG or PNG is whole, and other data follow it."""
    file.seek(0)
    data = file.read()
    if mark not in data[_start_of_pixels(data):]:
        return False
    try:
        picture, _ = open_picture(path, BytesIO(data))
    except OSError:
        return False
    with _LIMIT:  # Pillow's option is one for all threads
        before = ImageFile.LOAD_TRUNCATED_IMAGES
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            picture.load()
        except (OSError, SyntaxError, ValueError, EOFError):
            return False
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before
    return True


def _named_size(file: BinaryIO, head: bytes) -> float:
    """Return how many bytes a TIFF or BMP has by its header, at least.

    It is 0 for other files, and infinite where the tags of a TIFF end early.
    """
    if head[:2] == b'BM':
        return _size_of_bmp(file)
    if not is_tiff(head):
        return 0
    try:
        file.seek(0)
        tags = ImageFileDirectory_v2(file.read(16 if b'+' in head else 8))
        first = tags.next
        file.seek(first)
        with warnings.catch_warnings():  # of other tags
            warnings.simplefilter('ignore')
            tags.load(file)
        if tags.next == first:  # what stands behind the tags was not reached
            return math.inf
        return max(
            start + length for offsets, lengths in _PARTS if offsets in tags
            for start, length in zip_longest(
                tags[offsets], tags.get(lengths, ()), fillvalue=0))
    except (OSError, SyntaxError, ValueError, TypeError, struct.error):
        return math.inf


def _size_of_bmp(file: BinaryIO) -> int:
    """Return how many bytes a BMP has whose pixels are not compressed, or 0.

    The size that the file states is no help: programs get it wrong.
    """
    file.seek(0)
    data = file.read(34)
    if len(data) == 34 and int.from_bytes(data[14:18], 'little') < 40:
        return 0  # the header of OS/2
    if len(data) < 34:
        return 34
    start, width, height, bits, packed = struct.unpack(
        '<10xI4xii2xHI', data)
    row = (abs(width) * bits + 31) // 32 * 4
    return start + row * abs(height) if packed in _NOT_PACKED else 0


def _start_of_pixels(data: bytes) -> int:
    """Return where the pixels of a JPEG begin, behind EXIF's thumbnail."""
    place = 2
    while data[place:place + 1] == b'\xff' and \
            data[place + 1:place + 2] != b'\xda':
        place += 2 + int.from_bytes(data[place + 2:place + 4], 'big')
    return place
