"""Differences between a run that resumes and the one that was interrupted."""
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from hsc_mm.utils.checkpoint_content import literals_only

__all__ = ['check_rates', 'check_resumable', 'resume_notes']

# What decides the result of a training.
_SECTIONS = ('model', 'train_dataloader', 'optim_wrapper', 'param_scheduler',
             'train_cfg', 'randomness')
# What does not, or may be elsewhere on another machine.
_FREE = ('num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor',
         'data_root', 'init_cfg', 'val_interval', 'seed_from')
# What a checkpoint's optimizer and schedulers would overwrite.
_KEPT = ('param_scheduler', 'optim_wrapper.optimizer.type')
_MOST = 5


def check_resumable(cfg: Config, meta: Mapping, name: str) -> None:
    """Refuse a schedule or optimizer that resuming would not follow.

    mmengine restores the state of both. A new schedule has no effect, one of
    another type computes nonsense, another optimizer lacks its state.

    Args:
        cfg (Config): Of the run that resumes.
        meta (Mapping): ``meta`` of the checkpoint.
        name (str): The checkpoint, for the message.

    Raises:
        ValueError: ``param_scheduler`` or the optimizer's type differ.
    """
    changed = [line for key, line in _changes(cfg, meta).items()
               if key.startswith(_KEPT)]
    if changed:
        raise ValueError(
            f'checkpoint {name}: expected the schedule and the optimizer it '
            'was trained with, whose state is resumed, found '
            f'{_listed(changed)}. Resume with those of the checkpoint, or '
            'begin another training from its weights (load_from).')


def resume_notes(cfg: Config, meta: Mapping, data: Mapping) -> list[str]:
    """Say what differs from the run that wrote a checkpoint.

    Args:
        cfg (Config): Of the run that resumes.
        meta (Mapping): ``meta`` of the checkpoint, with the text of its
            config and the ``dataset_meta`` of its data set.
        data (Mapping): The same of the training data now: ``size``, the
            number of images, and ``images``, a hash of ids and labels.

    Returns:
        list[str]: Lines for the log; none where nothing differs, or where
        the checkpoint does not say.
    """
    changed = list(_changes(cfg, meta).values())
    notes = []
    if changed:
        rates = any(line.startswith('optim_wrapper') for line in changed)
        notes.append(
            'resumed with other settings than the run began with: '
            f'{_listed(changed)}. The result is not that of a run with '
            'either.' + ' The optimizer goes on with the learning '
            'rates of the checkpoint.' * rates)
    steps, done = (cfg.get('optim_wrapper') or {}).get(
        'accumulative_counts', 1), meta.get('iter')
    if isinstance(done, int) and done % steps:
        notes.append(
            'resumed between two steps of the optimizer: the gradients of '
            f'{done % steps} of {steps} iterations are lost, and the run is '
            'not the one that was interrupted. Let default_hooks.checkpoint.'
            'interval be a multiple of optim_wrapper.accumulative_counts.')
    old = meta.get('dataset_meta') or {}
    size, images = ((old.get(key), data.get(key)) for key in ('size',
                                                              'images'))
    if None not in size and size[0] != size[1]:
        notes.append(f'resumed with other data: {size[0]} images when the run '
                     f'began, {size[1]} now.')
    elif None not in images and images[0] != images[1]:
        notes.append('resumed with other data: as many images as when the run '
                     'began, but other names or image labels, or another '
                     'order.')
    return notes


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


def _changes(cfg: Config, meta: Mapping) -> dict[str, str]:
    """Return a line for each setting that differs; none if unknown."""
    before, now = (dict(_leaves(_read(text)))
                   for text in (meta.get('cfg'), cfg.pretty_text))
    return {
        key: f'{key} {before.get(key, "unset")!r} -> '
        f'{now.get(key, "unset")!r}'
        for key in {**before, **now} if before.get(key) != now.get(key)
    } if before else {}


def _listed(lines: list[str]) -> str:
    more = f' and {len(lines) - _MOST} more' * (len(lines) > _MOST)
    return f'{", ".join(lines[:_MOST])}{more}'


def _read(text: Any) -> Mapping:
    """Read the literal values of a config; nothing of it is executed."""
    try:
        return Config.fromstring(literals_only(text), '.py')
    except Exception:  # whatever a file of others holds there
        return {}


def _leaves(cfg: Mapping) -> Iterator[tuple[str, Any]]:
    """Yield name and value of the settings that count."""
    todo = [(name, cfg.get(name)) for name in _SECTIONS]
    while todo:
        name, value = todo.pop(0)
        if isinstance(value, Mapping):
            todo += [(f'{name}.{key}', one) for key, one in value.items()
                     if key not in _FREE]
        elif isinstance(value, list | tuple):
            todo += [(f'{name}.{n}', one) for n, one in enumerate(value)]
        elif value is not None:
            yield name, value
