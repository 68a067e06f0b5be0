"""Sizes of what parts of other people return, and words for it."""
from collections.abc import Sequence
from typing import Any

from torch import Tensor

__all__ = ['check_shape', 'described']


def check_shape(owner: str, found: Any, shape: Sequence[int | str]) -> Tensor:
    """Return a Tensor as it is, or refuse it where its size is another.

    No value is looked at, so nothing waits for the device.

    Args:
        owner (str): What returns it, with its class, for the message.
        found (Any): What it returned.
        shape (sequence[int | str]): Each size; a letter is any size.

    Raises:
        ValueError: It is no Tensor, or one of another size, which torch
            might broadcast in silence.
    """
    if isinstance(found, Tensor) and found.ndim == len(shape) and all(
            isinstance(one, str) or one == size
            for one, size in zip(shape, found.shape, strict=True)):
        return found
    raise ValueError(f'{owner}: expected a Tensor '
                     f'({", ".join(map(str, shape))}), found '
                     f'{described(found)}. Return that size.')


def described(found: Any) -> str:
    """Say what a value is: ``'ndarray of uint8 (5, 6)'``.

    Args:
        found (Any): Of an array or a Tensor type and shape are said, a
            number and None as they are, of other things the class alone.
    """
    if found is None or isinstance(found, int | float):
        return repr(found)
    name = type(found).__name__
    if not hasattr(found, 'shape') or not hasattr(found, 'dtype'):
        return name
    return f'{name} of {found.dtype} {tuple(found.shape)}'
