"""Places that weights come from: files, and addresses that mmengine knows."""
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import barrier, is_main_process
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as host

from .checkpoint_content import runner_types
from .checkpoints import load
from .pip_weights import SCHEME, find, load_from_package

__all__ = [
    'START_KEYS', 'check_named', 'how_to_get', 'install', 'locate',
    'without_start'
]

_FETCHED = ('http://', 'https://')
_NAMED = ('torchvision://', 'modelzoo://', 'open-mmlab://', 'openmmlab://',
          'mmcls://')
_STORES = (r'(\S+\:)?s3://', r'(\S+\:)?petrel://', 'pavi://')

#: Keys of a model that say what its training begins with.
START_KEYS = ('init_cfg', 'pretrained', 'checkpoint_path')


def without_start(part: Any) -> Any:
    """Return a config of a model that a checkpoint fills, as dicts and lists.

    What its training began with is left out: see :data:`START_KEYS`.
    """
    if isinstance(part, Mapping):
        return {key: without_start(value) for key, value in part.items()
                if key not in START_KEYS}
    if isinstance(part, list | tuple):
        return [without_start(value) for value in part]
    return part


def install() -> None:
    """Let mmengine load every checkpoint by :func:`.checkpoints.load`.

    Through its public registry of schemes: whoever started the run, ours or
    ``mim train mmseg``, loads by one door. ``torch.load`` itself is told the
    types that a runner's checkpoint holds.
    """
    torch.serialization.add_safe_globals(runner_types())
    for prefixes, loader in (('', load_from_local), (_FETCHED + _NAMED,
                                                     load_from_address),
                             (SCHEME, load_from_package),
                             (_STORES, load_from_store)):
        CheckpointLoader.register_scheme(prefixes, loader, force=True)


def locate(name: str) -> tuple[str | None, str | None]:
    """Find weights as mmengine names them.

    Args:
        name (str): A path, a URL, ``pip://`` and a package, or
            ``torchvision://``, ``open-mmlab://``, ``mmcls://`` and a model.

    Returns:
        tuple[str | None, str | None]: The file on this machine, there or
        not, and the URL it can be fetched from. Both are None where the
        model is unknown or the package not installed.
    """
    if name.startswith(SCHEME):
        try:
            return find(name), None
        except (OSError, ValueError):
            return None, None
    kind, _, model = name.partition('://')
    url = name
    if name.startswith(_NAMED):
        table = dict(
            mmcls=host.get_mmcls_models,
            torchvision=host.get_torchvision_models,
            modelzoo=host.get_torchvision_models).get(
                kind, host.get_external_models)()
        if kind.startswith('open'):
            model = host.get_deprecated_model_names().get(model, model)
        url = table.get(model)
        if url is None:
            return None, None
        if '://' not in url:
            return os.path.join(host._get_mmengine_home(), url), None
    if not url.startswith(_FETCHED):
        return url, None
    folder = os.path.join(torch.hub.get_dir(), 'checkpoints')
    return os.path.join(folder, os.path.basename(url.split('?')[0])), url


def how_to_get(name: str, key: str = 'model.backbone.init_cfg.checkpoint'
               ) -> str:
    """Say in one sentence how weights come onto this machine.

    Args:
        name (str): See :func:`locate`.
        key (str): The config's key that names them.
    """
    if name.startswith(SCHEME):
        try:
            return f'They are in {find(name)}.'
        except (OSError, ValueError) as problem:
            return str(problem)
    path, url = locate(name)
    if url is None:
        return f'Fetch them, or name the file: --cfg-options {key}=FILE'
    return (f'Fetch {url} on a machine with network access and put it at '
            f'{path}, or name the file: --cfg-options {key}=FILE')


def check_named(model: Any) -> None:
    """Look at files that a backbone of timm loads by itself.

    Args:
        model (dict): Config of a model; ``checkpoint_path`` of any part, or
            ``file`` of its ``pretrained_cfg_overlay``, is such a file.

    Raises:
        ValueError: The file is not what :func:`hsc_mm.utils.checkpoints.
            load` takes: damaged, with NaN, or with code that would run.
        FileNotFoundError: There is none.
    """
    if isinstance(model, list | tuple):
        for one in model:
            check_named(one)
    elif isinstance(model, dict):
        named = [model.get('checkpoint_path')]
        for key in ('pretrained_cfg', 'pretrained_cfg_overlay'):
            if isinstance(model.get(key), dict):
                named.append(model[key].get('file'))
        for path in filter(None, named):
            if not str(path).endswith(('.npz', '.npy', '.safetensors')):
                load(path)
        for one in model.values():
            check_named(one)


def load_from_local(filename: str, map_location: Any = None) -> dict:
    return load(filename, map_location)


def load_from_address(filename: str, map_location: Any = None) -> dict:
    """Fetch weights once, whole or not at all, and load them.

    Raises:
        OSError: They are not on this machine, and their address cannot be
            reached.
        ValueError: The model is unknown, or the file no checkpoint.
    """
    path, url = locate(filename)
    if path is None:
        raise ValueError(f'checkpoint {filename}: expected a model that '
                         'mmengine knows. Name the file of the weights.')
    if url and is_main_process() and not os.path.isfile(path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, path, progress=os.isatty(0))
        except OSError as error:
            raise OSError(f'checkpoint {filename}: its address cannot be '
                          f'reached ({error}). {how_to_get(filename)}'
                          ) from error
    barrier()
    checkpoint = load(path, map_location)
    if filename.startswith('mmcls://'):
        checkpoint = host._process_mmcls_checkpoint(checkpoint)
    return checkpoint


def load_from_store(filename: str, map_location: Any = None) -> dict:
    raise ValueError(f'checkpoint {filename}: expected a file or a URL. '
                     'Copy it to this machine and name the copy.')
