"""Parts and switches of a config that are of another type than is read."""
from collections.abc import Iterator, Mapping
from inspect import signature
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry

from hsc_mm import registry
from hsc_mm.utils.numbers import check_number
from hsc_mm.utils.part_types import type_name
from .config_keys import at

__all__ = ['check_forms', 'check_parts', 'check_switches', 'mappings']

# Values that are no part of a config, whatever their place.
_PLAIN = str | int | float | list | tuple
_LOADER = ('dataset', 'sampler', 'dataset.data_prefix', 'dataset.metainfo',
           'dataset.aux_maps', 'dataset.aux_maps.*')
_PARTS = ('train_cfg', 'val_cfg', 'test_cfg', 'optim_wrapper',
          'optim_wrapper.paramwise_cfg', 'env_cfg.mp_cfg', 'env_cfg.dist_cfg',
          *(f'model.{name}' for name in (
              'train_cfg', 'test_cfg', 'data_preprocessor', 'attention',
              'neck', 'decode_head.refiner', 'decode_head.losses',
              'decode_head.losses.*')),
          'pseudo_label', 'pseudo_label.rule', 'pipeline', 'log_processor',
          *(f'{split}_dataloader{part}' for split in ('train', 'val', 'test')
            for part in ('', *(f'.{name}' for name in _LOADER))))
_LISTS = ('tta_pipeline', 'pseudo_label.refiners', 'custom_hooks',
          'pipeline.steps', *(f'{split}_dataloader.dataset.pipeline'
                              for split in ('train', 'val', 'test')))
_NO_SWITCH = str | float | list | tuple | Mapping
_WORDS = ('yes', 'no', 'on', 'off', 'true', 'false')


def check_forms(cfg: Config, path: str | Path) -> None:
    """Refuse plain values where a part of a config belongs.

    Objects that were built already, and None, are left to the hosts.

    Args:
        cfg (Config): Of either stage.
        path (str | Path): Its file, for messages.

    Raises:
        ValueError: The message has the key.
    """
    for name, found in (one for place in _PARTS for one in at(cfg, place)):
        if isinstance(found, _PLAIN):
            raise ValueError(f'{name} of {path}: expected dict(...), found '
                             f'{found!r}.')
    for name, found in (one for place in _LISTS for one in at(cfg, place)):
        if not isinstance(found, list | tuple | None) or any(
                isinstance(step, _PLAIN | None) for step in found or ()):
            raise ValueError(f'{name} of {path}: expected a list of '
                             f'dict(type=...), found {found!r}.')


def check_parts(cfg: Config, path: str | Path) -> None:
    """Refuse a config that lacks what every run needs.

    Raises:
        ValueError: A part is missing or of another type.
    """
    model = cfg.get('model')
    if not isinstance(model, Mapping) or not (
            model.get('type') or model.get('module')):
        raise ValueError(f'config {path}: expected model=dict(type=...), '
                         f'found {"no model" if model is None else model}. '
                         'Begin it with _base_ = [...], as those in configs/.')
    for owner, part, names, kind in (
            ('', cfg, ('env_cfg', 'default_hooks', 'randomness',
                       'custom_imports'), Mapping),
            ('', cfg, ('custom_hooks', ), list | tuple | None),
            ('model.', model, ('backbone', 'decode_head'), Mapping | list)):
        for name in names:
            if name in part and not isinstance(part[name], kind):
                what = 'a list' if kind == list | tuple | None else 'dict(...)'
                raise ValueError(f'{owner}{name} of {path}: expected {what}, '
                                 f'found {part[name]!r}. Omit the key to keep '
                                 'what _base_ says.')
    seed = (cfg.get('randomness') or {}).get('seed')
    if seed is not None:
        check_number(f'randomness.seed of {path}', seed, least=0,
                     below=2**32, whole=True)
    for split in ('train', 'val', 'test'):
        dataset = (cfg.get(f'{split}_dataloader') or {}).get('dataset') or {}
        names = (dataset.get('metainfo') or {}).get('classes', ())
        if not isinstance(names, list | tuple) or not all(
                isinstance(name, str) for name in names):
            raise ValueError(
                f'{split}_dataloader.dataset.metainfo.classes of {path}: '
                f'expected a list of names, found {names!r}.')


def check_switches(cfg: Config, path: str | Path) -> None:
    """Refuse words for a switch: whatever they say, Python calls them true.

    Args:
        cfg (Config): Of either stage.
        path (str | Path): Its file, for messages.

    Raises:
        ValueError: A value is ``'no'`` or the like, or a switch of a class
            of this package is neither True nor False.
    """
    for place, part in mappings(cfg.to_dict()):
        kind = part.get('type')
        ours = str(getattr(kind, '__module__', kind)).startswith('hsc_mm.')
        known = _switches(type_name(part)) if ours else ()
        for key, value in part.items():
            word = isinstance(value, str) and value.lower() in _WORDS
            if word or (key in known and isinstance(value, _NO_SWITCH)):
                raise ValueError(f'{place}{key} of {path}: expected True or '
                                 f'False, found {value!r}.')


def mappings(node: Any, place: str = '') -> Iterator[tuple[str, Mapping]]:
    """Yield all dictionaries in a config, and where each is."""
    if isinstance(node, Mapping):
        yield place, node
    items = node.items() if isinstance(node, Mapping) else enumerate(
        node) if isinstance(node, list | tuple) else ()
    for key, value in items:
        yield from mappings(value, f'{place}{key}.')


def _switches(name: str) -> set[str]:
    """Return the bool arguments of a class of ours and of its bases."""
    kind = next((one.module_dict[name] for one in vars(registry).values()
                 if isinstance(one, Registry) and name in one.module_dict), 0)
    return {
        key for base in getattr(kind, '__mro__', ())
        if base.__module__.startswith('hsc_mm') and '__init__' in vars(base)
        for key, one in signature(base).parameters.items()
        if one.annotation in (bool, bool | None)
    }
