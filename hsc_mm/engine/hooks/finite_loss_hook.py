"""The hook that stops a training whose loss is no number any more."""
import math

from mmengine.hooks import Hook

from hsc_mm.registry import HOOKS

__all__ = ['FiniteLossHook']


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Stop a run at the first loss that is infinite or not a number.

    It looks at what the runner has logged of the iteration, so nothing waits
    for the device once more. It acts before a checkpoint is saved: those in
    the work folder are of sound weights.

    Raises:
        ValueError: A loss is not finite; the message names it, the
            iteration, and what to do.
    """

    priority = 'NORMAL'

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
        broken = {k: v for k, v in found.items() if not math.isfinite(v)}
        if not broken:
            return
        named = ', '.join(f'{k} {v}' for k, v in broken.items())
        raise ValueError(
            f'iteration {runner.iter + 1}: expected finite losses, found '
            f'{named}. The training broke and was stopped; nothing was saved '
            'of it since the last checkpoint. Clip the gradients '
            '(optim_wrapper.clip_grad.max_norm=10), lower '
            'optim_wrapper.optimizer.lr, and begin anew, or resume from a '
            'checkpoint well before this.')
