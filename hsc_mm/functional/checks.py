"""Shapes and words that torch would take, and broadcast or ignore."""
from collections.abc import Collection

from torch import Tensor

__all__ = ['check_labels', 'check_word']


def check_labels(label: Tensor, batch: int, classes: int) -> None:
    """Refuse image labels of another shape, which would be broadcast.

    Args:
        label (Tensor): Image labels.
        batch (int): B.
        classes (int): K, the foreground classes.

    Raises:
        ValueError: Their shape is not (B, K).
    """
    if tuple(label.shape) != (batch, classes):
        raise ValueError(
            f'label: expected the shape {(batch, classes)}, a row for each '
            'image and a column for each class without the background, found '
            f'{tuple(label.shape)}.')


def check_word(name: str, value: str, known: Collection[str]) -> None:
    """Refuse a word that means nothing.

    Raises:
        ValueError: It is none of those known.
    """
    if value not in known:
        raise ValueError(f'{name}: expected one of {tuple(known)}, found '
                         f'{value!r}.')
