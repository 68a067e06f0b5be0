"""Pretrained weights: there, and of this network."""
import os
from collections.abc import Iterator

import torch
from mmengine.runner import checkpoint as sources

from hsc_mm.engine.hooks.startup_check_hook import (
    check_pretrained,
    pretrained_parts,
)
from .case import Case
from .finding import Finding, error, fact, warning

__all__ = ['cached_file', 'weights']


def weights(case: Case) -> Iterator[Finding]:
    """Compare the files with the modules that they are for."""
    named = {
        module: cfg['checkpoint']
        for module, _, cfg in pretrained_parts(case.model)
    }
    if not named:
        yield warning(
            'no pretrained weights: the whole network starts from random '
            'numbers', 'Good for tests and large data sets. Else name '
            'weights: model.backbone.init_cfg=dict(type="Pretrained", '
            'checkpoint=...).')
    for module, name in named.items():
        path, remote = cached_file(name)
        if path is None and not remote:
            case.missing_weights.add(name)
            yield error(
                f'{module}: weights {name}: there is no such file',
                'Fetch them, or name the file: '
                f'--cfg-options model.{module}.init_cfg.checkpoint=FILE')
        elif path is None:
            case.missing_weights.add(name)
            yield warning(
                f'{module}: weights {name} are not on this machine; training '
                'fetches them first', 'Without a network, fetch the file '
                'elsewhere and name it: --cfg-options '
                f'model.{module}.init_cfg.checkpoint=FILE')
    if named and not case.missing_weights:
        try:
            check_pretrained(case.model)
        except Exception as problem:
            case.missing_weights.update(named.values())
            yield error(str(problem), 'Name weights of this network, or '
                        'change the backbone in the config.')
        else:
            yield fact('weights fit: ' + ', '.join(
                f'{module} from {name}' for module, name in named.items()))


def cached_file(name: str) -> tuple[str | None, bool]:
    """Find weights on this machine, as mmengine would.

    Args:
        name (str): A path, a URL, or ``torchvision://``, ``open-mmlab://``,
            ``mmcls://`` and a model.

    Returns:
        tuple[str | None, bool]: The file, None if it is not here; and
        whether it can be fetched.
    """
    kind, _, model = name.partition('://')
    if not model:
        return (name if os.path.isfile(name) else None), False
    tables = {
        'torchvision': sources.get_torchvision_models,
        'modelzoo': sources.get_torchvision_models,
        'open-mmlab': sources.get_external_models,
        'openmmlab': sources.get_external_models,
        'mmcls': sources.get_mmcls_models
    }
    url = name
    if kind in tables:
        url = tables[kind]().get(model)
        if url is None:
            return None, False
    if '://' not in url:
        path = os.path.join(sources._get_mmengine_home(), url)
        return (path if os.path.isfile(path) else None), False
    path = os.path.join(torch.hub.get_dir(), 'checkpoints',
                        os.path.basename(url))
    return (path if os.path.isfile(path) else None), True
