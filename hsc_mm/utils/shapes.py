"""Words for what parts of other people return."""
from typing import Any

__all__ = ['described']


def described(found: Any) -> str:
    """Say what a value is: ``'ndarray of uint8 (5, 6)'``.

    Args:
        found (Any): Of an array or a Tensor type and shape are said, of
            other things the class alone.
    """
    if found is None:
        return 'None'
    name = type(found).__name__
    if not hasattr(found, 'shape') or not hasattr(found, 'dtype'):
        return name
    return f'{name} of {found.dtype} {tuple(found.shape)}'
