"""Hook that stops a training whose loss is not finite."""
import contextlib
import math

from mmengine.hooks import Hook

from hsc_mm.registry import HOOKS
from hsc_mm.utils import check_number
from hsc_mm.utils.health import finding, read_health, spoken, write_health

__all__ = ['FiniteLossHook']


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Stop a run at the first loss that is infinite, not a number, or huge.

    It looks at what the runner has logged of the iteration, so nothing waits
    for the device once more. It acts before a checkpoint is saved: those in
    the work folder are of sound weights. ``health.json`` there says what
    stopped the run.

    Args:
        limit (float, optional): Losses above it count as broken too: those
            of this package stay below 100. None: any finite loss is right.

    Raises:
        ValueError: A loss is not finite or above the limit; the message
            names it, the iteration, and what to do.
    """

    priority = 'NORMAL'

    def __init__(self, limit: float | None = 1e4) -> None:
        self.limit = math.inf if limit is None else check_number(
            'limit of FiniteLossHook', limit, above=0)

    def after_train_iter(self,
                         runner,
                         batch_idx: int,
                         data_batch=None,
                         outputs=None) -> None:
        """Look at the losses of the iteration."""
        losses = {
            name: float(runner.message_hub.get_scalar(
                f'train/{name}').current())
            for name in outputs or {} if 'loss' in name
        }
        broken = {k: v for k, v in losses.items()
                  if not math.isfinite(v) or v > self.limit}
        if not broken:
            return
        huge = any(map(math.isfinite, broken.values()))
        most = f' up to {self.limit:g}' if huge else ''
        named = ', '.join(f'{k} {v}' for k, v in broken.items())
        found = finding(
            'broken', f'iteration {runner.iter + 1}: expected finite losses'
            f'{most}, found {named}. The training diverged and was stopped')
        # Any rank notes it: the losses are those of this one. What is wrong
        # with the file must not hide what is wrong here.
        with contextlib.suppress(OSError, ValueError):
            record = read_health(runner.work_dir)
            others = [one for one in record.get('findings', ())
                      if one != found]
            record.update(
                findings=[*others, found],
                iterations=runner.iter, finished=False)
            write_health(runner.work_dir, record)
        raise ValueError(spoken(dict(findings=[found]))[0])
