"""Files of pseudo labels: hard masks (PNG) and soft CAMs (npz)."""
import zipfile
from collections.abc import Callable, Collection
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np

from hsc_mm.tiles.scan import is_large
from hsc_mm.utils import read_index_png, write_npz
from hsc_mm.utils.headers import read_header
from hsc_mm.utils.io import PARSER
from hsc_mm.utils.limits import check_pixels, most_pixels
from .soft_cam import check_range

__all__ = ['check_label', 'read_soft_cam', 'soft_classes', 'write_soft_cam']

Shape = tuple[int, int]


def write_soft_cam(path: str | Path,
                   cam: np.ndarray,
                   classes: np.ndarray,
                   note: str = '') -> None:
    """Write normalised CAMs, whole or not at all.

    Args:
        path (str | Path): The npz file.
        cam (np.ndarray): CAMs of the classes that are present, (k, H, W) in
            [0, 1], as nearly as refiners make them: clipped to it and
            rounded to float16.
        classes (np.ndarray): Mask index of each of them, (k,), 1..254.
        note (str): Comment of the archive, see
            :func:`hsc_mm.pseudo_labels.origins.read_note`.

    Raises:
        ValueError: CAMs are out of range by more than 0.001, or NaN.
    """
    cam = np.asarray(cam)
    check_range(f'{path}: expected CAMs', cam)
    write_npz(path, note, cam=cam.clip(0, 1).astype(np.float16),
              classes=np.asarray(classes, dtype=np.int64))


def read_soft_cam(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read normalised CAMs.

    Returns:
        tuple[np.ndarray, np.ndarray]: CAMs (k, H, W) float16 in [0, 1], and
        the mask index of each, (k,) int64.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is empty, broken, or holds something else.
    """
    cam, classes = _read_npz(path, _read_array)
    _check_arrays(path, cam.shape, cam.dtype, classes)
    if cam.size and not (cam.min() >= 0 and cam.max() <= 1):
        raise ValueError(f'{path}: expected CAMs between 0 and 1, found '
                         f'{cam.min()} to {cam.max()}.')
    return cam, classes


def soft_classes(path: str | Path) -> set[int]:
    """Return the mask indices of the maps of soft CAMs, without the maps.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is empty, broken, or holds something else.
    """
    return set(_read_npz(path, _read_header)[1].tolist())


def check_label(path: str | Path,
                shapes: Collection[Shape] | None = None,
                known: Collection[int] | None = None,
                whole: bool = False) -> Shape:
    """Look whether a label file can be used, of either kind.

    Args:
        path (str | Path): A palette PNG, or an npz of soft CAMs.
        shapes (collection[tuple[int, int]], optional): Heights and widths
            that fit its image.
        known (collection[int], optional): Mask indices of the data set;
            255 may be in a PNG besides.
        whole (bool): Whether the CAMs of an npz are unpacked too; otherwise
            their header and the list of classes are read. PNGs are always
            read whole.

    Returns:
        tuple[int, int]: Height and width.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is broken, has another size, or a class index
            that is not known.
    """
    if str(path).endswith('.npz'):
        if whole:
            cam, classes = read_soft_cam(path)
            shape = cam.shape
        else:
            (shape, _, dtype), classes = _read_npz(path, _read_header)
            _check_arrays(path, shape, dtype, classes)
        shape, indices = shape[1:], set(classes.tolist())
    elif is_large(path):  # written whole; its pixels are not looked at
        shape, indices = read_header(path, checked=False).stored, set()
    else:
        mask = read_index_png(path)
        shape = mask.shape
        indices = set(np.flatnonzero(np.bincount(mask.ravel()))) - {255}
    if shapes is not None and tuple(shape) not in shapes:
        expected = next(iter(shapes))
        raise ValueError(
            f'{path}: expected a pseudo label of the size of its image, '
            f'{expected}, found {tuple(shape)}.')
    unknown = sorted(indices - set(known)) if known is not None else []
    if unknown:
        raise ValueError(
            f'{path}: expected indices of the masks of the data set, '
            f'{sorted(known)}, found {[int(i) for i in unknown]}.')
    return tuple(shape)


def _read_header(path: str | Path, file: BinaryIO,
                 most: int) -> tuple[tuple, bool, np.dtype]:
    """Read shape, order and type; refuse more than fits any picture."""
    with PARSER:
        version = np.lib.format.read_magic(file)[0]
        if version > 2:
            raise ValueError('its format is newer than this version of '
                             'hsc_mm reads')
        shape, fortran, dtype = (
            np.lib.format.read_array_header_1_0 if version == 1 else
            np.lib.format.read_array_header_2_0)(file)
    if len(shape) > 1 and prod(shape):
        check_pixels(path, *shape[-2:])
    if prod(shape) > most * most_pixels():
        raise ValueError(f'it holds an array of shape {shape}')
    return shape, fortran, dtype


def _read_array(path: str | Path, file: BinaryIO, most: int) -> np.ndarray:
    """Read an array; threads wait for each other at its header only."""
    shape, fortran, dtype = _read_header(path, file, most)
    if dtype.hasobject:
        raise ValueError('it holds objects of Python')
    content = bytearray(file.read(prod(shape) * dtype.itemsize))
    return np.frombuffer(content, dtype, prod(shape)).reshape(
        shape, order='F' if fortran else 'C')


def _read_npz(path: str | Path, read_cam: Callable) -> tuple:
    """Apply ``read_cam`` to the member ``cam`` and read ``classes``."""
    try:
        with zipfile.ZipFile(path) as archive:
            with archive.open('cam.npy') as file:
                cam = read_cam(path, file, 256)
            with archive.open('classes.npy') as file:
                return cam, _read_array(path, file, 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile,
            zipfile.zlib.error) as error:
        raise ValueError(
            f'{path}: expected soft CAMs, an npz with the arrays "cam" and '
            f'"classes", but {str(error) or type(error).__name__}. Make the '
            'file again.') from error


def _check_arrays(path: str | Path, shape: tuple, dtype: np.dtype,
                  classes: np.ndarray) -> None:
    if len(shape) != 3 or dtype.kind != 'f' or classes.dtype.kind not in (
            'iu') or classes.shape != shape[:1]:
        raise ValueError(
            f'{path}: expected "cam" of shape (k, H, W), floats, and '
            f'"classes" of shape (k,), integers; found {dtype} {shape} and '
            f'{classes.dtype} {classes.shape}. Make the file again.')
