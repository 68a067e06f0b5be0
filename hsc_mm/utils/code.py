"""Code that belongs to a user, not to Python or to installed packages."""
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

from .sums import fingerprint

__all__ = ['HOSTS', 'code_hash', 'is_installed']

_FOLDERS = tuple(sysconfig.get_paths()[name] + os.sep
                 for name in ('stdlib', 'purelib', 'platlib'))
#: OpenMMLab's packages that everything here is built on.
HOSTS = ('mmengine', 'mmcv', 'mmseg', 'mmpretrain')
# They are nobody's own code, also where ``pip install -e`` leaves them in a
# folder of the user's.
_FOREIGN = (*HOSTS, 'torch')


def is_installed(path: str | Path) -> bool:
    """Say whether a file is of Python itself or of an installed package.

    OpenMMLab's packages and torch are installed in whatever folder they lie.
    """
    hosts = [os.path.join(folder, '') for name in _FOREIGN for folder in
             getattr(sys.modules.get(name), '__path__', ())]
    return os.fspath(path).startswith((*_FOLDERS, *hosts)) or not {
        'site-packages', 'dist-packages'}.isdisjoint(Path(path).parts)


def code_hash(modules: str | Iterable[str]) -> str | None:
    """Return a hash of the source of modules, installed packages left out.

    Of a package, and of a module in a package, it is that of the ``.py``
    files in its folder, in the packages below, and of what is imported from
    below already. Folders without ``__init__.py`` may hold the outputs of a
    training, which writes configs, data or an environment. None where no such
    file is found.
    """
    found: set[Path] = set()
    for name in [modules] if isinstance(modules, str) else modules:
        if name.partition('.')[0] in ('hsc_mm', *_FOREIGN):
            continue
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            continue
        if spec is not None:
            found.update(file for file in _sources(spec)
                         if file.is_file() and not is_installed(file))
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
