"""Hook that stops a training whose loss is not finite."""
import math

from mmengine.hooks import Hook

from hsc_mm.registry import HOOKS
from hsc_mm.utils import check_number

__all__ = ['FiniteLossHook']


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Stop a run at the first loss that is infinite, not a number, or huge.

    It looks at what the runner has logged of the iteration, so nothing waits
    for the device once more. It acts before a checkpoint is saved: those in
    the work folder are of sound weights.

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
        found = {
            name: float(runner.message_hub.get_scalar(
                f'train/{name}').current())
            for name in outputs or {} if 'loss' in name
        }
        broken = {k: v for k, v in found.items()
                  if not math.isfinite(v) or v > self.limit}
        if not broken:
            return
        huge = any(map(math.isfinite, broken.values()))
        most = f' up to {self.limit:g}' if huge else ''
        named = ', '.join(f'{k} {v}' for k, v in broken.items())
        raise ValueError(
            f'iteration {runner.iter + 1}: expected finite losses{most}, '
            f'found {named}. The training diverged and was stopped; nothing '
            'was saved after the last checkpoint. Clip the gradients '
            '(optim_wrapper.clip_grad.max_norm=10), lower '
            'optim_wrapper.optimizer.lr, and start again, or resume from a '
            'checkpoint well before this.')
