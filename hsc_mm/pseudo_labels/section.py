"""Section `pseudo_label` of a config, and the threshold that its rule has."""
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mmengine.config import Config

from hsc_mm.utils import check_keys
from hsc_mm.utils.numbers import is_finite

if TYPE_CHECKING:
    from .rules import LabelRule

__all__ = ['own_threshold', 'read_section', 'with_threshold']

_KEYS = ('refiners', 'rule', 'soft', 'threshold')


def read_section(cfg: Config, changes: Mapping) -> dict:
    """Return ``pseudo_label`` of a config with changes.

    Args:
        cfg (Config): With or without ``pseudo_label=dict(refiners=[...],
            rule=dict(...), soft=..., threshold=...)``.
        changes (mapping): Values that replace those; None = not given.

    Raises:
        ValueError: The section is no dictionary, or a key is unknown.
    """
    check_keys('pseudo_label', changes, _KEYS)
    found = cfg.get('pseudo_label') or {}
    if not isinstance(found, Mapping):
        raise ValueError('pseudo_label: expected a dictionary with keys of '
                         f'{list(_KEYS)}, found {found!r}.')
    check_keys('pseudo_label', found, _KEYS)
    return {**found, **{
        key: value for key, value in changes.items() if value is not None}}


def own_threshold(rule: 'dict | LabelRule | None') -> float | None:
    """Return the background threshold that a rule has of its own.

    A rule of the user's may call another thing so: one for each class, pixels.
    """
    own = rule.get('threshold') if isinstance(rule, Mapping) else getattr(
        rule, 'threshold', None)
    return own if is_finite(own) and 0 <= own < 1 else None


def with_threshold(rule: 'dict | LabelRule | None',
                   threshold: object) -> 'dict | LabelRule | None':
    """Return a rule whose own threshold, where it has one, is another.

    Raises:
        ValueError: The rule is an object, and its threshold is another.
    """
    if isinstance(rule, Mapping):
        return dict(rule, threshold=threshold) if rule.get(
            'threshold') is not None else rule
    own = own_threshold(rule)
    if own is not None and own != threshold:
        raise ValueError(
            f'threshold: expected none beside a {type(rule).__name__} that '
            f'has its own, {own}, found {threshold!r}. Give the rule as '
            'dict(type=...), or leave one of the two out.')
    return rule
