"""Rows of a comparison, and the arithmetic that all of them share."""
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = [
    'FROM_LABELS', 'Arrays', 'MissingArrayError', 'Row', 'background_first',
    'channel_steps', 'compare', 'compare_channels', 'compare_present',
    'count_equal', 'problem'
]

#: Losses, gradients and prototypes: the same sums in another order.
TOLERANCE = 1e-5
#: Pool of everything that a CRF made of labels.
FROM_LABELS = 'CRF from labels'


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        array (str): Name of the array.
        what (str): What was compared, or why it could not be.
        max_abs (float, optional): Largest absolute difference.
        max_rel (float, optional): The same over the largest absolute value
            of the stored array.
        tolerance (str): What was allowed.
        verdict (str): ``'pass'``, ``'FAIL'`` or, for information, ``''``.
        file (str): Name of the file.
        pool (str): Rows of one pool are judged together.
        equal (int): How many labels of a pooled row are equal.
        total (int): How many labels it has.
    """
    array: str
    what: str
    max_abs: float | None = None
    max_rel: float | None = None
    tolerance: str = ''
    verdict: str = ''
    file: str = ''
    pool: str = ''
    equal: int = 0
    total: int = 0


class MissingArrayError(ValueError):
    """A file lacks an array that something is computed from."""


class Arrays(dict):
    """Arrays by name; one that is not there is an error with its name."""

    def __missing__(self, key: str) -> np.ndarray:
        raise MissingArrayError(f'the file has no array "{key}"')

    def tensor(self, key: str) -> Tensor:
        """Return an array as a tensor of its own."""
        return torch.from_numpy(np.array(self[key]))

    def maps(self, key: str) -> Tensor:
        """Return maps (B, C, h, w), their background moved to the front."""
        return torch.from_numpy(background_first(self[key]))


def background_first(array: np.ndarray, axis: int = 1) -> np.ndarray:
    """Move the background from the last to the first place, copied."""
    return np.ascontiguousarray(np.roll(array, 1, axis))


def channel_steps(full: int, stored: int) -> list[int]:
    """Return each s for which ``range(0, full, s)`` is as long as stored."""
    return [step for step in range(1, full + 1)
            if len(range(0, full, step)) == stored]


def compare(name: str,
            what: str,
            found: Tensor | np.ndarray,
            expected: np.ndarray,
            tolerance: float = TOLERANCE,
            absolute: bool = False) -> Row:
    """Compare two arrays; values that are not numbers must agree too.

    Args:
        name (str): Name of the array.
        what (str): What is compared.
        found (Tensor | np.ndarray): What was computed here.
        expected (np.ndarray): What is stored.
        tolerance (float): Largest relative difference that passes.
        absolute (bool): Whether it is the absolute one instead.

    Returns:
        Row: With a verdict.
    """
    found = np.asarray(
        found.detach() if isinstance(found, Tensor) else found, np.float64)
    expected = np.asarray(expected, np.float64)
    if found.size == expected.size == 1:  # A loss may be stored as (1, ).
        found = found.reshape(expected.shape)
    if found.shape != expected.shape:
        return problem(name, f'{what}: shape {found.shape} instead of '
                       f'{expected.shape}')
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    with np.errstate(invalid='ignore'):
        difference = np.where(same, 0, np.abs(found - expected))
    largest = float(difference.max(initial=0))
    scale = float(np.abs(np.nan_to_num(expected)).max(initial=0))
    relative = largest / scale if scale else largest and float('inf')
    passed = (largest if absolute else relative) <= tolerance
    return Row(name, what, largest, relative,
               f'{tolerance:g}{" absolute" if absolute else ""}',
               'pass' if passed else 'FAIL')


def compare_channels(name: str,
                     what: str,
                     found: Tensor,
                     expected: np.ndarray,
                     tolerance: float = TOLERANCE) -> Row:
    """Compare maps of which every s-th channel is stored.

    s is told from the numbers of channels; where several fit (3 of 20 may
    be every 7th, 8th or 9th), it is the one that agrees best.
    """
    steps = channel_steps(found.shape[1], expected.shape[1])
    if not steps:
        return problem(name, f'{what}: expected 1 channel in n of '
                       f'{found.shape[1]}, found {expected.shape[1]} '
                       'channels: no n fits')
    rows = [
        compare(name, f'{what}, 1 channel in {step}', found[:, ::step],
                expected, tolerance) for step in steps
    ]
    # Without a number where shapes differ, not a number where values are.
    return min(rows, key=lambda row: (row.verdict != 'pass',
                                      row.max_rel is None, row.max_rel))


def compare_present(
        arrays: Arrays, tasks: dict[str, tuple[str, Callable]],
        adapt: Callable[[str], np.ndarray] | None = None) -> list[Row]:
    """Compare those arrays of some that a file has.

    Args:
        arrays (Arrays): The file.
        tasks (dict): What each array is, and how to compute it.
        adapt (callable, optional): Returns the stored array of a name in
            the order of this package.

    Returns:
        list[Row]: A row for each array; a failed one where an array that
        it is computed from is missing.
    """
    rows = []
    for name, (what, function) in tasks.items():
        if name not in arrays:
            continue
        stored = arrays[name] if adapt is None else adapt(name)
        try:
            rows.append(compare(name, what, function(), stored))
        except MissingArrayError as error:
            rows.append(problem(name, f'{what}: {error}'))
    return rows


def count_equal(name: str, pool: str, found: Tensor | np.ndarray,
                expected: np.ndarray) -> Row:
    """Count equal labels, for information and for the row of the pool."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape:
        return problem(name, f'{pool}: shape {found.shape} instead of '
                       f'{expected.shape}')
    equal = int((found == expected).sum())
    share = f'{equal / max(found.size, 1):.2%} of {found.size} equal'
    return Row(name, f'{pool}: {share}', pool=pool, equal=equal,
               total=found.size)


def problem(name: str, message: str) -> Row:
    """Return the row of something that could not be compared."""
    return Row(name, message, verdict='FAIL')
