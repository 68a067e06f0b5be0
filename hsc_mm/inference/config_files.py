"""Config files, and what can be wrong with one before anything is built."""
import copy
import errno
import traceback
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from hsc_mm.utils.io import DISK_ERRORS, PARSER
from hsc_mm.utils.numbers import nearest
from .config_bases import check_bases
from .config_options import check_options, open_sections
from .config_values import check_values
from .config_variables import (
    RefusedConfigError,
    check_replaced,
    quoted_variable,
)
from .custom_imports import import_refused

__all__ = ['place_preprocessor', 'read_config']

_SUFFIXES = ('.py', '.json', '.yaml', '.yml')
# A config is read by way of a temporary copy: no fault of the config.
_TEMPORARY = (*DISK_ERRORS, errno.EMFILE)


def read_config(path: str | Path, options: dict | None = None,
                flag: str = '--cfg-options') -> Config:
    """Read a config and apply options to it.

    Args:
        path (str | Path): Config file.
        options (dict, optional): ``a.b.c`` -> value.
        flag (str): Where the options come from, for messages.

    Returns:
        Config: With a model.

    Raises:
        FileNotFoundError: There is no such file, or a base is missing.
        ValueError: It is no config: another suffix, a syntax error, an error
            of its code, bases that name each other, no model; a value is out
            of range, or an option is mistyped.
    """
    path = Path(path)
    if path.is_dir():
        raise FileNotFoundError(f'config {path}: expected a file (.py), found '
                                'a folder. Name a file in it.')
    if not path.is_file():
        raise FileNotFoundError(f'config {path}: there is no such file.')
    if path.suffix not in _SUFFIXES:
        raise ValueError(
            f'config {path}: expected a config ({", ".join(_SUFFIXES)}), '
            f'found {path.suffix or "a file without a suffix"}. The config '
            'is named before its checkpoint.')
    try:
        with PARSER:
            check_bases(path.resolve())
            cfg = Config.fromfile(path)
    except SyntaxError as error:
        refused = import_refused(path, error)
        if refused:
            raise refused from error
        named = [*_files(error)[-1:], error.filename or '']
        where = next((one for one in named if Path(one).is_file()), path)
        pasted = quoted_variable(where)
        if pasted:
            raise ValueError(f'config {where}: {pasted}') from error
        raise ValueError(
            f'config {where}, line {error.lineno}: {error.msg} '
            f'{(error.text or "").strip()}'.rstrip()) from error
    except RefusedConfigError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, OSError) and error.errno in _TEMPORARY:
            raise
        raise _unreadable(path, error) from error
    check_replaced(cfg, path)
    if options:
        check_options(cfg, options, flag)
        open_sections(cfg, options)
        try:
            cfg.merge_from_dict(options)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f'{flag} {sorted(options)}: they do not '
                             f'fit {path}: {error}') from error
        if any(key.startswith('custom_imports') for key in options) and \
                isinstance(cfg.custom_imports, Mapping):
            try:
                import_modules_from_strings(**cfg.custom_imports)
            except (Exception, SystemExit) as error:
                raise import_refused(path, error) or error from error
    place_preprocessor(cfg)
    check_values(cfg, path)
    return cfg


def place_preprocessor(cfg: Config) -> None:
    """Move a preprocessor beside the model into it, as mmengine's runner.

    Args:
        cfg (Config): Changed in place, unless the model has one of its own.
    """
    found, model = cfg.get('data_preprocessor'), cfg.get('model')
    if found and isinstance(model, dict):
        model.setdefault('data_preprocessor', copy.deepcopy(found))


def _files(error: BaseException) -> list[str]:
    """List the config files that were being read, outermost first."""
    return [
        str(frame.f_locals['filename'])
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_name in ('_file2dict', '_parse_lazy_import')
    ]


def _unreadable(path: Path, error: BaseException) -> Exception:
    """Say which file could not be read, at which line, and why."""
    files = _files(error) or [str(path)]
    refused = import_refused(files[-1], error)
    if refused:
        return refused
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_name == '_get_cfg_path' and \
                'scope' in frame.f_locals:
            return _no_package(files[-1], frame.f_locals, error)
        if frame.f_code.co_name == '_substitute_base_vars' and \
                'new_k' in frame.f_locals:
            return _no_variable(files[-1], frame.f_locals)
    if isinstance(error, RecursionError):
        return ValueError(
            f'config {path}: its _base_ files refer to each other in a '
            f'circle, or import each other. {files[-1]} is one of them. '
            'Remove one of these _base_.')
    if isinstance(error, FileNotFoundError):
        missing = error.filename or (files[-1] if len(files) > 1 else '')
        by = files[-2] if len(files) > 1 and str(
            missing) == files[-1] else files[-1]
        return FileNotFoundError(
            f'config {by}: {missing or error}: there is no such file. Write '
            '_base_ relative to the folder of the config.')
    if isinstance(error, UnicodeDecodeError):
        return ValueError(f'config {files[-1]}: expected text in UTF-8, '
                          f'found other bytes ({error.reason}).')
    lines = [f', line {frame.lineno}'
             for frame in traceback.extract_tb(error.__traceback__)
             if frame.filename == files[-1]]
    text = (str(error) or type(error).__name__).splitlines()[0]
    return ValueError(f'config {files[-1]}{"".join(lines[-1:])}: '
                      f'{type(error).__name__}: {text}')


def _no_package(path: str, place: dict, error: Exception) -> Exception:
    """Say what a ``_base_`` of a package needs, such as ``mmseg::a/b.py``.

    Args:
        path (str): The config that names it.
        place (dict): Names in mmengine's ``_get_cfg_path``.
        error (Exception): What that raised.
    """
    scope, name = place['scope'], place['cfg_path']
    name = name.partition('::')[2] if '::' in name else name
    spec = find_spec(scope) if scope.isidentifier() else None
    folder = None
    for home in (spec and spec.submodule_search_locations) or ():
        for one in (Path(home) / '.mim', Path(home).parent):
            if folder is None and (one / 'configs').is_dir():
                folder = one / 'configs'
    if folder and (folder / name).is_file():
        advice = f'Name its path: _base_ = {str(folder / name)!r}.'
    elif folder:
        advice = f'Name the path of a file; those of {scope} lie in {folder}.'
    else:
        advice = 'Name the path of a file, from the folder of the config.'
    why = 'expected a config of a package of OpenMMLab, as ' \
        'PACKAGE::FOLDER/FILE, found none'
    if isinstance(error, ModuleNotFoundError):
        why = 'this form looks for the distribution ' \
            f'{place.get("package")}, which is not installed'
        if spec:
            why += f'; the {scope} here is of another one (onedl-...), ' \
                'beside which it must not be'
    return ValueError(f'config {path}: _base_ "{scope}::{name}": {why}. '
                      f'{advice}')


def _no_variable(path: str, place: dict) -> Exception:
    """Say which ``{{_base_.name}}`` no base of a config has.

    Args:
        path (str): The config.
        place (dict): Names in mmengine's ``_substitute_base_vars``.
    """
    names = place['base_var_dict']
    name = next(names[one] for one in (place.get('v'), place['cfg'])
                if isinstance(one, str) and one in names)
    found = place['new_v']
    near = nearest(place['new_k'], found) if isinstance(found, dict) else ''
    return ValueError(
        f'config {path}: {{{{_base_.{name}}}}}: expected a variable of its '
        f'_base_ files, found no "{place["new_k"]}" in them.{near} Correct '
        'the name, or write the value.')
