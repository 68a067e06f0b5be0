"""Weights of other projects: readers, names, and one converter."""
from .convert import convert
from .mxnet import read_params, rename_mxnet
from .release import (
    BACKGROUNDS,
    SOURCES,
    guess_source,
    read_release,
    rename_release,
)

__all__ = [
    'BACKGROUNDS', 'SOURCES', 'convert', 'guess_source', 'read_params',
    'read_release', 'rename_mxnet', 'rename_release'
]
