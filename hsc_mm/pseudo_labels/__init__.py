"""Pseudo labels: from CAMs to files."""
from importlib import import_module
from typing import Any

__all__ = [
    'LabelChain', 'RunOptions', 'Selected', 'SoftCAM', 'make_pseudo_labels'
]

_MODULES = dict(
    LabelChain='chain',
    RunOptions='options',
    Selected='selected',
    SoftCAM='soft_cam',
    make_pseudo_labels='make')


def __getattr__(name: str) -> Any:
    """Import what is asked for: transforms need the files alone."""
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_MODULES[name]}'), name)
