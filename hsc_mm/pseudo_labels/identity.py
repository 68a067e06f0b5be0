"""What a manifest notes of a refiner or a label rule."""
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .refiners import Refiner
    from .rules import LabelRule

__all__ = ['part_identity', 'rule_line']


def part_identity(part: 'Refiner | LabelRule') -> dict:
    """Return what tells a part from others, also from those of other names.

    Args:
        part (Refiner | LabelRule): Its own ``identity()`` tells its settings
            apart, and need not name its class.

    Returns:
        dict: JSON values: ``type``, the name of the class unless
        ``identity()`` says another one; the settings; and for a class of
        another package ``class``, where that is. A class of one name in
        another module, or one that inherits ``identity()``, is another.

    Raises:
        ValueError: ``identity()`` is no dict of JSON values.
    """
    kind = type(part)
    own = part.identity()
    try:
        if not isinstance(own, Mapping):
            raise TypeError('no dict')
        # As it will be read: lists where there were tuples.
        own = json.loads(json.dumps(dict(own)))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f'identity() of {kind.__name__}: expected a dict of JSON values '
            '(numbers, text, lists, None), found '
            f'{own!r} ({error}). Return its settings in such values.'
        ) from error
    found = dict(type=kind.__name__)
    found.update(own)
    if kind.__module__.partition('.')[0] != 'hsc_mm':
        found['class'] = f'{kind.__module__}.{kind.__qualname__}'
    return found


def rule_line(rule: 'LabelRule') -> str:
    """Write a label rule, its refiners and its settings in a line."""
    said = [type(one).__name__ for one in rule.refiners]
    said += [f'{key} {value}' for key, value in part_identity(rule).items()
             if key not in ('type', 'class', 'refiners')]
    name = type(rule).__name__
    return f'{name} ({", ".join(said)})' if said else name
