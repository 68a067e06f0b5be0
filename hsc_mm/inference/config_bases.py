"""Bases of configs, which are followed before mmengine reads them."""
import ast
import codecs
from collections.abc import Iterator, Mapping
from pathlib import Path

from mmengine import fileio

from .config_loops import as_list
from .config_variables import RefusedConfigError, check_values_of_variables

__all__ = ['check_bases']


def check_bases(path: Path, above: tuple[Path, ...] = ()) -> None:
    """Follow the literal ``_base_`` of files; mmengine would not end.

    Raises:
        RefusedConfigError: Bases name each other, a file holds no config, or
            a variable has a backslash.
        SyntaxError: A file is no Python.
    """
    if path in above:
        circle = ' -> '.join(map(str, (*above[above.index(path):], path)))
        raise RefusedConfigError(
            f'config {above[0]}: its _base_ files refer to each other in a '
            f'circle ({circle}). Remove one of these _base_.')
    if not path.is_file():
        return
    source = path.read_bytes()
    check_values_of_variables(path, source.decode('utf-8', 'replace'))
    for name in _python_bases(path, source) if path.suffix == '.py' else \
            _data_bases(path):
        if isinstance(name, str) and '::' not in name:
            check_bases((path.parent / name).resolve(), (*above, path))


def _python_bases(path: Path, source: bytes) -> Iterator[object]:
    """Yield the literal bases of a Python file."""
    if b'\0' in source or source.startswith(codecs.BOM_UTF8):
        raise RefusedConfigError(
            f'config {path}: expected text in UTF-8, found '
            + ('zero bytes, as of UTF-16' if b'\0' in source else
               'a byte order mark') +
            '. Save it as UTF-8 without a byte order mark.')
    for line in ast.parse(source, str(path)).body:
        if isinstance(line, ast.Assign) and any(
                getattr(target, 'id', '') == '_base_'
                for target in line.targets):
            try:
                yield from as_list(ast.literal_eval(line.value))
            except ValueError:
                continue


def _data_bases(path: Path) -> Iterator[object]:
    """Yield the bases of a JSON or YAML file."""
    try:
        found = fileio.load(path)
    except Exception:  # variables are not replaced yet; mmengine will say
        return
    if not isinstance(found, Mapping):
        raise RefusedConfigError(
            f'config {path}: expected keys and values, found '
            + (f'a {type(found).__name__}.' if found else 'an empty file.'))
    yield from as_list(found.get('_base_') or [])
