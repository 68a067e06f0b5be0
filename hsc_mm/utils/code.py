"""Code that belongs to a user, not to Python or to installed packages."""
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from .sums import fingerprint

__all__ = ['code_hash', 'is_installed']

_FOLDERS = tuple(sysconfig.get_paths()[name] + os.sep
                 for name in ('stdlib', 'purelib', 'platlib'))
# Packages that are nobody's own code, also where ``pip install -e`` leaves
# them in a folder of the user's.
_HOSTS = ('mmengine', 'mmcv', 'mmseg', 'mmpretrain', 'torch')


def is_installed(path: str | Path) -> bool:
    """Say whether a file is of Python itself or of an installed package.

    OpenMMLab's packages and torch are installed in whatever folder they lie.
    """
    hosts = [os.path.join(folder, '') for name in _HOSTS for folder in
             getattr(sys.modules.get(name), '__path__', ())]
    return os.fspath(path).startswith((*_FOLDERS, *hosts)) or not {
        'site-packages', 'dist-packages'}.isdisjoint(Path(path).parts)


def code_hash(modules: str | Iterable[str]) -> str | None:
    """Return a hash of the source of modules, installed packages left out.

    Of a package, and of a module in a package, it is that of every ``.py``
    file in its folder, an environment there left out. None where no such file
    is found.
    """
    found: set[Path] = set()
    for name in [modules] if isinstance(modules, str) else modules:
        if name.partition('.')[0] in ('hsc_mm', *_HOSTS):
            continue
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            continue
        origin = Path(spec.origin) if spec and spec.origin and (
            spec.has_location) else None
        if origin is None or is_installed(origin):
            continue
        files = origin.parent.rglob('*.py') if '.' in name or (
            spec.submodule_search_locations) else [origin]
        found.update(file for file in files if not is_installed(file))
    return fingerprint(found) if found else None
