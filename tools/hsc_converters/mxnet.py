"""ResNet-38 as MXNet saved it, read without MXNet.

A ``.params`` file is little-endian: the number 0x112 and a reserved one
(uint64 each), the number of arrays (uint64) and the arrays, the number of
names (uint64) and the names, each its length (uint64) and its letters. An
array is, by version (``NDArray::Load`` in MXNet's ``src/ndarray/ndarray.cc``):

======  =================================================================
legacy  number of dimensions (uint32), dimensions (uint32 each)
V1      0xF993fac8, number of dimensions (uint32), dimensions (int64 each)
V2, V3  0xF993fac9 or 0xF993faca, storage type (int32, 0 is dense), number
        of dimensions (int32), dimensions (int64 each)
======  =================================================================

then device type and number, type of the values (int32 each), and the values.
"""
import re
import struct
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

__all__ = ['is_params', 'read_params', 'rename_mxnet']

_LIST, _V1, _V2, _V3 = 0x112, 0xF993fac8, 0xF993fac9, 0xF993faca
_TYPES = ('f4', 'f8', 'f2', 'u1', 'i4', 'i1', 'i8')
_MAX_DIMS = 32

_BLOCK = re.compile(
    r'(?P<kind>res|bn)(?P<stage>\d)(?:a|b(?P<block>\d+))_'
    r'(?P<branch>branch\w+?)_(?P<what>weight|gamma|beta|moving_mean|'
    r'moving_var)')
_NORM = dict(
    gamma='weight',
    beta='bias',
    moving_mean='running_mean',
    moving_var='running_var')


class _Cursor:
    """Read on in the bytes of a file, and say where they end."""

    def __init__(self, path: Path, data: bytes) -> None:
        self.path, self.data, self.at = path, data, 0
        self.where = 'the header'

    def take(self, size: int, what: str) -> memoryview:
        """Return the next bytes."""
        left = len(self.data) - self.at
        if size > left:
            raise self.error(f'expected {size} bytes of {what}, found '
                             f'{left}, where the file ends')
        self.at += size
        return memoryview(self.data)[self.at - size:self.at]

    def numbers(self, letters: str, what: str) -> tuple[int, ...]:
        """Return numbers in the notation of :mod:`struct`."""
        letters = '<' + letters
        return struct.unpack(letters,
                             self.take(struct.calcsize(letters), what))

    def error(self, problem: str) -> ValueError:
        """Return an error that names the place."""
        return ValueError(
            f'{self.path}: in {self.where}, at byte {self.at}: {problem}. '
            'Fetch the .params file again, as a binary file.')


def is_params(path: str | Path) -> bool:
    """Say whether a file begins as MXNet's do."""
    with open(path, 'rb') as file:
        return file.read(8) == struct.pack('<Q', _LIST)


def read_params(path: str | Path) -> dict[str, np.ndarray]:
    """Read a ``.params`` file.

    Args:
        path (str | Path): The file; see the module for its format.

    Returns:
        dict[str, np.ndarray]: Arrays by name, the names with their prefix
        ``arg:`` or ``aux:``.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is another kind of file, or truncated; the message
            says in which array or name it ends. (The names of the arrays
            come last, so an array is named by its number.)
    """
    cursor = _Cursor(Path(path), Path(path).read_bytes())
    magic, _, count = cursor.numbers('QQQ', 'magic numbers')
    if magic != _LIST:
        raise cursor.error(f'expected 0x{_LIST:x}, which MXNet writes first, '
                           f'found 0x{magic:x}')
    arrays = []
    for number in range(count):
        cursor.where = f'array {number + 1} of {count}'
        arrays.append(_read_array(cursor))
    cursor.where = 'the names'
    named, = cursor.numbers('Q', 'their number')
    if named != count:
        raise cursor.error(f'expected {count} names, as many as arrays, '
                           f'found {named}')
    names = []
    for number in range(named):
        cursor.where = f'name {number + 1} of {named}'
        names.append(_read_name(cursor))
    return dict(zip(names, arrays, strict=True))


def _read_name(cursor: _Cursor) -> str:
    length, = cursor.numbers('Q', 'its length')
    return str(cursor.take(length, 'its letters'), 'utf-8', 'replace')


def _read_array(cursor: _Cursor) -> np.ndarray:
    """Read one array of any version."""
    shape = _read_shape(cursor)
    if shape is None:
        return np.empty(0, 'f4')
    _, _, flag = cursor.numbers('iii', 'device and type')
    if not 0 <= flag < len(_TYPES):
        raise cursor.error(f'expected a type from 0 to {len(_TYPES) - 1}, '
                           f'found {flag}')
    kind = np.dtype('<' + _TYPES[flag])
    size = kind.itemsize * prod(shape)
    data = cursor.take(size, f'{kind.name} values of shape {shape}')
    try:  # A copy: the bytes of the file are read-only.
        return np.frombuffer(data, kind).reshape(shape).copy()
    except ValueError as error:  # no values, in dimensions that overflow
        raise cursor.error(f'expected a shape, found {shape}') from error


def _read_shape(cursor: _Cursor) -> tuple[int, ...] | None:
    """Read a shape; None says that nothing follows."""
    magic, = cursor.numbers('I', 'version')
    letter, dims = 'q', magic
    if magic in (_V2, _V3):
        storage, dims = cursor.numbers('ii', 'storage type and dimensions')
        if storage != 0:
            raise cursor.error('expected a dense array (storage type 0), '
                               f'found type {storage}')
    elif magic == _V1:
        dims, = cursor.numbers('I', 'dimensions')
    else:
        letter = 'I'
    if not -1 <= dims <= _MAX_DIMS:
        raise cursor.error(f'expected at most {_MAX_DIMS} dimensions or the '
                           f'mark of a version, found {dims} (0x{magic:x})')
    if dims == -1 or (dims == 0 and magic != _V3):
        return None
    shape = cursor.numbers(letter * dims, f'{dims} dimensions')
    if min(shape, default=0) < 0:
        raise cursor.error(f'expected dimensions >= 0, found {shape}')
    return shape


def rename_mxnet(arrays: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """Give the tensors of ResNet-38 the names of the PyTorch checkpoints.

    ``arg:res3b2_branch2a_weight`` is ``b3_2.conv_branch2a.weight`` and
    ``aux:bn2a_branch2a_moving_mean`` is ``b2.bn_branch2a.running_mean``. The
    classifier ``linear1000`` is left out; a name that is not ResNet-38's is
    passed on without its prefix.

    Args:
        arrays (dict[str, np.ndarray]): What :func:`read_params` returns.

    Returns:
        dict[str, Tensor]: By the names of ``ResNet38d``.
    """
    names = {key: _rename(key.split(':', 1)[-1]) for key in arrays}
    return {
        names[key]: torch.from_numpy(array)
        for key, array in arrays.items()
        if not names[key].startswith('linear1000_')
    }


def _rename(name: str) -> str:
    """Return the name of a tensor of ResNet-38 in PyTorch."""
    if name == 'conv1a_weight':
        return 'conv1a.weight'
    if name.startswith('bn7_') and name[4:] in _NORM:
        return f'bn7.{_NORM[name[4:]]}'
    match = _BLOCK.fullmatch(name)
    if match is None or (match['kind'] == 'res') != (match['what'] ==
                                                     'weight'):
        return name
    block = f'b{match["stage"]}'
    if match['block']:
        block += f'_{match["block"]}'
    layer = 'conv' if match['kind'] == 'res' else 'bn'
    return (f'{block}.{layer}_{match["branch"]}.'
            f'{_NORM.get(match["what"], match["what"])}')
