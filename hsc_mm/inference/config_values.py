"""Values of a config that are checked before anything is built."""
import logging
from collections.abc import Iterator, Mapping
from multiprocessing import get_all_start_methods
from pathlib import Path
from typing import Any

from mmengine.config import Config

from hsc_mm.datasets.transforms.load_image import is_loader
from hsc_mm.registry import MODELS
from hsc_mm.utils.numbers import check_number
from hsc_mm.utils.part_types import class_of
from hsc_mm.utils.wrappers import split_datasets
from .config_forms import check_forms, check_parts, check_switches
from .config_keys import check_spelling
from .config_late import check_late
from .config_loops import as_list, check_loops

__all__ = ['check_values']


def check_values(cfg: Config, path: str | Path | None) -> None:
    """Refuse what the hosts pass on, to fail or mislead later.

    Args:
        cfg (Config): Of either stage.
        path (str | Path, optional): Its file, for messages.

    Raises:
        ValueError: A key is misspelt, a part is missing, or a value is out
            of range or of another type; the message names the key.
    """
    path = path or 'the config'
    check_forms(cfg, path)
    check_spelling(cfg, path)
    check_parts(cfg, path)
    check_switches(cfg, path)
    check_late(cfg, path)
    _check_numbers(cfg, path)


def _check_numbers(cfg: Config, path: str | Path) -> None:
    """Refuse single values."""
    def refuse(key: str, expected: str, found: Any) -> None:
        raise ValueError(f'{key} of {path}: expected {expected}, found '
                         f'{found!r}.')

    optim = cfg.get('optim_wrapper') or {}
    for part, key, bound in (('optimizer', 'lr', dict(least=0)),
                             ('clip_grad', 'max_norm', dict(above=0))):
        values = optim.get(part)
        if isinstance(values, Mapping) and values.get(key) is not None:
            check_number(f'optim_wrapper.{part}.{key} of {path}',
                         values[key], **bound)
    _check_ranges(cfg, path)
    if not isinstance(cfg.get('load_from'), str | None):
        refuse('load_from', 'a file', cfg.load_from)
    if not isinstance(cfg.get('resume'), bool | None):
        refuse('resume', 'True or False (--resume resumes from the work dir; '
               'load_from names another checkpoint)', cfg.resume)
    start = ((cfg.get('env_cfg') or {}).get('mp_cfg') or {}).get(
        'mp_start_method')
    if start not in (None, *get_all_start_methods()):
        refuse('env_cfg.mp_cfg.mp_start_method',
               f'one of {get_all_start_methods()}', start)
    saver = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    if '{}' not in str(saver.get('filename_tmpl') or '{}'):
        refuse('default_hooks.checkpoint.filename_tmpl', 'a name with {} for '
               'the iteration', saver['filename_tmpl'])
    for hook, key in (('checkpoint', 'interval'), ('logger', 'interval'),
                      ('checkpoint', 'max_keep_ckpts')):
        values = (cfg.get('default_hooks') or {}).get(hook)
        if isinstance(values, Mapping) and key in values:
            check_number(f'default_hooks.{hook}.{key} of {path}', values[key],
                         least=-1, whole=True)
    for name in ('decode_head', 'auxiliary_head'):
        for head in as_list(cfg.model.get(name)):
            corners = isinstance(head, Mapping) and head.get('align_corners')
            if not isinstance(corners, bool | None):
                refuse(f'model.{name}.align_corners', 'True or False',
                       corners)
    level = cfg.get('log_level', 'INFO')
    if not isinstance(logging.getLevelName(str(level)), int):
        refuse('log_level', 'one of logging, "INFO"', level)
    if cfg.model.get('data_preprocessor', {}) is None:
        refuse('model.data_preprocessor', 'one, such as '
               'SegDataPreProcessor', None)
    if cfg.get('compile') and getattr(
            class_of(MODELS, cfg.model), 'makes_cams', False):
        refuse('compile', 'False: torch.compile cannot trace a model of the '
               'CAM stage', cfg.compile)
    _check_channels(cfg, path)
    check_loops(cfg, path)
    for split, dataset in split_datasets(cfg):
        if 'pipeline' in dataset and not dataset['pipeline']:
            refuse(f'{split}_dataloader.dataset.pipeline', 'transforms',
                   dataset['pipeline'])


def _check_ranges(cfg: Config, path: str | Path) -> None:
    """Refuse numbers that train backwards, or explode."""
    optim = cfg.get('optim_wrapper') or {}
    found: list[tuple[str, Any, dict]] = []
    for name, values in (('optimizer', optim.get('optimizer')),
                         ('paramwise_cfg', optim.get('paramwise_cfg'))):
        where = f'optim_wrapper.{name}'
        for key, value in _leaves(values):
            if key.endswith('_mult') or key == 'weight_decay':
                found.append((f'{where}.{key}', value, dict(least=0)))
            elif key == 'momentum' and name == 'optimizer':
                found.append((f'{where}.{key}', value, dict(least=0, below=1)))
    for number, one in enumerate(as_list(cfg.get('param_scheduler'))):
        found += [(f'param_scheduler.{number}.{key}', value, dict(least=0))
                  for key, value in _leaves(one) if key in ('power',
                                                            'eta_min')]
    for name in ('decode_head', 'auxiliary_head'):
        for head in as_list(cfg.model.get(name)):
            for loss in as_list(_get(head, 'loss_decode')):
                found += [(f'model.{name}.loss_decode.{key}', value,
                           dict(least=0))
                          for key, value in _leaves(loss)
                          if key == 'loss_weight']
    for key, bounds in (('mean', {}), ('std', dict(above=0))):
        found += [(f'model.data_preprocessor.{key}', value, bounds) for value
                  in as_list(_get(cfg.model.get('data_preprocessor'), key))]
    for key, value, bounds in found:
        if value is not None:
            check_number(f'{key} of {path}', value, **bounds)


def _get(part: Any, key: str) -> Any:
    return part.get(key) if isinstance(part, Mapping) else None


def _leaves(part: Any, above: str = '') -> Iterator[tuple[str, Any]]:
    """Yield name and value of what dictionaries in a dictionary hold."""
    for key, value in part.items() if isinstance(part, Mapping) else ():
        if isinstance(value, Mapping):
            yield from _leaves(value, f'{above}{key}.')
        else:
            yield f'{above}{key}', value


def _check_channels(cfg: Config, path: str | Path) -> None:
    """Refuse statistics for another number of channels.

    One number stands for all bands, as mmengine may have no other choice; of
    three colours it is a mistake that torch lets pass.
    """
    found = cfg.model.get('data_preprocessor') or {}
    counts = {key: len(as_list(found[key])) for key in ('mean', 'std')
              if found.get(key) is not None}
    for split, dataset in split_datasets(cfg) if counts else ():
        loader = next(filter(is_loader, dataset.get('pipeline') or ()), None)
        if not isinstance(loader, Mapping) or \
                loader.get('color_type', 'color') != 'color':
            continue  # only a transform of others knows
        bands = len(loader.get('bands') or 'BGR')
        right = {bands} if bands == 3 else {1, bands}
        if not right.issuperset(counts.values()):
            counts['bands'] = bands
            raise ValueError(
                f'model.data_preprocessor of {path}: expected a mean and a '
                'std for each band that the images of '
                f'{split}_dataloader have (of other numbers than three also '
                'one for all), found '
                f'{", ".join(f"{n} {key}" for key, n in counts.items())}.')
