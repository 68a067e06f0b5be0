"""Checks of the machine: versions, device, free disk space."""
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch

from hsc_mm.compat import FAMILIES, check_families, check_torchvision
from hsc_mm.utils.part_types import type_name
from hsc_mm.version import __version__
from .case import Case
from .finding import Finding, error, fact, warning

__all__ = ['disk', 'environment']

_MIB = 2**20


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
                                      'docs/install.md describes the '
                                      'installation.')
    if torch.cuda.is_available():
        yield fact(f'device: {torch.cuda.get_device_name()}')
    else:
        yield fact(f'device: CPU, {torch.get_num_threads()} thread(s)')


def disk(case: Case) -> Iterator[Finding]:
    """Compare the checkpoints of a training with the free space."""
    work_dir = Path(case.cfg.work_dir)
    place = work_dir.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK):
        yield error(f'work_dir {work_dir}: {place} cannot be written to',
                    'Choose another folder with --work-dir.')
        return
    free = shutil.disk_usage(place).free / _MIB
    each = _checkpoint_mib(case)
    number = _kept(case)
    yield fact(f'work_dir {work_dir}: {free / 1024:.1f} GiB free; '
               f'{number} checkpoint(s) of about {each:.0f} MiB')
    if free < number * each:
        yield error(
            f'work_dir {work_dir}: {free:.0f} MiB are free, the checkpoints '
            f'need about {number * each:.0f} MiB', 'Choose another --work-dir '
            'or keep fewer: --cfg-options '
            'default_hooks.checkpoint.max_keep_ckpts=2')
    elif free < 2 * number * each:
        yield warning(
            f'work_dir {work_dir}: {free:.0f} MiB are free, little more than '
            'the checkpoints need',
            'Free some space for predictions and pseudo labels.')


def _checkpoint_mib(case: Case) -> float:
    """Estimate a checkpoint: weights and state of the optimiser."""
    optimizer = (case.cfg.get('optim_wrapper') or {}).get('optimizer', {})
    if type_name(optimizer).startswith('Adam'):
        states = 2
    else:
        states = 1 if optimizer.get('momentum') else 0
    learned = sum(p.numel() * p.element_size()
                  for p in case.model.parameters() if p.requires_grad)
    whole = sum(v.numel() * v.element_size()
                for v in case.model.state_dict().values())
    return (whole + states * learned) / _MIB


def _kept(case: Case) -> int:
    """Return how many checkpoints a training keeps, with mmengine's defaults.

    Without an interval the last alone is written.
    """
    hook = (case.cfg.get('default_hooks') or {}).get('checkpoint') or {}
    unit = 'max_epochs' if hook.get('by_epoch', True) else 'max_iters'
    total = (case.cfg.get('train_cfg') or {}).get(unit) or 1
    interval = hook.get('interval', -1)
    number = -(-total // interval) if interval > 0 else 1
    most = hook.get('max_keep_ckpts', -1)
    return min(number, most) if most > 0 else number
