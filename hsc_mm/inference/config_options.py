"""Options of the command line, and the places of a config they go to."""
from typing import Any

from mmengine.config import Config

from hsc_mm.utils.numbers import nearest
from hsc_mm.utils.part_types import arguments_of, classes_named
from .config_keys import TOP_LEVEL

__all__ = ['check_options', 'open_sections', 'option_words']


def option_words(flag: str, options: dict | None) -> list[str]:
    """Return options as words of a command line, ``flag`` before them.

    Args:
        flag (str): ``'--cfg-options'``.
        options (dict, optional): ``a.b.c`` -> value. None or empty: no words.
    """
    return [flag, *(
        f'{key}={value}' if isinstance(value, str) else
        f'{key}={value}'.replace(' ', '')  # mmengine wants none
        for key, value in options.items())] if options else []


def check_options(cfg: Config, options: dict, flag: str) -> None:
    """Refuse options whose key is a misspelt one of the config.

    A key that the type of its section takes as an argument is none, however
    like another one it looks.

    Args:
        cfg (Config): Before the options.
        options (dict): ``a.b.c`` -> value.
        flag (str): Where the options come from, for messages.

    Raises:
        ValueError: There is one; the message has the key that is meant.
    """
    for option in options:
        node: Any = cfg
        keys = option.split('.')
        for depth, key in enumerate(keys):
            if isinstance(node, list | tuple):
                node = _item(node, key)
                continue
            if not isinstance(node, dict | Config):
                break
            if key in node:
                node = node[key]
                continue
            if not depth and key in TOP_LEVEL:
                break
            known = [*node.keys(), *(() if depth else TOP_LEVEL)]
            near = nearest(key, known, 0.8)
            if near and depth and _takes(
                    options.get('.'.join([*keys[:depth], 'type']),
                                node.get('type')), key):
                break
            if near or not depth:
                raise ValueError(
                    f'{flag} {option}: expected a key of the config, '
                    f'found "{key}", which nothing reads.{near} A new one '
                    'can be written into the config file.')
            break


def _item(node: list | tuple, key: str) -> Any:
    """Return what an option calls ``key`` of a list; None where not there."""
    return node[int(key)] if key.isdecimal() and int(key) < len(
        node) else None


def _takes(kind: Any, key: str) -> bool:
    """Say whether a type has an argument of that name."""
    return kind is not None and any(
        key in arguments_of(one) for one in classes_named(kind))


def open_sections(cfg: Config, options: dict) -> None:
    """Let options set keys of what a config switches off by None.

    mmengine merges no keys into None: ``optim_wrapper.clip_grad.max_norm``
    would be refused where a config says ``clip_grad=None``.

    Args:
        cfg (Config): Changed in place: such a None becomes an empty dict.
        options (dict): ``a.b.c`` -> value.
    """
    for option in options:
        node: Any = cfg
        for key in option.split('.')[:-1]:
            if isinstance(node, list | tuple):
                node = _item(node, key)
                continue
            if not isinstance(node, dict | Config) or key not in node:
                break
            if node[key] is None:
                node[key] = {}
            node = node[key]
