"""Inputs of the steps of the pipeline, and hashes of them.

In one file, though long: a step is current by one set of rules.
"""
import copy
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

import torch
from mmengine.config import Config

from hsc_mm.datasets.build import build_split
from hsc_mm.pseudo_labels.trusted import TrustedMasks
from hsc_mm.utils import digest
from hsc_mm.utils.checkpoint_sources import START_KEYS
from hsc_mm.utils.code import code_hash, config_modules
from hsc_mm.utils.part_types import type_name
from hsc_mm.utils.sums import fingerprint
from hsc_mm.utils.wrappers import pipelines
from hsc_mm.version import RECIPE, __version__
from .contents import split_hash
from .validation import VALIDATION_TIMES, reads_validation, validated_on

__all__ = ['config_hash', 'held_out_input', 'stage_inputs', 'with_pseudo_dir']

#: Keys whose value may be a file of weights.
_WEIGHTS = ('checkpoint', 'checkpoint_path', 'file', 'load_from',
            'pretrained')
#: Beginnings of the keys that no training depends on.
_NOT_TRAINING = ('test_', 'tta_', 'val_', 'vis', 'work_dir', 'pseudo_label',
                 'pipeline', 'env_cfg', 'launcher', 'log_', 'resume')
#: Keys that no result depends on, and those whose contents are hashed.
_IDLE = ('num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor',
         'ann_file', 'data_root', 'pseudo_dir', 'trusted_dir')
#: The same of a test, whose model a checkpoint fills.
_IDLE_TEST = (*_IDLE, *START_KEYS)
#: The same of a training: seeds are made afterwards.
_IDLE_TRAINING = (*_IDLE, 'seed_from')
#: The same of hooks; the last checkpoint is written in any case.
_IDLE_HOOKS = dict(logger=None, visualization=None,
                   checkpoint=('interval', 'max_keep_ckpts'))


def stage_inputs(cfg: Config, split: str) -> dict[str, str]:
    """Hash what a step depends on: config, data, code, versions.

    Returns:
        dict[str, str]: ``config``, ``data`` and ``versions``; ``code`` where
        ``custom_imports`` or a type of the config names modules that are not
        installed, ``start`` of a training that starts from a file,
        ``trusted`` of one that has trusted masks, ``validation`` of one that
        its scores can end or slow down.

    Raises:
        FileNotFoundError: ``load_from`` is not there.
    """
    code = code_hash(config_modules(cfg))
    return dict(
        **(_start(cfg) | _validation(cfg) if split == 'train' else {}),
        **(dict(code=code) if code else {}),
        config=config_hash(cfg, split),
        data=split_hash(build_split(cfg, split, maps=True)),
        **_trusted(cfg, split),
        versions=', '.join([
            f'hsc_mm {__version__} (recipe {RECIPE})',
            f'torch {torch.__version__.split("+")[0]}',
            *map(_version, ('mmengine', 'mmcv', 'mmsegmentation'))
        ]))


def config_hash(cfg: Config, split: str) -> str:
    """Hash the settings that a training or a test depends on.

    Training does not depend on how a model is tested (where it does,
    :func:`stage_inputs` has ``validation``): settings of validation, test,
    pseudo labels and pipeline are left out of its hash, and so are
    ``decode_head.seed_from``, workers, logs and checkpoints in between, and
    ``data_root``, lists and weights, whose contents :func:`stage_inputs`
    hashes. Other paths count: ``label_file``, ``data_prefix``.
    """
    weights, idle = (_WEIGHTS, _IDLE_TRAINING) if split == 'train' else (
        (), _IDLE_TEST)
    return _settings_hash(_relevant(cfg.to_dict(), split), weights, idle)


def _settings_hash(relevant: dict, weights: Collection[str],
                   idle: Collection[str]) -> str:
    roots = {os.path.normpath(root)
             for root in _values(relevant, ['data_root']) if root}
    return digest(_without_places(relevant, roots, weights, idle))


def _validation(cfg: Config) -> dict[str, str]:
    """Return what tells the validations apart that a training reads."""
    return dict(validation=_settings_hash(validated_on(cfg), (), _IDLE)) \
        if reads_validation(cfg) else {}


