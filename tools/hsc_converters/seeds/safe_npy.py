"""Reader of ``.npy`` files with pickled dictionaries; runs no code.

``numpy.load(..., allow_pickle=True)`` calls whatever function a file names.
Here a file may name what builds arrays, and nothing else.
"""
import io
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch

__all__ = ['load_npy']

_KINDS = re.compile(r'[biufc]\d{1,2}|[US]\d+|O\d?')
_ERRORS = (pickle.UnpicklingError, ValueError, EOFError, LookupError,
           TypeError, AttributeError, ArithmeticError, RuntimeError,
           MemoryError)


class _Call:
    """A function that a file may call, but not change."""
    __slots__ = ('_function', )

    def __init__(self, function: Callable) -> None:
        self._function = function

    def __call__(self, *args) -> Any:
        return self._function(*args)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError('it changes a function')


class _DType:
    """What a pickle says of a type: NumPy's own takes sizes on trust."""

    def __init__(self, name: str, *_) -> None:
        if not _KINDS.fullmatch(name):
            raise pickle.UnpicklingError(f'it holds values of type {name!r}')
        self.dtype = np.dtype(name)

    def __setstate__(self, state: tuple) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """An array to be: NumPy's own would make pointers of bytes."""
    value: Any = None

    def __setstate__(self, state: tuple) -> None:
        _, shape, kind, fortran, data = state
        self.value = _frombuffer(data, kind, shape, 'F' if fortran else 'C')


def _frombuffer(data: Any, kind: _DType, shape: tuple, order: str) -> Any:
    """Build an array from bytes; of objects their list, or the only one."""
    if not kind.dtype.hasobject:
        data = data.encode('latin1') if isinstance(data, str) else data
        flat = np.frombuffer(data, kind.dtype) if len(data) else np.empty(
            0, kind.dtype)
        return flat.reshape(shape, order=order).copy()
    if not isinstance(data, list) or len(shape) > 1 \
            or len(data) != prod(shape):
        raise ValueError(f'it holds objects in an array of shape {shape}')
    return data if shape else data[0]


def _scalar(kind: _DType, data: Any) -> Any:
    return _frombuffer(data, kind, (), 'C')[()]


def _storage(data: bytes) -> Any:
    """Load the numbers of a pickled tensor, by torch's own safe loader."""
    return torch.load(
        io.BytesIO(data), map_location='cpu', weights_only=True)


def _latin1(text: str, encoding: str) -> bytes:
    """Turn text back into bytes: pickles of Python 2 hold bytes so."""
    if encoding != 'latin1':
        raise pickle.UnpicklingError(f'encoding {encoding!r}')
    return text.encode('latin1')


#: The functions and classes that a file may ask for.
_ALLOWED: dict[tuple[str, str], Any] = {
    ('numpy', 'ndarray'): 'ndarray',  # named, never called
    ('numpy', 'dtype'): _Call(_DType),
    ('collections', 'OrderedDict'): OrderedDict,
    ('_codecs', 'encode'): _Call(_latin1),
    ('__builtin__', 'bytes'): _Call(lambda: b''),  # of Python 2, empty
    ('torch._utils', '_rebuild_tensor_v2'):
    _Call(torch._utils._rebuild_tensor_v2),
    ('torch.storage', '_load_from_bytes'): _Call(_storage),
}
for _core in ('numpy.core', 'numpy._core'):
    _ALLOWED[f'{_core}.multiarray', '_reconstruct'] = _Call(
        lambda *_: _Array())
    _ALLOWED[f'{_core}.multiarray', 'scalar'] = _Call(_scalar)
    _ALLOWED[f'{_core}.numeric', '_frombuffer'] = _Call(_frombuffer)


class _Unpickler(pickle.Unpickler):
    """An unpickler that knows arrays and tensors only."""

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the allowed names; see :meth:`pickle.Unpickler`."""
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f'it asks for {module}.{name}, which no array needs') from None


def load_npy(path: str | Path) -> Any:
    """Read a ``.npy`` file: an array, or a dictionary saved by numpy.

    Dictionaries may hold numbers, strings, lists, arrays and tensors on a
    CPU or a GPU (they come back as arrays). A file that names any other
    function or class is refused before that is called.

    Args:
        path (str | Path): The file.

    Returns:
        np.ndarray | dict: What was saved; tensors as arrays.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is empty, truncated, no ``.npy``, or names
            something that is not allowed.
    """
    with open(path, 'rb') as file:
        try:
            version = np.lib.format.read_magic(file)
            read_header = (
                np.lib.format.read_array_header_1_0 if version == (1, 0) else
                np.lib.format.read_array_header_2_0)
            _, _, dtype = read_header(file)
            if dtype.hasobject:
                content = _Unpickler(file, encoding='latin1').load()
            else:
                file.seek(0)
                content = np.lib.format.read_array(file, allow_pickle=False)
            return _as_arrays(content)
        except _ERRORS as error:
            reason = str(error).splitlines()
            raise ValueError(
                f'{path}: expected a .npy file of arrays, but '
                f'{reason[0] if reason else type(error).__name__}. '
                'Fetch or export the file again.') from error


def _as_arrays(content: Any) -> Any:
    """Turn tensors into arrays, inside dictionaries and lists too."""
    if isinstance(content, _Array):
        return _as_arrays(content.value)
    if isinstance(content, torch.Tensor):
        return content.detach().cpu().numpy()
    if isinstance(content, dict):
        return {key: _as_arrays(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_as_arrays(value) for value in content]
    return content
