"""Headers of pictures: sizes, rotation."""
import os
import warnings
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, NamedTuple

from PIL import Image

from .limits import check_pixels, check_regular, most_pixels, too_large

__all__ = [
    'Header', 'image_shapes', 'import_rasterio', 'is_tiff', 'open_picture',
    'open_raster', 'read_header', 'unpacked'
]

_EXIF_ORIENTATION = 0x0112
_LIMIT = Lock()  # Pillow's limit is one for all threads
_WIDTH, _HEIGHT = 256, 257  # tags of TIFF
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


def unpacked(path: str | Path, error: ValueError) -> ValueError:
    """Return the error of a picture whose texts Pillow refuses."""
    return ValueError(f'{path}: expected an image, but {error}. Save it '
                      'without its metadata (exiftool -all= FILE).')


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
        except ValueError as error:  # Pillow's limit of texts beside pixels
            raise unpacked(path, error) from error
        finally:
            Image.MAX_IMAGE_PIXELS = before
    try:
        orientation = int(_exif(picture).get(_EXIF_ORIENTATION, 1))
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
            'of several bands, of signed numbers or of colours of more than '
            '8 bits, and pictures above the limit of megapixels, need '
            'rasterio: run "pip install \'hsc_mm[geo]\'".') from error
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


def _exif(picture: Image.Image) -> Image.Exif:
    """Read EXIF without decoding, which Pillow does for that of a PNG.

    Pillow takes an orientation of XMP besides, by which nothing else turns.
    """
    if picture.format == 'PNG' and 'exif' not in picture.info:
        data = _late_exif(picture.fp)
        if data:
            picture.info['exif'] = b'Exif\0\0' + data
    xmp = {key: picture.info.pop(key)
           for key in ('xmp', 'XML:com.adobe.xmp') if key in picture.info}
    try:
        return Image.Image.getexif(picture)
    finally:
        picture.info.update(xmp)


def _late_exif(file: BinaryIO) -> bytes:
    """Return the EXIF of a PNG wherever it stands, b'' without one."""
    here = file.tell()
    try:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, kind = int.from_bytes(head[:4], 'big'), head[4:]
            if kind == b'eXIf':
                return file.read(length)
            file.seek(length + 4, os.SEEK_CUR)  # data and checksum
        return b''
    finally:
        file.seek(here)


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
