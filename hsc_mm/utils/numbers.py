"""The number in a config, checked."""
import math
import numbers

__all__ = ['check_number']


def check_number(name: str,
                 value: float,
                 least: float | None = None,
                 above: float | None = None,
                 below: float | None = None,
                 whole: bool = False) -> float:
    """Return a number as it is, or refuse it where it is out of range.

    Args:
        name (str): What it is and whose, for the message: ``'steps of PAR'``.
        value (float): What was found.
        least (float, optional): The smallest value allowed.
        above (float, optional): A bound that is not allowed itself.
        below (float, optional): The same at the upper end.
        whole (bool): Whether it has to be an integer.

    Returns:
        float: The value.

    Raises:
        ValueError: It is no finite number in that range.
    """
    kind = numbers.Integral if whole else numbers.Real
    if isinstance(value, kind) and not isinstance(value, bool) \
            and math.isfinite(value) \
            and (least is None or value >= least) \
            and (above is None or value > above) \
            and (below is None or value < below):
        return value
    bounds = ' and '.join(
        f'{sign} {bound}' for sign, bound in (('>=', least), ('>', above),
                                              ('<', below))
        if bound is not None)
    raise ValueError(f'{name}: expected '
                     f'{"an integer" if whole else "a finite number"} '
                     f'{bounds}, found {value!r}.')
