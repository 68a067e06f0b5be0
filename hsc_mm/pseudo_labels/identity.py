"""Identity of a refiner or a label rule, as a manifest notes it."""
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hsc_mm.utils.code import code_hash, config_modules

if TYPE_CHECKING:
    from .chain import LabelChain
    from .refiners import Refiner
    from .rules import LabelRule

__all__ = ['check_same', 'own_code', 'part_identity', 'rule_line']


def check_same(what: str, found: Mapping, identity: Mapping) -> None:
    """Compare what a manifest notes with what would be noted now.

    Args:
        what (str): What the folder holds, for messages.
        found (Mapping): That of the manifest. A key that an older one lacks
            counts as None.
        identity (Mapping): That of now.

    Raises:
        FileExistsError: They differ.
    """
    for key in dict.fromkeys((*identity, 'code')):
        old, new = found.get(key), identity.get(key)
        if old != new:
            why = '' if key != 'code' else (
                ': it notes no own code, as in earlier versions'
                if old is None else
                ': custom_imports and types of the config name no own module '
                'now' if new is None else
                ': a module of custom_imports or of a type of the config, or '
                'one that it imports or that lies beside it, has changed '
                'since')
            raise FileExistsError(
                f'{what} with {key} {old!r}, expected {new!r}'
                f'{why}. Choose another folder or remove this one.')


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


def own_code(chain: 'LabelChain', cfg: Mapping | None = None
             ) -> dict[str, str]:
    """Return a hash of the user's code, as a manifest notes it.

    Args:
        chain (LabelChain): Its parts, and the classes that they extend.
        cfg (Mapping, optional): Config whose ``custom_imports`` and types
            count too: a head of the user computes the CAMs.

    Returns:
        dict[str, str]: ``code``, see :func:`hsc_mm.utils.code.code_hash`;
        empty where all code is installed.
    """
    parts = (*chain.refiners, *chain.rule.refiners, chain.rule)
    code = code_hash([*config_modules(cfg or {}),
                      *(kind.__module__ for part in parts
                        for kind in type(part).__mro__)])
    return dict(code=code) if code else {}


def rule_line(rule: 'LabelRule') -> str:
    """Write a label rule, its refiners and its settings in a line."""
    said = [type(one).__name__ for one in rule.refiners]
    said += [f'{key} {value}' for key, value in part_identity(rule).items()
             if key not in ('type', 'class', 'refiners')]
    name = type(rule).__name__
    return f'{name} ({", ".join(said)})' if said else name
