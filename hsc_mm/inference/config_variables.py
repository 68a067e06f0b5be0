"""Environment variables in configs, ``{{$NAME:default}}``."""
import os
import re
from pathlib import Path

from mmengine.config import Config

__all__ = ['check_variables', 'quoted_variable']

_VARIABLE = re.compile(r'\{\{[\'"]?\s*\$(\w+)')


def check_variables(cfg: Config, path: str | Path) -> None:
    """Refuse variables that mmengine leaves as they are, or reads wrongly.

    Raises:
        ValueError: One has a backslash, or no default, or stands on several
            lines.
    """
    for name, value in cfg.env_variables.items():
        if '\\' in value:  # mmengine would read it as an escape
            raise ValueError(
                f'environment variable {name}, which {path} reads: expected '
                f'a value without a backslash, found {value!r}. Write / for '
                'it, or rename the folder.')
    left = _VARIABLE.search(str(cfg.to_dict()))
    if left:
        raise ValueError(
            f'config {path}: environment variable {left[1]}: expected '
            '{{$NAME:default}} on one line, the default without spaces, found '
            'another form, which mmengine does not replace. Correct it.')


def quoted_variable(path: str | Path) -> str | None:
    """Return advice if a variable of a config has a quotation mark.

    mmengine pastes values as text: such a config is no Python.

    Args:
        path (str | Path): The config.

    Returns:
        str | None: None where none has.
    """
    for name in _VARIABLE.findall(Path(path).read_text('utf-8')):
        value = os.environ.get(name, '')
        if {*value} & {*'\'"\n'}:
            return (
                f'environment variable {name}: expected a value without '
                f'quotation marks, found {value!r}. Write it as '
                f'r"""{{{{${name}:...}}}}""" in the config, where \' may '
                'stand in it, or name another path.')
    return None
