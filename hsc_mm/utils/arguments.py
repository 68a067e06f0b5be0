"""Arguments of functions that users call: paths, and kinds of values."""
import os
from typing import Any

__all__ = ['check_kind', 'check_path']


def check_path(name: str, value: Any) -> None:
    """Refuse what names no file or folder.

    Args:
        name (str): Of the argument, for messages.
        value (Any): Expected: a str or an :class:`os.PathLike`, not empty.

    Raises:
        TypeError: It is of another type.
        ValueError: It is empty, which would be the current folder.
    """
    check_kind(name, value, str | os.PathLike, 'a path')
    if not os.fspath(value).strip():
        raise ValueError(f'{name}: expected a path, found {value!r}. The '
                         'current folder is ".".')


def check_kind(name: str, value: Any, kind: Any, expected: str) -> None:
    """Refuse a value of another type, or a bool in place of a number.

    Args:
        name (str): Of the argument, for messages.
        value (Any): What was given.
        kind (type): Expected, or a union.
        expected (str): What messages call it.

    Raises:
        TypeError: It is another one.
    """
    if not isinstance(value, kind) or (
            isinstance(value, bool) and kind is not bool):
        raise TypeError(f'{name}: expected {expected}, found {value!r:.80}.')
