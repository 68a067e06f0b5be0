"""Environment variables in configs, ``{{$NAME:default}}``."""
import ast
import os
import re
from pathlib import Path

from mmengine.config import Config

__all__ = [
    'RefusedConfigError', 'check_replaced', 'check_values_of_variables',
    'quoted_variable'
]

_VARIABLE = re.compile(r'\{\{[\'"]?\s*\$(\w+)')


class RefusedConfigError(ValueError):
    """Refused before mmengine reads it."""


def check_values_of_variables(path: Path, text: str) -> None:
    r"""Refuse variables with a backslash: mmengine reads it as an escape.

    Args:
        path (Path): A config, before mmengine reads it.
        text (str): What it holds.

    Raises:
        RefusedConfigError: The message names the variable.
    """
    for name in _VARIABLE.findall(text):
        value = os.environ.get(name, '')
        if '\\' in value:
            raise RefusedConfigError(
                f'environment variable {name}, which {path} reads: expected '
                f'a value without a backslash, found {value!r}. Write / for '
                'it, or rename the folder.')


def check_replaced(cfg: Config, path: str | Path) -> None:
    """Refuse variables that mmengine has left as they are.

    Raises:
        ValueError: One has no default, or stands on several lines.
    """
    left = _VARIABLE.search(str(cfg.to_dict()))
    if left:
        raise ValueError(
            f'config {path}: environment variable {left[1]}: expected '
            '{{$NAME:default}} on one line, the default without spaces, found '
            'another form, which mmengine does not replace. Correct it.')


def quoted_variable(path: str | Path) -> str | None:
    """Return advice if a variable makes a config of Python unreadable.

    mmengine pastes values as text: a quotation mark or a line break in one
    may end the text that it stands in.

    Args:
        path (str | Path): The config.

    Returns:
        str | None: None where the config is no Python without them either,
        or where none holds such a mark.
    """
    try:
        source = Path(path).read_bytes()
        ast.parse(source)
    except (OSError, SyntaxError, ValueError):
        return None
    for name in _VARIABLE.findall(source.decode('utf-8', 'replace')):
        value = os.environ.get(name, '')
        if {*value} & {*'\'"\n'}:
            return (
                f'environment variable {name}: expected a value without '
                f'quotation marks and line breaks, found {value!r}. Write it '
                f'as r"""{{{{${name}:...}}}}""" in the config, where \' may '
                'stand in it, or name another path.')
    return None
