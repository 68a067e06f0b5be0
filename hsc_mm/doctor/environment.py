"""Versions and device."""
import platform
from collections.abc import Iterator

import torch

from hsc_mm.compat import FAMILIES, check_families, check_torchvision
from hsc_mm.version import __version__
from .case import Case
from .finding import Finding, error, fact

__all__ = ['environment']


def environment(case: Case) -> Iterator[Finding]:
    """Say what is installed, and whether it can work together."""
    from importlib import metadata
    installed = {d.metadata['Name']: d.version
                 for d in metadata.distributions()}
    names = [
        name for parts in FAMILIES.values() for group in parts.values()
        for name in group if name in installed
    ] + ['torchvision', 'numpy']
    listed = ', '.join(f'{n} {installed[n]}' for n in names if n in installed)
    yield fact(f'hsc_mm {__version__}, Python {platform.python_version()}, '
               f'torch {torch.__version__}, {listed}')
    for look in (check_families, check_torchvision):
        try:
            look()
        except ImportError as problem:
            yield error(str(problem), 'Run the commands that it names; '
                        'docs/install.md has the whole way.')
    if torch.cuda.is_available():
        yield fact(f'device: {torch.cuda.get_device_name()}')
    else:
        yield fact(f'device: CPU, {torch.get_num_threads()} thread(s)')