def _relevant(cfg: dict, split: str) -> dict:
    if split == 'test':
        return {
            key: value
            for key, value in cfg.items()
            if key == 'model' or key.startswith(('test_', 'tta_'))
        }
    kept = {
        key: value
        for key, value in cfg.items()
        if not key.startswith(_NOT_TRAINING)
    }
    kept['model'] = {k: v for k, v in cfg['model'].items() if k != 'test_cfg'}
    if cfg.get('train_cfg'):
        kept['train_cfg'] = {k: v for k, v in cfg['train_cfg'].items()
                             if k not in VALIDATION_TIMES}
    kept['default_hooks'] = {
        name: hook and {
            k: v for k, v in hook.items()
            if k not in _IDLE_HOOKS.get(name, ())}
        for name, hook in (cfg.get('default_hooks') or {}).items()
        if _IDLE_HOOKS.get(name, ()) is not None
    }
    return kept


def _without_places(part: object, roots: set[str],
                    weights: Collection[str],
                    idle: Collection[str]) -> object:
    """Return a config without the places of data and weights, or idle keys."""
    if isinstance(part, Mapping):
        return {
            key: '(file)' if key in weights and _is_file(value) else (
                _without_places(value, roots, weights, idle))
            for key, value in part.items() if key not in idle}
    if isinstance(part, list | tuple):
        return [_without_places(value, roots, weights, idle)
                for value in part]
    if isinstance(part, str) and '/' in part:
        path = os.path.normpath(part)
        for root in sorted(roots, key=len, reverse=True):
            if path == root or path.startswith(f'{root}/'):
                return f'(data_root){path[len(root):]}'
    return part


def _start(cfg: Config) -> dict[str, str]:
    """Return what tells apart the files that a training starts from.

    These are weights, and what parts of the model read: weights of classes,
    tables of a loss of the user.
    """
    path = cfg.get('load_from')
    if path and '://' not in path and not _is_file(path):
        raise FileNotFoundError(
            f'load_from of {cfg.filename}: expected a checkpoint, found '
            f'no file {path}. Train it first, or name another one.')
    relevant = _relevant(cfg.to_dict(), 'train')
    named = (*_values(relevant, _WEIGHTS), *(
        text for text in _values(relevant['model']) if Path(text).suffix))
    files = {os.path.expanduser(one) for one in named if _is_file(one)}
    return dict(start=fingerprint(files)) if files else {}


def _is_file(value: object) -> bool:
    return isinstance(value, str) and os.path.isfile(os.path.expanduser(value))


def _values(part: object, keys: Collection[str] | None = None
            ) -> Iterator[str]:
    """Yield the text of these keys, or of all, in any part of a config."""
    if isinstance(part, list | tuple):
        part = dict(enumerate(part))
    for key, value in part.items() if isinstance(part, Mapping) else ():
        if (keys is None or key in keys) and isinstance(value, str):
            yield value
        else:
            yield from _values(value, keys)


def _trusted(cfg: Config, split: str) -> dict[str, str]:
    """Return what tells the trusted masks apart that are learned from."""
    steps = cfg[f'{split}_dataloader'].dataset.get('pipeline') or []
    found = [TrustedMasks(step.get('trusted_dir')) for step in steps]
    files = [path for one in found for path in one.files()]
    return dict(trusted=fingerprint(files)) if files else {}


def held_out_input(ids: Iterable[str]) -> dict[str, str]:
    """Return the input of a step that leaves images out of its score."""
    found = sorted(ids)
    return dict(held_out=digest(found)) if found else {}


def _version(name: str) -> str:
    """Return the version of a distribution of either family."""
    for candidate in (f'onedl-{name}', name, f'{name}-lite'):
        try:
            return f'{candidate} {metadata.version(candidate)}'
        except metadata.PackageNotFoundError:
            continue
    return f'{name} unknown'


def with_pseudo_dir(cfg: Config, pseudo_dir: Path) -> Config:
    """Return a copy whose ``LoadPseudoLabel`` all read from a folder.

    Raises:
        ValueError: There is none: it would learn from something else.
    """
    cfg = copy.deepcopy(cfg)
    steps = [
        step for steps in pipelines(cfg.train_dataloader.dataset)
        for step in steps if type_name(step) == 'LoadPseudoLabel'
    ]
    if not steps:
        raise ValueError(
            f'{cfg.filename}: expected hsc_mm.LoadPseudoLabel in '
            'train_dataloader.dataset.pipeline, in place of LoadAnnotations; '
            'found none. Without it the second stage would learn from masks. '
            'The config of the CAM stage is named first.')
    for step in steps:
        step['pseudo_dir'] = str(pseudo_dir)
    return cfg
