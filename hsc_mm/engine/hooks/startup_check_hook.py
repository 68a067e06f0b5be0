"""Hooks that check what a run starts with, and say what it lacks.

In one file, though long: the checks have one order.
"""
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook, Hook
from torch import nn

from hsc_mm.datasets.geometry import check_mixed
from hsc_mm.engine.classes import check_heads, check_splits
from hsc_mm.engine.fitting import (
    bare_model,
    check_pretrained,
    check_warm_start,
    first_problem,
)
from hsc_mm.engine.norms import guard_batch_norms
from hsc_mm.engine.resumable import check_rates, check_resumable
from hsc_mm.engine.resumed import resume_notes, stopped_note
from hsc_mm.engine.run_summary import data_of, named_parts
from hsc_mm.engine.task import meta_of, task_of
from hsc_mm.engine.widening import widen_when_loaded
from hsc_mm.functional.prototypes import MomentumPrototypes
from hsc_mm.inference.class_names import check_class_names
from hsc_mm.inference.missing_maps import idle_maps
from hsc_mm.models.heads.version1 import use_present_names
from hsc_mm.registry import HOOKS
from hsc_mm.utils.checkpoints import why_not_whole
from hsc_mm.utils.numbers import nearest
from hsc_mm.utils.work_dirs import set_aside

__all__ = ['NO_CHECKPOINT', 'NoticeHook', 'StartupCheckHook']

#: Said where a training would leave nothing.
NO_CHECKPOINT = (
    'this training saves no checkpoint, and what it learns will be lost: '
    'default_hooks.checkpoint of the config is None, or has save_last=False '
    'and an interval beyond the last iteration. Set '
    'default_hooks.checkpoint.type=hsc_mm.SafeCheckpointHook and '
    'default_hooks.checkpoint.save_last=True.')

_HEAD = 'decode_head.'
_OWN = re.compile(r'(best_\w+_)?(iter|epoch)_\d+\.pth$')


