"""Weakly supervised segmentation as a plug-in for OpenMMLab.

Importing the package checks the installed OpenMMLab family, bridges what the
versions of it disagree on (:mod:`hsc_mm.compat`) and registers everything
under the scope ``hsc_mm``. Where there is no OpenMMLab at all,
:mod:`hsc_mm.functional` is what remains.
"""
from importlib import import_module

from hsc_mm import compat
from hsc_mm.version import __version__

#: What a user imports -> where it is.
_EXPORTS = dict(
    HSCInferencer='inference',
    make_pseudo_labels='pseudo_labels',
    run_pipeline='pipeline')

__all__ = ['__version__', *_EXPORTS]

if compat.has_openmmlab():
    compat.setup()
    from hsc_mm import datasets, engine, evaluation, models  # noqa: F401


def __getattr__(name: str) -> object:
    """Import what users of the package call, when it is asked for."""
    if name in _EXPORTS:
        compat.check_families()
        return getattr(import_module(f'hsc_mm.{_EXPORTS[name]}'), name)
    raise AttributeError(f'module "hsc_mm" has no attribute "{name}"')
