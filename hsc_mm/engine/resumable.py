"""Refusals of a resumed run whose schedule or optimizer would not be used."""
import re
from collections.abc import Mapping
from itertools import chain
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from hsc_mm.utils.part_types import type_name
from .resumed import changes, listed, settings

__all__ = ['check_rates', 'check_resumable']

_OPTIMIZER = re.compile(r'optim_wrapper(\.\w+)?\.optimizer\.type')
_ONE = 'param_scheduler.type'


def check_resumable(cfg: Config, meta: Mapping, name: str) -> None:
    """Refuse a schedule or optimizer that resuming would not follow.

    mmengine restores the state of both. A new schedule has no effect, one of
    another type computes nonsense, another optimizer lacks its state. What
    one of the configs does not name may be its default: it passes.

    Args:
        cfg (Config): Of the run that resumes.
        meta (Mapping): ``meta`` of the checkpoint.
        name (str): The checkpoint, for the message.

    Raises:
        ValueError: ``param_scheduler`` or an optimizer's type differ.
    """
    before, now = (_restored(settings(text))
                   for text in (meta.get('cfg'), cfg.pretty_text))
    both = before.keys() & now.keys()
    for one, other in ((before, now), (now, before)):
        if any(key in other for key in one if _scheduler(key)):
            both |= {key for key in one if _scheduler(key)}
    changed = changes(*({key: one[key] for key in one if key in both}
                        for one in (before, now)))
    if changed:
        raise ValueError(
            f'checkpoint {name}: expected the schedule and the optimizer it '
            'was trained with, whose state is resumed, found '
            f'{listed(changed)}. Resume with those of the checkpoint, or '
            'begin another training from its weights (load_from).')


def _scheduler(key: str) -> bool:
    """Say whether a key is the type of a scheduler."""
    return key.startswith('param_scheduler.') and key.endswith('.type')


def _restored(found: dict[str, Any]) -> dict[str, Any]:
    """Return settings whose state a checkpoint holds, in one spelling."""
    kept = {}
    for key, value in found.items():
        if _ONE in found and key.startswith('param_scheduler.'):
            key = key.replace('.', '.0.', 1)
        if key.startswith('param_scheduler.') or _OPTIMIZER.fullmatch(key):
            if key.endswith('.type'):
                value = type_name(dict(type=value))
            if not key.endswith('._scope_'):
                kept[key] = value
    return kept


def check_rates(runner: Runner) -> None:
    """Refuse to go on at a rate of 0 that no schedule will raise.

    Args:
        runner (Runner): It has resumed.

    Raises:
        ValueError: All rates are 0, and all schedules have ended.
    """
    rates = runner.optim_wrapper.get_lr().values()
    found = runner.param_schedulers or []  # lists of several optimizers
    schedules = list(chain(*found.values())) if isinstance(
        found, dict) else found
    for one in schedules:
        last = runner.max_epochs if one.by_epoch else runner.max_iters
        if one.end >= last or one._global_step + 1 < one.end:
            return
    if any(map(any, rates)):
        return
    raise ValueError(
        'train_cfg: expected an end within the schedule of the checkpoint, '
        f'found {runner.max_iters} iterations. At iteration {runner.iter} the '
        'schedule has ended and the rate is 0: nothing would be learned. '
        'Begin a longer training from the weights (load_from), with a '
        'schedule of its own.')
