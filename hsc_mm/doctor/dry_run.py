"""Dry run: sizes of the views, the first iterations of a training.

In one file, though long: it is one short training, and what is read off it.
"""
import copy
import resource
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from statistics import median
from tempfile import TemporaryDirectory

import torch
from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook

from hsc_mm.datasets.build import images_in_batch
from hsc_mm.datasets.transforms.load_image import reading_options
from hsc_mm.engine.runner import build_runner
from hsc_mm.inference.config_loops import schedules
from hsc_mm.models.features import feature_map
from hsc_mm.utils.health import read_health
from hsc_mm.utils.part_types import type_name
from hsc_mm.utils.progress import progress
from hsc_mm.utils.wrappers import crop_size
from .case import Case
from .finding import Finding, error, fact, warning

__all__ = ['dry_run', 'spell_time', 'views']

_MIB = 2**20
_RUNS = 0
_FEW = 8  # positions along a side
# Iterations and seconds of the dry run, whichever comes first.
_MOST, _SECONDS = 60, 60


def views(case: Case) -> Iterator[Finding]:
    """Run the backbone on each view, and say what it makes of them."""
    size = _crop(case)
    if size is None:
        yield fact('size of the crops: not known from the training pipeline')
        return
    second = case.cfg.model.get('second_view')
    bands = reading_options(
        step for split in case.train for step in split.pipeline)['bands']
    patch = case.cfg.model.backbone.get('patch_size')
    index = (case.heads().get('decode_head') or {}).get('in_index', -1)
    index = index[-1] if isinstance(index, list | tuple) else index
    for number, view in enumerate([size, second] if second else [size], 1):
        height, width = view
        if isinstance(patch, int) and (height % patch or width % patch):
            yield warning(
                f'view {number}: {height} x {width} pixels are not a multiple '
                f'of the patch size {patch}: the rest is cropped or padded',
                f'Take a multiple of {patch}, for example '
                f'{round(height / patch) * patch}.')
        with torch.no_grad():
            feats = case.model.eval().extract_feat(
                torch.zeros(1, len(bands or 'RGB'), height, width))
        feat = feats[index] if isinstance(feats, list | tuple) else feats
        rows, columns = feature_map(feat, index, 'decode_head').shape[2:]
        yield fact(f'view {number}: {height} x {width} pixels give '
                   f'{rows} x {columns} positions, {feat.shape[1]} channels')
        if min(rows, columns) < _FEW:
            yield warning(
                f'view {number}: only {rows} x {columns} positions',
                'CAMs of so few positions are coarse: take a larger crop or '
                'view, or a smaller stride.')


def _crop(case: Case) -> tuple[int, int] | None:
    """Return height and width of what the network is trained on."""
    for split in case.train:
        if found := crop_size(split.pipeline):
            return found
    size = (case.cfg.model.get('data_preprocessor') or {}).get('size')
    return tuple(size) if size else None


