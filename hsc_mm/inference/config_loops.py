"""Values of a config that say how long it trains, at which rates."""
from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config
from mmengine.dataset import InfiniteSampler

from hsc_mm.datasets.sampler import ReproducibleSampler
from hsc_mm.registry import DATA_SAMPLERS
from hsc_mm.utils.numbers import check_number
from hsc_mm.utils.part_types import class_of, type_name

__all__ = ['as_list', 'check_loops', 'schedules']


def check_loops(cfg: Config, path: str | Path) -> None:
    """Refuse loops without an end, and schedules that do nothing in them.

    Args:
        cfg (Config): Of either stage.
        path (str | Path): Its file, for messages.

    Raises:
        ValueError: The message names the key.
    """
    _check_epochs(cfg, path)
    _check_schedules(cfg, path)
    _check_intervals(cfg, path)


def _check_epochs(cfg: Config, path: str | Path) -> None:
    """Refuse epochs of a sampler that draws for ever: the first has no end."""
    loop = cfg.get('train_cfg') or {}
    loader = cfg.get('train_dataloader') or {}
    kind = class_of(DATA_SAMPLERS, loader.get('sampler'))
    if (loop.get('by_epoch') or type_name(loop) == 'EpochBasedTrainLoop') and (
            isinstance(kind, type) and issubclass(
                kind, ReproducibleSampler | InfiniteSampler)):
        raise ValueError(
            f'train_cfg of {path}: expected IterBasedTrainLoop, for '
            f'{kind.__name__} draws for ever, found epochs, the first of '
            'which would not end. Set max_iters, or '
            "train_dataloader.sampler=dict(type='DefaultSampler', "
            'shuffle=True), with which a resumed run is not exact.')


def _check_schedules(cfg: Config, path: str | Path) -> None:
    """Refuse schedules in epochs, mmengine's default, where there are none.

    They would not move a rate from the first iteration to the last. Those of
    validations move there.
    """
    loop = cfg.get('train_cfg') or {}
    if loop.get('by_epoch') is not False and (
            type_name(loop) != 'IterBasedTrainLoop'):
        return
    for where, one in schedules(cfg):
        name = type_name(one)
        if name and not name.startswith('ReduceOnPlateau') and one.get(
                'by_epoch', True) and not one.get('convert_to_iter_based'):
            raise ValueError(
                f'{where} of {path}: expected '
                'by_epoch=False, for train_cfg counts iterations, found '
                f'{one.get("by_epoch", "none, which means True")}. It would '
                'never change the rate.')


def schedules(cfg: Config) -> list[tuple[str, dict]]:
    """Return the schedules of a config, also of several optimizers.

    Returns:
        list[tuple[str, dict]]: The key of each, ``'param_scheduler.0'``, and
        the schedule itself, not a copy.
    """
    found = cfg.get('param_scheduler') or ()
    several = isinstance(found, Mapping) and 'type' not in found
    groups = {f'param_scheduler.{key}': group for key, group in found.items()
              } if several else {'param_scheduler': found}
    return [(f'{where}.{number}', one) for where, group in groups.items()
            for number, one in enumerate(as_list(group))]


def _check_intervals(cfg: Config, path: str | Path) -> None:
    """Refuse validations that begin nowhere, or come every 0 iterations."""
    loop = cfg.get('train_cfg') or {}
    if loop.get('val_begin') is not None:
        check_number(f'train_cfg.val_begin of {path}', loop['val_begin'],
                     least=0, whole=True)
    for one in as_list(loop.get('dynamic_intervals') or ()):
        if not isinstance(one, list | tuple) or len(one) != 2:
            raise ValueError(
                f'train_cfg.dynamic_intervals of {path}: expected pairs of an '
                f'iteration and the interval from there on, found {one!r}.')
        for number, bounds in zip(one, (dict(least=0), dict(above=0)),
                                  strict=True):
            check_number(f'train_cfg.dynamic_intervals of {path}', number,
                         whole=True, **bounds)


def as_list(found: object) -> list:
    """Return a list of one, or of what a list or tuple holds."""
    return list(found) if isinstance(found, list | tuple) else [found]
