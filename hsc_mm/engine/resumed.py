"""Differences between a run that resumes and the one that was interrupted."""
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from hsc_mm.utils.checkpoint_content import literals_only
from hsc_mm.utils.health import read_health
from hsc_mm.utils.part_types import type_name

__all__ = ['changes', 'listed', 'resume_notes', 'settings', 'stopped_note']

# What decides the result of a training.
_SECTIONS = ('model', 'train_dataloader', 'optim_wrapper', 'param_scheduler',
             'train_cfg', 'randomness')
# What does not, or may be elsewhere on another machine.
_FREE = ('num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor',
         'data_root', 'init_cfg', 'val_interval', 'seed_from')
_MOST = 5
# Schedules that end where the rate is what it stays.
_WARM_UPS = ('LinearLR', 'ConstantLR')


def resume_notes(cfg: Config, meta: Mapping, data: Mapping) -> list[str]:
    """Say what differs from the run that wrote a checkpoint.

    Args:
        cfg (Config): Of the run that resumes.
        meta (Mapping): ``meta`` of the checkpoint, with the text of its
            config and what its ``data`` were (version 1: ``dataset_meta``).
        data (Mapping): The same of the training data now: ``size``, the
            number of images, and ``images``, a hash of ids and labels;
            ``batch``, images of an iteration in all processes, ``ranks``.

    Returns:
        list[str]: Lines for the log; none where nothing differs, or where
        the checkpoint does not say.
    """
    before, notes = settings(meta.get('cfg')), []
    old = meta.get('data') or meta.get('dataset_meta') or {}
    batch = [one.get('batch') for one in (old, data)]
    known = all(isinstance(one, int) and one > 0 for one in batch)
    changed = before and [
        line for line in changes(before, settings(cfg.pretty_text))
        if not (known and line.startswith('train_dataloader.batch_size '))]
    if changed:
        rates, longer = (any(line.startswith(part) for line in changed)
                         for part in ('optim_wrapper', 'train_cfg.max_'))
        notes.append(
            'resumed with other settings than the run began with: '
            f'{listed(changed)}. The result is not that of a run with '
            'either.' + ' The optimizer goes on with the learning '
            'rates of the checkpoint.' * rates
            + (_of_the_schedule(cfg) if longer else ''))
    steps, done = (cfg.get('optim_wrapper') or {}).get(
        'accumulative_counts', 1), meta.get('iter')
    if isinstance(done, int) and done % steps:
        notes.append(
            'resumed between two steps of the optimizer: the gradients of '
            f'{done % steps} of {steps} iterations are lost, and the run is '
            'not the one that was interrupted. Let default_hooks.checkpoint.'
            'interval be a multiple of optim_wrapper.accumulative_counts, '
            'and with save_best train_cfg.val_interval too.')
    if known and batch[0] != batch[1]:
        notes.append(_of_the_batch(*batch, data.get('ranks', 1)))
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


def _of_the_batch(before: int, now: int, ranks: int) -> str:
    """Say that an iteration has more or fewer images than it had."""
    advice = ('Start as many processes as then.' if before % ranks else
              f'Set train_dataloader.batch_size={before // ranks} to go on as '
              'it did.')
    return (f'resumed with {now} images in an iteration, {now // ranks} in '
            f'each process, where the run began with {before}. The learning '
            'rate and the length of the run are those of the beginning. '
            f'{advice}')


def stopped_note(runner) -> str:
    """Say that a training that resumes had been stopped early; '' if not."""
    health = read_health(runner.work_dir)
    done, end = health.get('iterations'), health.get('max_iters')
    if not health.get('finished') or done != runner.iter or not (
            isinstance(end, int) and done < end):
        return ''
    return (f'the training was stopped early, at iteration {done}: it goes on '
            f'to {runner.max_iters}. EarlyStoppingHook keeps its best score, '
            'and its patience begins anew.')


def _of_the_schedule(cfg: Config) -> str:
    """Say what the learning rate does if the training ends elsewhere.

    mmengine restores the schedule, its end too.
    """
    said = ' The schedule of the checkpoint goes on and ends '
    found = cfg.get('param_scheduler') or []
    found = found if isinstance(found, list) else [found]
    unit, last = next(((key, value) for key, value in (
        cfg.get('train_cfg') or {}).items() if key.startswith('max_')),
        ('', None))
    if not found or not isinstance(last, int):
        return f'{said}where it did.'
    if any(not isinstance(one.get('end'), int) or one.get(
            'convert_to_iter_based') or one.get('by_epoch', True) != (
                unit == 'max_epochs') for one in found):
        return ' The schedule of the checkpoint goes on.'
    final = max(found, key=lambda one: one['end'])
    end, rate = final['end'], 'stays at its last value'
    if type_name(final) == 'PolyLR':
        least = final.get('eta_min', 0)
        rate = f'stays at {least}' if least else 'is 0, and nothing is learned'
    said += f'at {end} (param_scheduler): '
    if last > end:
        said = f'{said}from there to {last} the learning rate {rate}.'
        return said if type_name(final) in _WARM_UPS else (
            f'{said} Begin a longer training from the weights (load_from), '
            'with a schedule of its own.')
    return (f'{said}the training ends at {last}, before the learning rate '
            'has its last value.') if last < end else ''


def settings(text: Any) -> dict[str, Any]:
    """Return the settings in a config's text that decide its result.

    Args:
        text (str): A config in Python. Nothing of it is executed.

    Returns:
        dict: Name with dots -> value, literal ones alone.
    """
    return dict(_leaves(_read(text)))


def changes(before: Mapping, now: Mapping) -> list[str]:
    """Return a line for each setting that differs."""
    return [
        f'{key} {before.get(key, "unset")!r} -> {now.get(key, "unset")!r}'
        for key in {**before, **now} if before.get(key) != now.get(key)
    ]


def listed(lines: list[str]) -> str:
    """Join the first lines, and say how many more there are."""
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
