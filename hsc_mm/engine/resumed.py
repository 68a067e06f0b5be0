"""Differences between a run that resumes and the one that was interrupted."""
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from hsc_mm.utils.checkpoint_content import literals_only

__all__ = ['resume_notes']

# What decides the result of a training.
_SECTIONS = ('model', 'train_dataloader', 'optim_wrapper', 'param_scheduler',
             'train_cfg', 'randomness')
# What does not, or may be elsewhere on another machine.
_FREE = ('num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor',
         'data_root', 'init_cfg', 'val_interval', 'seed_from')
_MOST = 5


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
    before, now = (dict(_leaves(_read(text)))
                   for text in (meta.get('cfg'), cfg.pretty_text))
    changed = [
        f'{key} {before.get(key, "unset")!r} -> {now.get(key, "unset")!r}'
        for key in {**before, **now} if before.get(key) != now.get(key)
    ] if before else []
    notes = []
    if changed:
        more = f' and {len(changed) - _MOST} more' * (len(changed) > _MOST)
        rates = any(line.startswith('optim_wrapper') for line in changed)
        notes.append(
            'resumed with other settings than the run began with: '
            f'{", ".join(changed[:_MOST])}{more}. The result is not that of '
            'a run with either.' + ' The optimizer goes on with the learning '
            'rates of the checkpoint.' * rates)
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
