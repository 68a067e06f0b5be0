"""Code that belongs to a user, not to Python or to installed packages."""
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from .code_imports import imported_files
from .sums import fingerprint

__all__ = ['HOSTS', 'code_hash', 'config_modules', 'is_installed']

_FOLDERS = tuple(sysconfig.get_paths()[name] + os.sep
                 for name in ('stdlib', 'purelib', 'platlib'))
#: OpenMMLab's packages that everything here is built on.
HOSTS = ('mmengine', 'mmcv', 'mmseg', 'mmpretrain')
# They are nobody's own code, also where ``pip install -e`` leaves them in a
# folder of the user's.
_FOREIGN = (*HOSTS, 'torch')
_NOT_OWN = ('hsc_mm', *_FOREIGN)


def is_installed(path: str | Path) -> bool:
    """Say whether a file is of Python itself or of an installed package.

    OpenMMLab's packages and torch are installed in whatever folder they lie.
    """
    hosts = [os.path.join(folder, '') for name in _FOREIGN for folder in
             getattr(sys.modules.get(name), '__path__', ())]
    return os.fspath(path).startswith((*_FOLDERS, *hosts)) or not {
        'site-packages', 'dist-packages'}.isdisjoint(Path(path).parts)


def config_modules(cfg: Any) -> list[str]:
    """List the modules that a config imports, and those of its types.

    Configs in mmengine's python style hold classes, and import them.

    Args:
        cfg (Config | dict): Config, or a part of one.

    Returns:
        list[str]: Names, sorted, also of modules that are installed; of a
        type with a scope, the scope.
    """
    found = (cfg.get('custom_imports') or {}).get('imports') or []
    names, todo = [found] if isinstance(found, str) else [*found], [cfg]
    while todo:
        one = todo.pop()
        if isinstance(one, list | tuple):
            todo += one
        elif hasattr(one, 'items') and not isinstance(one, type):
            kind = one.get('type')
            if isinstance(kind, str):
                names.append(kind.rpartition('.')[0])
            elif kind is not None:
                names.append(getattr(kind, '__module__', ''))
            todo += [value for _, value in one.items()]
    return sorted({name for name in names if isinstance(name, str) and name})


def code_hash(modules: str | Iterable[str]) -> str | None:
    """Return a hash of the source of modules, installed packages left out.

    Of a package, and of a module in a package, it is that of the ``.py``
    files in its folder, in the packages below, and of what is imported from
    below already. Folders without ``__init__.py`` may hold the outputs of a
    training, which writes configs, data or an environment: of them it is what
    those files import, in functions too, see
    :func:`hsc_mm.utils.code_imports.imported_files`. None where no such file
    is found.
    """
    found: set[Path] = set()
    for name in [modules] if isinstance(modules, str) else modules:
        if name.partition('.')[0] in _NOT_OWN:
            continue
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            continue
        if spec is not None:
            found.update(file for file in _sources(spec)
                         if file.is_file() and not is_installed(file))
    if found:
        roots = [root for root in map(os.path.abspath, sys.path)
                 if not is_installed(os.path.join(root, ''))]
        found.update(file for file in imported_files(found, roots, _NOT_OWN)
                     if not is_installed(file))
    return fingerprint(found) if found else None


def _sources(spec: ModuleSpec) -> Iterator[Path]:
    """Find the files of a module, and those of the package that it is in."""
    file = Path(spec.origin) if spec.origin and spec.has_location else None
    if file:
        yield file
    if not spec.parent:  # a module in no package; a package is its own
        return
    folders = spec.submodule_search_locations
    if folders is None:
        folders = [os.path.dirname(file)] if file else []
    for top in folders:
        if not is_installed(top):
            yield from _below(top)
    for name, module in list(sys.modules.items()):
        imported = getattr(module, '__file__', None)
        if name.startswith(f'{spec.parent}.') and imported:
            yield Path(imported)


def _below(top: str) -> Iterator[Path]:
    """Find the ``.py`` files of a folder and of the packages in it."""
    for folder, inner, names in os.walk(top):
        inner[:] = [one for one in inner if os.path.isfile(
            os.path.join(folder, one, '__init__.py'))]
        yield from (Path(folder, name) for name in names
                    if name.endswith('.py'))
