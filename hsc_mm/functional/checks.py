"""Shapes and words that torch would take, and broadcast or ignore."""
from collections.abc import Collection

from torch import Tensor

__all__ = ['check_all_labels', 'check_labels', 'check_mask', 'check_word']


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


def check_all_labels(label: Tensor, maps: Tensor) -> None:
    """Refuse labels with the background that do not fit maps, (B, C, h, w).

    Raises:
        ValueError: Their shape is not (B, C).
    """
    if label.shape != maps.shape[:2]:
        raise ValueError(
            f'label: expected the shape {tuple(maps.shape[:2])}, a row for '
            'each image, a column for each class and the background first, '
            f'found {tuple(label.shape)}.')


def check_mask(mask: Tensor, embedding: Tensor) -> None:
    """Refuse a mask that is not that of an embedding, (B, D, h, w).

    Raises:
        ValueError: Its shape is not (B, h, w).
    """
    expected = (embedding.shape[0], *embedding.shape[2:])
    if tuple(mask.shape) != expected:
        raise ValueError(
            f'mask: expected the shape {expected} of the embedding, (B, h, '
            f'w), found {tuple(mask.shape)}. Resize it, by the nearest '
            'pixel.')


def check_word(name: str, value: str, known: Collection[str]) -> None:
    """Refuse a word that means nothing.

    Raises:
        ValueError: It is none of those known.
    """
    if value not in known:
        raise ValueError(f'{name}: expected one of {tuple(known)}, found '
                         f'{value!r}.')
