"""Checks of numbers, keys and devices that a user names."""
import math
import numbers
from collections.abc import Collection, Iterable
from difflib import get_close_matches

import torch

__all__ = [
    'check_device', 'check_finite_maps', 'check_keys', 'check_number',
    'check_size', 'is_finite', 'nearest'
]


def check_device(name: str | None = None) -> str:
    """Return a device that is there.

    Args:
        name (str, optional): ``'cpu'``, ``'cuda'``, ``'cuda:1'`` ...; by
            default ``'cuda'`` if there is one, else ``'cpu'``.

    Raises:
        ValueError: torch knows no such device, or this machine has none.
    """
    if name is None:
        return 'cuda' if torch.cuda.is_available() else 'cpu'
    why = ''
    try:
        device = torch.device(name)
        count = torch.cuda.device_count()
        if device.type == 'cuda' and (device.index or 0) >= count:
            why = f'torch finds {count} GPU(s) on this machine'
        elif device.type == 'meta':
            why = 'it holds no values'
        else:
            torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        why = str(error).splitlines()[0][:99]
    if why:
        raise ValueError(f'device: expected "cpu", "cuda" or "cuda:N", found '
                         f'{name!r}: {why}.')
    return name


def check_number(name: str,
                 value: float,
                 least: float | None = None,
                 above: float | None = None,
                 below: float | None = None,
                 most: float | None = None,
                 whole: bool = False) -> float:
    """Return a number as it is, or refuse it where it is out of range.

    Args:
        name (str): What it is and whose, for the message: ``'steps of PAR'``.
        value (float): What was found.
        least (float, optional): The smallest value allowed.
        above (float, optional): A bound that is not allowed itself.
        below (float, optional): The same at the upper end.
        most (float, optional): The largest value allowed.
        whole (bool): Whether it has to be an integer.

    Returns:
        float: The value.

    Raises:
        ValueError: It is no finite number in that range.
    """
    kind = numbers.Integral if whole else numbers.Real
    if isinstance(value, kind) and is_finite(value) \
            and (least is None or value >= least) \
            and (above is None or value > above) \
            and (below is None or value < below) \
            and (most is None or value <= most):
        return value
    bounds = ' and '.join(
        f'{sign} {bound}' for sign, bound in (('>=', least), ('>', above),
                                              ('<', below), ('<=', most))
        if bound is not None)
    raise ValueError(f'{name}: expected '
                     f'{"an integer" if whole else "a finite number"} '
                     f'{bounds}, found {value!r}.')


def is_finite(value: object) -> bool:
    """Say whether a value is a finite number, and no bool."""
    return isinstance(value, numbers.Real) and not isinstance(
        value, bool) and math.isfinite(value)


def check_size(name: str, value: object) -> tuple[int, int] | None:
    """Return (height, width) as it is, or None; refuse anything else.

    Args:
        name (str): What it is and whose, for the message.
        value (object): What was found.

    Raises:
        ValueError: It is no pair of integers from 1.
    """
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f'{name}: expected (height, width), found '
                         f'{value!r}.')
    for side in value:
        check_number(name, side, least=1, whole=True)
    return value



def check_finite_maps(name: str | None, *maps: torch.Tensor) -> None:
    """Refuse what a network computed if it is NaN or infinite.

    Args:
        name (str, optional): The image, for the message.
        maps (Tensor): Of any shape.

    Raises:
        ValueError: A value is not finite; thresholds and maxima would make
            an ordinary mask of it.
    """
    # The extremes are NaN or infinite where a value is, and found faster.
    if not all(bool(end.isfinite()) for one in maps if one.numel()
               for end in one.aminmax()):
        raise ValueError(
            f'{name or "an image"}: expected finite maps of the network, '
            'found NaN or infinity. Its weights are broken, though each may '
            'be finite: take another checkpoint.')


def check_keys(owner: str, found: Iterable[str],
               known: Collection[str]) -> None:
    """Refuse keys that nothing reads.

    Args:
        owner (str): Whose keys they are, for the message.
        found (iterable[str]): Those that there are.
        known (collection[str]): Those that there may be.

    Raises:
        ValueError: There is another; the message has the nearest name.
    """
    for key in found:
        if key not in known:
            raise ValueError(f'{owner}: expected keys of {sorted(known)}, '
                             f'found "{key}".{nearest(key, known)}')


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return `` Is "NAME" meant?``, or nothing where no name is near."""
    near = get_close_matches(str(name), list(known), 1, cutoff)
    return f' Is "{near[0]}" meant?' if near else ''
