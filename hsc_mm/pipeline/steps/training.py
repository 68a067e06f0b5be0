"""Steps that train: the CAM stage and the segmentation stage."""
from collections.abc import Mapping

from mmengine.config import Config

from hsc_mm.registry import MODELS, STEPS
from hsc_mm.utils.checkpoints import file_sum
from hsc_mm.utils.health import read_health, spoken
from hsc_mm.utils.part_types import class_of, type_name
from hsc_mm.utils.work_dirs import newest_whole
from ..context import Context
from ..inputs import stage_inputs, with_pseudo_dir
from ..step import Outcome, Step, run_tool

__all__ = ['TrainCAM', 'TrainSegmentor']


class _Training(Step):
    """A child process that trains, or resumes, in the step's folder."""

    def _train(self, cfg: Config, ctx: Context, resumable: bool) -> Outcome:
        folder = ctx.root / self.folder
        arguments = [ctx.dump(cfg, self.name), '--work-dir', folder]
        if resumable:
            arguments.append('--resume')
        run_tool('train', arguments, folder / 'output.txt')
        # A killed run may not have noted its last one in last_checkpoint.
        hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
        checkpoint = newest_whole(
            folder, dict(filename_tmpl=hook.get('filename_tmpl')))
        if checkpoint is None:
            raise ValueError(
                f'{folder}: expected the checkpoint of the finished training,'
                f' found none that is whole. {_remedy(hook)}')
        return Outcome([checkpoint],
                       dict(checkpoint=checkpoint.name,
                            hash=file_sum(checkpoint)[:16],
                            warnings=spoken(read_health(folder))))


def _check_kept(cfg: Config) -> None:
    """Refuse hooks that leave no checkpoint of the end in the work folder.

    Raises:
        ValueError: The training would run to its end for nothing.
    """
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    loop = cfg.get('train_cfg') or {}
    length = loop.get('max_epochs' if hook.get('by_epoch', True) else
                      'max_iters')
    others = [type_name(one) for one in cfg.get('custom_hooks') or []]
    every = hook.get('interval', -1)
    if (not hook and not any(name.endswith('CheckpointHook')
                             for name in others)) or hook.get('out_dir') or (
            hook.get('save_last') is False and length
            and (every < 1 or length % every)):
        raise ValueError(
            f'default_hooks.checkpoint of {cfg.filename}: expected a hook '
            'that leaves the last checkpoint in the work folder, found '
            f'{dict(hook) or None}. {_remedy(hook)}')


def _remedy(hook: Mapping) -> str:
    """Say what lets a training leave its last checkpoint in its folder."""
    if hook.get('out_dir'):
        return ('The pipeline keeps checkpoints there: set '
                'default_hooks.checkpoint.out_dir=None.')
    return ('Let the training keep its last one: default_hooks.checkpoint='
            "dict(type='hsc_mm.SafeCheckpointHook', by_epoch=False), without "
            'save_last=False.')


@STEPS.register_module()
class TrainCAM(_Training):
    """Train the CAM stage.

    Args:
        config (str): File of another config than that of the pipeline: a
            baseline's, for example.
        **kwargs: See :class:`Step`.
    """
    name = 'cam'
    makes = ('cam', )

    def __init__(self, config: str = 'cam', **kwargs) -> None:
        super().__init__(**kwargs)
        self.config = config

    def check(self, ctx: Context) -> None:
        """Read model and data: what is wrong with them shows now."""
        cfg = ctx.config(self.config)
        if not getattr(class_of(MODELS, cfg.model), 'makes_cams', False):
            raise ValueError(
                f'{cfg.filename}: expected the config of a CAM stage, found '
                f'model.type {type_name(cfg.model)!r}. The config of the '
                'segmentation stage comes second.')
        _check_kept(cfg)
        ctx.dataset(self.config, 'train')

    def inputs(self, ctx: Context) -> dict:
        """See :func:`hsc_mm.pipeline.stage_inputs`."""
        return stage_inputs(ctx.config(self.config), 'train')

    def run(self, ctx: Context, resumable: bool) -> Outcome:
        """Train."""
        return self._train(ctx.config(self.config), ctx, resumable)


@STEPS.register_module()
class TrainSegmentor(_Training):
    """Train the segmentation stage on pseudo labels.

    Args:
        labels (str, optional): Name of the step whose pseudo labels it
            learns from; by default the last one that made some.
        **kwargs: See :class:`Step`.
    """
    name = 'seg'
    makes = ('segmentor', )
    needs_seg_cfg = True

    def __init__(self, labels: str | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.labels = labels

    def check(self, ctx: Context) -> None:
        """Look for the pseudo labels, and for what reads them."""
        with_pseudo_dir(ctx.seg_cfg, ctx.pseudo_labels(self.labels))
        _check_kept(ctx.seg_cfg)
        ctx.dataset('seg', 'train')

    def inputs(self, ctx: Context) -> dict:
        """Return those of the stage, and what the labels are made from."""
        source = ctx.find('pseudo_labels', self.labels)
        return dict(
            stage_inputs(ctx.seg_cfg, 'train'),
            pseudo_labels=ctx.identity(source.name))

    def run(self, ctx: Context, resumable: bool) -> Outcome:
        """Train."""
        cfg = with_pseudo_dir(ctx.seg_cfg, ctx.pseudo_labels(self.labels))
        return self._train(cfg, ctx, resumable)
