"""Validation as an input of trainings that it ends or slows down."""
from collections.abc import Mapping
from inspect import isclass
from typing import Any

from mmengine.config import Config
from mmengine.hooks import EarlyStoppingHook
from mmengine.optim.scheduler import ReduceOnPlateauParamScheduler
from mmengine.registry import PARAM_SCHEDULERS

from hsc_mm.datasets.build import build_split, is_ours
from hsc_mm.inference.config_loops import schedules
from hsc_mm.registry import HOOKS
from hsc_mm.utils.part_types import class_of
from .contents import split_hash

__all__ = ['VALIDATION_TIMES', 'reads_validation', 'validated_on']

#: Keys of ``train_cfg`` that say when a training is validated.
VALIDATION_TIMES = ('dynamic_intervals', 'val_begin', 'val_interval')


def reads_validation(cfg: Config) -> bool:
    """Say whether scores of the validation change a training.

    They do by mmengine's ``EarlyStoppingHook`` and ``ReduceOnPlateau...``,
    and by classes that extend these. Without them the weights do not depend
    on a validation.
    """
    if not cfg.get('val_dataloader'):
        return False
    hooks = [*(cfg.get('custom_hooks') or ()),
             *(cfg.get('default_hooks') or {}).values()]
    found = [*((HOOKS, one, EarlyStoppingHook) for one in hooks),
             *((PARAM_SCHEDULERS, one, ReduceOnPlateauParamScheduler)
               for _, one in schedules(cfg))]
    return any(isclass(kind := class_of(registry, one))
               and issubclass(kind, base) for registry, one, base in found)


def validated_on(cfg: Config) -> dict[str, Any]:
    """Return what the scores of a validation depend on, but for the weights.

    Returns:
        dict: Keys of the config; and a hash of the ``files``, where the data
        set is one of this package.
    """
    found = {key: value for key, value in cfg.to_dict().items()
             if key.startswith('val_')}
    loop = cfg.get('train_cfg') or {}
    found.update((key, loop[key]) for key in VALIDATION_TIMES if key in loop)
    head = cfg.model.get('decode_head')
    found.update(
        test_cfg=cfg.model.get('test_cfg'),
        seed_from=head.get('seed_from') if isinstance(head, Mapping) else None)
    if is_ours(cfg.val_dataloader.get('dataset') or {}):
        found.update(files=split_hash(build_split(cfg, 'val', maps=True)))
    return found