@HOOKS.register_module()
class StartupCheckHook(Hook):
    """Refuse to overwrite a finished run, and weights that do not fit.

    mmengine starts a second run in a folder by overwriting the checkpoints
    of the first, and loads what fits of a weight file, warning about the
    rest: a backbone of another depth then trains from random numbers. Both
    are errors here.

    Args:
        allow_overwrite (bool): Whether a new run may overwrite checkpoints.
        check_weights (bool): Whether pretrained weights must fit, and
            checkpoints that are tested or resumed.
        may_lack (Sequence[str]): Tensors that pretrained weights may lack,
            by their names in the module, ``*`` and ``?`` being any
            characters: norms that the backbone has and a classifier has
            not, for one.

    The same goes for a test or a resumed run with the checkpoint of another
    model, or of other classes, whose channels mean something else.
    ``load_from`` may fit in part: the log says which share.

    Raises:
        FileExistsError: The work folder has checkpoints, and the run does
            not go on from one of them.
        ValueError: Pretrained weights do not fit the module they are for,
            a checkpoint does not fit the model or knows other classes,
            those of the heads or of the validation are not those of the
            training, or a transform leaves maps, masks or image labels
            behind (:func:`hsc_mm.datasets.geometry.check_mixed`).
    """

    priority = 'VERY_HIGH'

    def __init__(self,
                 allow_overwrite: bool = False,
                 check_weights: bool = True,
                 may_lack: Sequence[str] = ()) -> None:
        if isinstance(may_lack, str):
            raise ValueError('may_lack of StartupCheckHook: expected a list '
                             f'of names, found {may_lack!r}.')
        self.allow_overwrite = allow_overwrite
        self.check_weights = check_weights
        self.may_lack = tuple(may_lack)

    def before_run(self, runner) -> None:
        """Let weights for three channels begin a model of other bands."""
        widen_when_loaded(bare_model(runner.model))

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Check a checkpoint: all of it, or enough for a warm start."""
        training = task_of(runner) == 'train'
        if not self.check_weights:
            return
        name = str(runner._load_from or runner.work_dir)
        state = dict(checkpoint.get('state_dict', checkpoint))
        model = bare_model(runner.model)
        use_present_names(state, _HEAD, model.state_dict())
        if runner._resume or not training:
            # Other projects keep prototypes out of their checkpoints, and
            # tests do not look at them, unless they take part in the seeds.
            unused = () if runner._resume else tuple(
                name for name, module in model.named_modules()
                if isinstance(module, MomentumPrototypes))
            problem, advice = first_problem(model, state, unused), ''
            head = getattr(model, 'decode_head', None)
            if not problem and getattr(head, 'seed_from', '') == 'prototypes':
                problem = first_problem(model, state)
                advice = (' Make seeds of the CAM alone: model.decode_head.'
                          'seed_from=refined, or raw.')
            if problem:
                raise ValueError(
                    f'checkpoint {name}: it does not fit the model of this '
                    f'config: {problem}.{advice}')
            check_class_names(name, checkpoint, meta_of(runner).get('classes'))
            if runner._resume:
                meta = checkpoint.get('meta') or {}
                check_resumable(runner.cfg, meta, name)
                for note in resume_notes(runner.cfg, meta, data_of(runner)):
                    runner.logger.warning(note)
            if runner._resume and 'optimizer' not in checkpoint:
                runner.logger.warning(
                    f'checkpoint {name}: it holds no optimizer, so momentum '
                    'begins at zero and the run is not the one that was '
                    'interrupted.')
            return
        note = check_warm_start(name, model, state)
        if note:
            runner.logger.warning(note)
        try:
            check_class_names(name, checkpoint, meta_of(runner).get('classes'))
        except ValueError as error:
            runner.logger.warning(f'load_from: {error}')

    def before_train(self, runner) -> None:
        """Check, after the weights are loaded and before any is changed."""
        found = []
        # A resumed run that found nothing to resume starts from the first
        # iteration too.
        if runner.iter == 0 and not self.allow_overwrite:
            found = _whole_ones(runner)
        if found:
            names = [_OWN.match(path.name) for path in found]
            advice = 'Resume with --resume' if any(
                one and not one[1] for one in names) else (
                'No training goes on from the best one alone: move it away'
                if any(names) else
                'No run writes such a name: if it was renamed, give it back '
                'its own, such as iter_300.pth, else move it away')
            raise FileExistsError(
                f'work_dir {runner.work_dir}: expected no checkpoints of an '
                f'earlier run, found {found[0].name}. {advice}, '
                'choose another --work-dir, or overwrite them with '
                '--cfg-options '
                'default_hooks.startup_check.allow_overwrite=True.')
        if runner._resume and runner.iter >= runner.max_iters:
            runner.logger.warning(
                f'nothing is left to train: the checkpoint is of iteration '
                f'{runner.iter}, and train_cfg ends at {runner.max_iters}.')
        elif runner._resume:
            check_rates(runner)
            if note := stopped_note(runner):
                runner.logger.warning(note)
        if not any(_saves(hook, runner) for hook in runner.hooks):
            runner.logger.warning(NO_CHECKPOINT)
        guard_batch_norms(bare_model(runner.model))
        losses = named_parts(
            getattr(bare_model(runner.model), 'decode_head', None), 'losses')
        read = getattr(losses, 'needs_maps', None)
        idle = None if read is None else idle_maps(
            getattr(runner, 'cfg', {}), read)
        if idle:
            runner.logger.warning(idle)
        check_heads(bare_model(runner.model), meta_of(runner))
        check_splits(runner)
        check_mixed(runner.train_dataloader.dataset)
        _check_rates(bare_model(runner.model), getattr(runner, 'cfg', {}))
        if self.check_weights and not runner._resume:
            check_pretrained(bare_model(runner.model), self.may_lack)


def _saves(hook: Hook, runner) -> bool:
    """Say whether a hook leaves a checkpoint of the training."""
    if not isinstance(hook, CheckpointHook):
        return False
    total = runner.max_epochs if hook.by_epoch else runner.max_iters
    return bool(hook.save_last or hook.save_best
                or 0 < hook.interval <= total)


def _check_rates(model: nn.Module, cfg: Mapping) -> None:
    """Refuse rates of parameters whose name is misspelt."""
    wrapper = cfg.get('optim_wrapper')
    settings = wrapper.get('paramwise_cfg') if isinstance(
        wrapper, Mapping) else None
    names = [name for name, _ in model.named_parameters()]
    known = {'.'.join(parts[:end]) for parts in (
        name.split('.') for name in names) for end in (1, 2, 3)}
    for key in (settings or {}).get('custom_keys') or ():
        near = nearest(key, known, 0.8)
        if near and not any(key in name for name in names):
            raise ValueError(
                f'optim_wrapper.paramwise_cfg.custom_keys: expected a part '
                f'of the name of a parameter, found {key!r}.{near}')


def _whole_ones(runner) -> list[Path]:
    """List the checkpoints in a work folder.

    Damaged ones of a name that a run writes are put aside.
    """
    whole = []
    for path in sorted(Path(runner.work_dir).glob('*.pth')):
        damage = why_not_whole(path)
        if damage is None:
            whole.append(path)
        elif is_main_process() and path.is_file() and _OWN.match(path.name):
            runner.logger.warning(f'{path}: {damage} It was renamed to '
                                  f'{set_aside(path)}.')
    return whole


@HOOKS.register_module()
class NoticeHook(Hook):
    """Put a line in the log when a run starts.

    Args:
        text (str): The line.
    """

    priority = 'VERY_HIGH'

    def __init__(self, text: str) -> None:
        self.text = text

    def before_run(self, runner) -> None:
        """Print, as a warning."""
        runner.logger.log(logging.WARNING, self.text)
