"""Wholeness of pictures: whether a file is empty or truncated."""
import math
import os
import struct
import warnings
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from PIL import ImageFile
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from .headers import is_tiff, open_picture

__all__ = ['check_whole']

_OPTION = Lock()  # Pillow's, which is one for all threads
_TAIL = 4096  # bytes, in which the end mark lies
_END_MARKS = {b'\xff\xd8': b'\xff\xd9', b'\x89PNG': b'IEND'}
_PARTS = ((273, 279), (324, 325))  # offsets and lengths of strips, tiles
_NOT_PACKED = (0, 3, 6)  # kinds of BMP: plain, and with masks of bits


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
    with _OPTION:
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
