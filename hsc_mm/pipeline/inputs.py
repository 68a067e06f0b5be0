"""Inputs of the steps of the pipeline, and hashes of them."""
import copy
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

import torch
from mmengine.config import Config

from hsc_mm.datasets.build import build_split
from hsc_mm.datasets.checks import item_files
from hsc_mm.pseudo_labels.trusted import TrustedMasks
from hsc_mm.utils import digest
from hsc_mm.version import __version__
from .manifest import fingerprint

__all__ = ['config_hash', 'held_out_input', 'stage_inputs', 'with_pseudo_dir']

#: Keys of a model whose value may be a file of weights.
_WEIGHTS = ('checkpoint', 'pretrained', 'file')
#: Beginnings of the keys that no training depends on.
_NOT_TRAINING = ('test_', 'tta_', 'val_', 'vis', 'work_dir', 'pseudo_label',
                 'pipeline')


def stage_inputs(cfg: Config, split: str) -> dict[str, str]:
    """Hash what a step depends on: config, data, versions.

    Returns:
        dict[str, str]: ``config``, ``data`` and ``versions``; ``start`` of a
        training that starts from a file, ``trusted`` of one that has
        trusted masks.

    Raises:
        FileNotFoundError: ``load_from`` is not there.
    """
    dataset = build_split(cfg, split, maps=True)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    labels = [
        info['gt_label'].tolist() for info in infos if 'gt_label' in info
    ]
    return dict(
        **(_start(cfg) if split == 'train' else {}),
        config=config_hash(cfg, split),
        data=digest([fingerprint(item_files(infos)), labels]),
        **_trusted(cfg, split),
        versions=', '.join([
            f'hsc_mm {__version__}', f'torch {torch.__version__}',
            *map(_version, ('mmengine', 'mmcv', 'mmsegmentation'))
        ]))


def config_hash(cfg: Config, split: str) -> str:
    """Hash the settings that a training or a test depends on.

    Training does not depend on how a model is tested: settings of
    validation, test, pseudo labels and pipeline are left out of its hash, and
    so is the place of the data, whose contents :func:`stage_inputs` hashes.
    """
    relevant = _relevant(cfg.to_dict(), split)
    roots = {root.rstrip('/') for root in _values(relevant, ['data_root'])}
    return digest(_without_place(relevant, roots))


def _without_place(part: object, roots: set[str]) -> object:
    """Return a config with paths that begin at the folder of the data."""
    if isinstance(part, Mapping):
        return {k: _without_place(v, roots) for k, v in part.items()}
    if isinstance(part, list | tuple):
        return [_without_place(value, roots) for value in part]
    if isinstance(part, str):
        for root in sorted(roots - {''}, key=len, reverse=True):
            if part == root or part.startswith(f'{root}/'):
                return f'{{data_root}}{part[len(root):]}'
    return part


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
    return kept


def _start(cfg: Config) -> dict[str, str]:
    """Return what tells the weights apart that a training starts from."""
    path, files = cfg.get('load_from'), {
        *filter(os.path.isfile, _values(cfg.get('model'), _WEIGHTS))}
    if path and '://' not in path:
        if not Path(path).is_file():
            raise FileNotFoundError(
                f'load_from of {cfg.filename}: expected a checkpoint, found '
                f'no file {path}. Train it first, or name another one.')
        files.add(path)
    return dict(start=fingerprint(files)) if files else {}


def _values(part: object, keys: Collection[str]) -> Iterator[str]:
    """Yield the text of these keys in any part of a config."""
    if isinstance(part, list | tuple):
        part = dict(enumerate(part))
    for key, value in part.items() if isinstance(part, Mapping) else ():
        if key in keys and isinstance(value, str):
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
        step for step in cfg.train_dataloader.dataset.pipeline
        if step['type'] == 'hsc_mm.LoadPseudoLabel'
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
