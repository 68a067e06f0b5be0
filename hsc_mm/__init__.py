"""Weakly supervised segmentation as a plug-in for OpenMMLab.

Importing the package checks the installed OpenMMLab family, bridges what the
versions of it disagree on (:mod:`hsc_mm.compat`) and registers everything
under the scope ``hsc_mm``. Where there is no OpenMMLab at all,
:mod:`hsc_mm.functional` is what remains.
"""
import sys
from importlib import import_module
from pathlib import Path

from hsc_mm import compat
from hsc_mm.version import __version__

#: What a user imports -> where it is.
_EXPORTS = dict(
    HSCInferencer='inference',
    make_pseudo_labels='pseudo_labels',
    run_pipeline='pipeline')

__all__ = ['__version__', 'register', *_EXPORTS]


def register() -> None:
    """Check and bridge the environment, and register everything."""
    compat.setup()
    for name in ('datasets', 'engine', 'evaluation', 'models'):
        import_module(f'hsc_mm.{name}')


def _is_command() -> bool:
    """Say whether this process is ``python -m hsc_mm`` or one of tools/."""
    words = sys.orig_argv[1:]
    for flag, word in zip(['', *words], words, strict=False):
        if flag == '-m':
            return word == 'hsc_mm'
        if word == '-c':
            return False
        if not word.startswith('-') and word.endswith('.py'):
            package = Path(__file__).resolve().parent
            return Path(word).resolve().parent in (
                package.parent / 'tools', package / '.mim' / 'tools')
    return False


# A command does so once it knows what it is to do: --help is quick.
if compat.has_openmmlab() and not _is_command():
    register()


def __getattr__(name: str) -> object:
    """Import what users of the package call, when it is asked for."""
    if name in _EXPORTS:
        compat.check_families()
        return getattr(import_module(f'hsc_mm.{_EXPORTS[name]}'), name)
    raise AttributeError(f'module "hsc_mm" has no attribute "{name}"')
