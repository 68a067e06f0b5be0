"""Weakly supervised segmentation as a plug-in for OpenMMLab.

Importing the package checks the installed OpenMMLab family, bridges what the
versions of it disagree on (:mod:`hsc_mm.compat`) and registers everything
under the scope ``hsc_mm``.
"""
from hsc_mm import compat
from hsc_mm.version import __version__

compat.setup()

from hsc_mm import datasets, engine, evaluation, models  # noqa: E402, F401

__all__ = ['__version__']
