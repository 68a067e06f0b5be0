"""Check of pretrained weights: whether they are there, and fit."""
import os
from collections.abc import Iterator

from torch.nn.modules.batchnorm import _BatchNorm

from hsc_mm.datasets.build import images_in_batch
from hsc_mm.engine.fitting import (
    check_pretrained,
    check_warm_start,
    pretrained_parts,
)
from hsc_mm.engine.norms import BATCH_ADVICE
from hsc_mm.engine.run_summary import start_of
from hsc_mm.inference.class_names import check_class_names
from hsc_mm.utils.checkpoint_sources import how_to_get, locate
from hsc_mm.utils.checkpoints import load
from .case import Case
from .finding import Finding, error, fact, warning

__all__ = ['batch', 'weights']


def weights(case: Case) -> Iterator[Finding]:
    """Compare the files with the modules that they are for."""
    yield from _warm_start(case)
    named = {
        module: cfg['checkpoint']
        for module, _, cfg in pretrained_parts(case.model)
    }
    start = start_of(case.model, case.cfg, case.cfg.get('load_from'))
    if not named and start['random']:
        yield warning(
            'no pretrained weights: the whole network starts from random '
            'numbers', 'This suits tests and large data sets. Otherwise name '
                       'weights: '
                       'model.backbone.init_cfg=dict(type="Pretrained", '
                       'checkpoint=...).')
    for module, name in named.items():
        path, url = locate(name)
        remote = url is not None
        path = path if path and os.path.isfile(path) else None
        if path is None:
            case.missing_weights.add(name)
            kind, what = (error, ': there is no such file')
            if remote:
                kind, what = warning, (
                    ' are not on this machine; training downloads them first')
            yield kind(
                f'{module}: weights {name}{what}',
                how_to_get(name, f'model.{module}.init_cfg.checkpoint'))
    hook = (case.cfg.get('default_hooks') or {}).get('startup_check') or {}
    if named and not hook.get('check_weights', True):
        yield fact('weights: check_weights=False, so they may not fit')
    elif named and not case.missing_weights:
        try:
            check_pretrained(case.model, hook.get('may_lack') or ())
        except Exception as problem:
            case.missing_weights.update(named.values())
            yield error(str(problem), 'Name weights of this network, or '
                        'change the backbone in the config.')
        else:
            yield fact('weights fit: ' + ', '.join(
                f'{module} from {name}' for module, name in named.items()))


def batch(case: Case) -> Iterator[Finding]:
    """Look for batch norms that would see one image."""
    loader = case.cfg.get('train_dataloader') or {}
    if not loader or images_in_batch(loader) != 1:
        return
    names = [name for name, module in case.model.train().named_modules()
             if isinstance(module, _BatchNorm) and module.training]
    if names:
        yield warning(
            f'batch_size 1 per process: {len(names)} batch norms in training, '
            f'the first is {names[0]}', BATCH_ADVICE)


def _warm_start(case: Case) -> Iterator[Finding]:
    """Open the checkpoint that the training begins with."""
    name = case.cfg.get('load_from')
    if not name or locate(name)[1]:
        return
    try:
        found = load(locate(name)[0] or name)
        note = check_warm_start(name, case.model,
                                found.get('state_dict', found))
        for split in case.train:
            if split.dataset is not None:
                check_class_names(f'load_from {name}', found,
                                  split.dataset.metainfo['classes'])
    except (OSError, ValueError) as problem:
        yield error(f'load_from: {problem}', 'Name a checkpoint of this '
                    'network: --cfg-options load_from=FILE')
    else:
        yield fact(note or f'load_from fits: {name}')
