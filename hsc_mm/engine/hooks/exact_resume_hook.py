"""Hook that restores random numbers and counts, so that resuming is exact."""
import json
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop

from hsc_mm.registry import HOOKS
from hsc_mm.utils import atomic_write_bytes
from ..draws import draws_note, go_on, keep_draws
from ..early_stopping import count_on, counts
from ..resumed import stopped_note
from ..run_summary import data_of

__all__ = ['ExactResumeHook']

# Keys in checkpoints: what hooks that stop early have counted, and whether
# the validation of the iteration came before.
_COUNTED = 'early_stopping'
_AFTER = 'after_validation'
# File in the work folder: the iteration that was validated last, and what
# these hooks had counted after it.
_VALIDATED = 'last_validation'


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Keep torch's random numbers, and the seed of the draws.

    mmengine restores weights, optimiser and schedule;
    :class:`hsc_mm.ReproducibleSampler` brings data and augmentations back to
    where they were, from the seed that this hook keeps: a run whose config
    names none has drawn one; and from how many images were drawn, so that it
    goes on after them with another number of processes, or of images in each.
    What is left open are the random numbers drawn
    by the model (dropout): this hook saves their state, and restores it
    before the first iteration after resuming. It also keeps a validation
    from moving them, so that a run that validated continues as one that did
    not. :class:`hsc_mm.StartupCheckHook` compares the data, which
    checkpoints name.

    A checkpoint is written before the validation of its iteration. If that
    did not end, or a schedule reads its score (``ReduceOnPlateau...``), a run
    that resumes there begins with it.

    mmengine's ``EarlyStoppingHook`` goes on from the best score and the count
    that it had. Where it had stopped the training, the count begins anew.

    With several ranks torch's random numbers are not restored: a checkpoint
    holds the state of the first one only, and each rank's dropout is seeded
    again.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self._pending: dict | None = None
        self._counted: Any = None
        self._resumed = False
        self._validated_at: int | None = None
        self._after_val = False
        self._last_val: int | None = None
        self._before_val: dict | None = None

    @staticmethod
    def _state() -> dict:
        state = dict(cpu=torch.get_rng_state())
        if torch.cuda.is_available():
            state['cuda'] = torch.cuda.get_rng_state()
        return state

    @staticmethod
    def _restore(state: dict) -> None:
        torch.set_rng_state(state['cpu'].cpu())
        if 'cuda' in state and torch.cuda.is_available():
            torch.cuda.set_rng_state(state['cuda'].cpu())

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Add state, seed and what names the data to the checkpoint."""
        checkpoint['rng_state'] = self._state()
        if counted := counts(runner):
            checkpoint[_COUNTED] = counted
        checkpoint[_AFTER] = checkpoint['meta'].get('iter') == self._last_val
        checkpoint['meta']['data'] = data_of(runner)
        keep_draws(runner, checkpoint)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Take the draws of a resumed run; of one process, note its state."""
        if not runner._resume:
            return
        go_on(runner, checkpoint)
        self._resumed = True
        self._counted = checkpoint.get(_COUNTED)
        self._after_val = checkpoint.get(_AFTER, False)
        if runner.world_size > 1:
            return
        self._pending = checkpoint.get('rng_state')
        try:
            if self._pending is not None:
                torch.Generator().set_state(self._pending['cpu'].cpu())
        except (RuntimeError, TypeError, LookupError, AttributeError) as error:
            raise ValueError(
                'checkpoint: expected rng_state as a training writes it, '
                f'found another form ({error}). Resume from another '
                'checkpoint.') from error

    def before_train(self, runner) -> None:
        """Let hooks that stop early go on from what they had counted."""
        if not self._resumed:
            if is_main_process():
                (Path(runner.work_dir) / _VALIDATED).unlink(missing_ok=True)
            return
        if note := draws_note(runner):
            runner.logger.warning(note)
        noted = [self._validated(runner), stopped_note(runner)]
        broadcast_object_list(noted)
        (self._validated_at, counted), stopped = noted
        if not self._after_val and not stopped and _reads_scores(
                runner.param_schedulers):
            self._validated_at = None
        validated = self._validated_at == runner.iter
        count_on(runner, counted if validated else self._counted,
                 bool(stopped))
        if stopped and validated:
            self.after_val(runner)  # a second interruption finds it so

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Restore it, once the data loader stands where it stood."""
        if self._pending is not None:
            self._restore(self._pending)
            self._pending = None

    def before_train_epoch(self, runner) -> None:
        """Make up for a validation that was due when the run was killed."""
        resumed, self._resumed = self._resumed, False  # epochs come again
        loop = runner.train_loop
        # By dynamic_intervals; the loop itself asks after an iteration.
        if resumed and hasattr(loop, '_decide_current_val_interval'):
            loop._decide_current_val_interval()
        by_iter = isinstance(loop, IterBasedTrainLoop)
        done = runner.iter if by_iter else runner.epoch
        last = loop.max_iters if by_iter else loop.max_epochs
        if (resumed and runner.val_loop is not None
                and self._validated_at != runner.iter
                and done >= max(loop.val_begin, 1)
                and (done % loop.val_interval == 0 or done == last)):
            runner.logger.info(f'The validation of iteration {runner.iter} '
                               'had not ended: it is done first.')
            runner.val_loop.run()

    def after_train(self, runner) -> None:
        """Make up for that of the last epoch, after which none begins."""
        if self._resumed:
            self.before_train_epoch(runner)

    @staticmethod
    def _validated(runner) -> tuple[int | None, Any]:
        """Read what was validated last, and what was counted after it."""
        try:
            iteration, _, counted = (Path(runner.work_dir) / _VALIDATED
                                     ).read_text().partition(' ')
            return int(iteration), json.loads(counted or 'null')
        except (OSError, ValueError):
            return None, None

    def after_val(self, runner) -> None:
        """Note that the validation has ended."""
        if is_main_process():
            counted = counts(runner)
            text = f'{runner.iter} {json.dumps(counted)}' if counted else (
                f'{runner.iter}')
            atomic_write_bytes(Path(runner.work_dir) / _VALIDATED,
                               text.encode())

    def before_val_epoch(self, runner) -> None:
        """Remember the state before a validation."""
        self._before_val = self._state()

    def after_val_epoch(self, runner, metrics=None) -> None:
        """Restore it."""
        self._last_val = runner.iter
        if self._before_val is not None:
            self._restore(self._before_val)
            self._before_val = None


def _reads_scores(schedules: Any) -> bool:
    """Say whether a schedule moves by a score of the validation."""
    if isinstance(schedules, dict | list):
        return any(map(_reads_scores, schedules.values() if isinstance(
            schedules, dict) else schedules))
    return getattr(schedules, 'need_val_args', False)
