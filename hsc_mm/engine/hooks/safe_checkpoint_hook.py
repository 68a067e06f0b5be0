"""Hook that writes checkpoints whole or not at all, and resumes from them."""
import os
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.dist import (
    broadcast_object_list,
    is_main_process,
    master_only,
)
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.runner import save_checkpoint

from hsc_mm.cli.signals import AGAIN
from hsc_mm.engine.best import LateRemoval, check_save_best, with_absent
from hsc_mm.registry import HOOKS
from hsc_mm.utils import atomic_write_bytes
from hsc_mm.utils import checkpoints as ckpt
from hsc_mm.utils.work_dirs import LAST, newest_whole, publish, remove

__all__ = ['SafeCheckpointHook']

# Noted in a checkpoint: those that are removed once it is written.
_GONE = 'outdated_ckpt_ids'


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """mmengine's hook, of which a kill at any moment leaves a whole file.

    A checkpoint is written under a temporary name in the same folder, put on
    the disk, renamed, with its SHA-256 beside it; only then older ones are
    removed, and ``last_checkpoint`` is written whole. A resumed run continues
    from the newest complete checkpoint of its own work folder, and says
    which ones it skipped; without any it starts from the beginning. A
    training that is stopped early leaves one too, unless ``save_last=False``.

    Args:
        kwargs: Those of :class:`mmengine.hooks.CheckpointHook`. Checkpoints
            in a remote store are written as mmengine writes them.

    Raises:
        ValueError: The weights are NaN or infinite: nothing is written. Or
            no validation returns a score that ``save_best`` names.
        OSError: The disk is full: everything written before is complete.
    """

    def before_run(self, runner) -> None:
        """Choose the checkpoint to resume from, unless one was named."""
        if not runner._resume or runner._load_from is not None:
            return
        found: list[Any] = [None]
        if is_main_process():
            found[0] = newest_whole(
                runner.work_dir,
                dict(out_dir=self.out_dir, filename_tmpl=self.filename_tmpl),
                runner.logger.warning)
        broadcast_object_list(found)
        if found[0] is None:
            runner.logger.warning(
                f'{runner.work_dir}: no complete checkpoint to resume from: '
                'the run starts from the beginning.')
            runner._resume = False
        else:
            runner.logger.info('Resumed from the latest complete checkpoint, '
                               f'{found[0]}.')
            runner._load_from = str(found[0])

    def before_train(self, runner) -> None:
        """Prepare; of a moved work folder the best checkpoint moved too."""
        super().before_train(runner)
        self._saved = runner.iter
        check_save_best(self.save_best, runner.val_loop, runner.hooks)
        self._local = isinstance(self.file_backend, LocalBackend)
        if not self._local:
            return
        if is_main_process():
            self._tidy(runner)
        for key in getattr(self, 'key_indicators', None) or ():
            if len(self.key_indicators) == 1:
                self.best_ckpt_path = self._here(self.best_ckpt_path)
            else:
                self.best_ckpt_path_dict[key] = self._here(
                    self.best_ckpt_path_dict.get(key))

    def _tidy(self, runner) -> None:
        """Remove what a killed run did not get to rename or to remove."""
        for pattern in ('.*.pth.draft', f'.*.pth{ckpt.SUM_SUFFIX}.*.tmp'):
            for draft in Path(self.out_dir).glob(pattern):
                draft.unlink(missing_ok=True)
        for draft in Path(runner.work_dir).glob(f'.{LAST}.*.tmp'):
            draft.unlink(missing_ok=True)
        if runner._resume and self.max_keep_ckpts > 0:
            for old in runner.message_hub.runtime_info.get(_GONE, ()):
                remove(Path(self.out_dir) / self.filename_tmpl.format(old))

    def _here(self, path: str | None) -> str | None:
        """Return the path of a file of this name in this run's folder."""
        return path and os.path.join(self.out_dir, os.path.basename(path))

    def _save_checkpoint_with_step(self, runner, step: int,
                                   meta: dict) -> None:
        self._saved = meta['iter']
        if not self._local:
            super()._save_checkpoint_with_step(runner, step, meta)
            return
        runner = runner.bare if isinstance(runner, _Whole) else runner
        outdated = self._outdated(runner, step)
        name = self.filename_tmpl.format(step)
        self.last_ckpt = os.path.join(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        _save_whole(
            runner,
            self.out_dir,
            name,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            **self.args)
        if is_main_process():
            atomic_write_bytes(
                Path(runner.work_dir) / LAST, self.last_ckpt.encode())
            for old in outdated:
                remove(Path(self.out_dir) / self.filename_tmpl.format(old))

    def _outdated(self, runner, step: int) -> list[int]:
        """Note a step among those that are kept; return those that go."""
        if self.max_keep_ckpts <= 0 or step in list(self.keep_ckpt_ids)[-1:]:
            return []
        # After damage a run resumes from an earlier one and redoes steps.
        kept = [old for old in self.keep_ckpt_ids if old != step] + [step]
        gone = kept[:-self.max_keep_ckpts]
        self.keep_ckpt_ids.clear()
        self.keep_ckpt_ids.extend(kept[-self.max_keep_ckpts:])
        runner.message_hub.update_info('keep_ckpt_ids',
                                       list(self.keep_ckpt_ids))
        runner.message_hub.update_info(_GONE, gone)
        return gone

    def after_train(self, runner) -> None:
        """Save what a training that was stopped early has learned."""
        if self.save_last and runner.iter != self._saved:
            runner.logger.info('The training ended early, at iteration '
                               f'{runner.iter}: a checkpoint is saved.')
            self._save_checkpoint_with_step(
                runner, runner.epoch if self.by_epoch else runner.iter,
                dict(epoch=runner.epoch, iter=runner.iter))
        super().after_train(runner)

    def _save_best_checkpoint(self, runner, metrics: dict) -> None:
        metrics = with_absent(self, metrics, runner)
        if not getattr(self, '_local', False):
            super()._save_best_checkpoint(runner, metrics)
            return
        store, last = self.file_backend, self.last_ckpt
        self.file_backend = late = LateRemoval(store)
        if last is None and self.interval > 0:
            self.last_ckpt = ''  # the first best one gets one to resume from
        try:
            super()._save_best_checkpoint(_Whole(runner), metrics)
        finally:
            self.file_backend = store
            self.last_ckpt = self.last_ckpt or last
        for path in late.removed:
            if Path(path).name not in late.written(self):
                remove(Path(path))

    @master_only
    def _publish_model(self, runner, ckpt_path: str | None) -> None:
        """Write the published copy under a temporary name first."""
        if ckpt_path is None:  # there is no best one
            return
        if not getattr(self, '_local', False):
            super()._publish_model(runner, ckpt_path)
            return
        content = ckpt.load(ckpt_path)
        kept = {k: content[k] for k in content if k in self.published_keys}
        source = Path(ckpt_path)
        draft = source.with_name(f'.{source.name}.draft')
        save_checkpoint(kept, str(draft))
        name = f'{source.stem}-{ckpt.file_sum(draft)[:8]}.pth'
        target = source.with_name(name)
        publish(draft, target)
        runner.logger.info(f'The checkpoint ({ckpt_path}) is published to '
                           f'{target}, with the keys {sorted(kept)}.')


class _Whole:
    """A runner whose checkpoints are written whole."""

    def __init__(self, runner) -> None:
        self.bare = runner
        self.save_checkpoint = partial(_save_whole, runner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bare, name)


def _save_whole(runner, out_dir: str, filename: str, **kwargs) -> None:
    """Let a runner save under a temporary name, then publish the file."""
    kwargs.pop('file_client_args', None)
    ckpt.check_finite(f'of iteration {runner.iter}, not written',
                      runner.model.state_dict())
    draft = Path(out_dir) / f'.{filename}.draft'
    try:
        runner.save_checkpoint(out_dir, draft.name, **kwargs)
        if is_main_process():
            publish(draft, Path(out_dir) / filename)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OSError(
            error.errno, f'{error.strerror}: the checkpoint could not be '
                         f'written. Free some space. {AGAIN}',
            str(Path(out_dir) / filename)) from error