class _Stopwatch(Hook):
    """Times at which iterations ended; it stops the training."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.bar = progress(range(_MOST + 1), _MOST, 'dry run', 'iterations')

    def before_train(self, runner) -> None:
        self.ends.append(time.perf_counter())
        next(self.bar)

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())
        next(self.bar, None)
        if len(self.ends) > _MOST or (len(self.ends) > 2 and
                                      self.ends[-1] - self.ends[0] > _SECONDS):
            runner.train_loop.stop_training = True


def dry_run(case: Case) -> Iterator[Finding]:
    """Train for a minute on real data; nothing is left behind.

    Rates and weights of losses are those of the first iterations of the whole
    training. Weights that are missing are replaced by random numbers: memory
    and time do not depend on them.
    """
    watch = _Stopwatch()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter('ignore')
        runner = build_runner(_shortened(case, folder))
        runner.register_hook(watch)
        try:
            with closing(watch.bar):
                runner.train()
        except Exception as problem:
            yield error(
                f'training, iteration {max(len(watch.ends), 1)}: '
                f'{type(problem).__name__}: {problem}',
                '"python -m hsc_mm train" would fail with this error; run it '
                'with HSC_MM_TRACEBACK=1 to see where it arises.')
            return
        health = read_health(folder)
    for one in health['findings']:
        if one['kind'] == 'jump':
            yield warning(one['text'], one['advice'])
    spent = [after - before for before, after in pairwise(watch.ends)]
    batch = images_in_batch(case.cfg.train_dataloader)
    each = median(spent[1:] or spent)
    yield fact(f'{len(spent)} iterations of {batch} images: {each:.2f} s '
               f'each, {spent[0]:.2f} s the first')
    yield fact(_memory())
    iters = _iterations(case)
    case.seconds = each * iters
    yield fact(f'training: {spell_time(case.seconds)} for {iters} '
               'iterations, validation not counted')


def _memory() -> str:
    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_allocated() / _MIB
        return f'memory: {peak:.0f} MiB allocated on the GPU at most'
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (f'memory: {peak:.0f} MiB at most (RSS of the main process; worker '
            'processes need more)')


def spell_time(seconds: float) -> str:
    """Write a duration as a person says it."""
    if seconds < 90:
        return f'about {seconds:.0f} s'
    if seconds < 5400:
        return f'about {seconds / 60:.0f} min'
    return f'about {seconds / 3600:.1f} h'


def _iterations(case: Case) -> int:
    train_cfg = case.cfg.get('train_cfg') or {}
    images = sum(len(split.items()) for split in case.train)
    batch = images_in_batch(case.cfg.train_dataloader)
    return train_cfg.get('max_iters') or train_cfg.get(
        'max_epochs', 1) * -(-images // batch)


def _shortened(case: Case, folder: str) -> Config:
    """Return the config of a silent training in a folder."""
    global _RUNS
    _RUNS += 1
    cfg = copy.deepcopy(case.cfg)
    name = f'doctor_{_RUNS}_{time.time_ns()}'
    cfg.update(
        dict(
            work_dir=folder,
            experiment_name=name,
            log_level='ERROR',
            load_from=None,
            resume=False,
            launcher='none',
            visualizer=dict(type='Visualizer', name=name)))
    # Not updated: a loop of epochs has arguments of its own.
    cfg.train_cfg = dict(
        type='IterBasedTrainLoop',
        max_iters=_iterations(case),
        val_interval=_iterations(case) + 1)
    for _, one in schedules(cfg):
        if one.get('by_epoch', True) and 'Plateau' not in type_name(one):
            one['convert_to_iter_based'] = True
    for split in ('val', 'test'):
        for part in ('dataloader', 'cfg', 'evaluator'):
            cfg[f'{split}_{part}'] = None
    cfg.train_dataloader.persistent_workers = False
    hooks = cfg.get('default_hooks') or ConfigDict()
    for key in ('leak_guard', 'visualization'):
        hooks.pop(key, None)
    hooks.update(  # weights are the matter of another check
        startup_check=dict(
            hooks.get('startup_check') or {},
            type='hsc_mm.StartupCheckHook', allow_overwrite=True,
            check_weights=False),
        checkpoint=None,
        logger=dict(type='LoggerHook', interval=_MOST),
        finite_loss=dict(type='hsc_mm.FiniteLossHook'),
        training_health=dict(type='hsc_mm.TrainingHealthHook'))
    cfg.default_hooks = hooks
    cfg.custom_hooks = [
        hook for hook in cfg.get('custom_hooks') or []
        if type_name(hook) not in ('CAMVisualizationHook', 'NoticeHook')
    ]
    _drop_weights(cfg.model, case.missing_weights)
    return cfg


def _drop_weights(cfg: dict | list, names: set[str]) -> None:
    """Take initialisers out that would read one of these files."""
    parts = cfg.values() if isinstance(cfg, dict) else cfg
    for part in parts:
        if isinstance(part, dict | list | tuple):
            _drop_weights(part, names)
    if isinstance(cfg, dict):
        init = cfg.get('init_cfg')
        if isinstance(init, dict) and init.get('checkpoint') in names:
            cfg['init_cfg'] = None
