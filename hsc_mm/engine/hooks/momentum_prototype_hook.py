"""Hook that moves momentum prototypes after each iteration."""
from mmengine.hooks import Hook

from hsc_mm.functional.prototypes import MomentumPrototypes
from hsc_mm.registry import HOOKS

__all__ = ['MomentumPrototypeHook']


@HOOKS.register_module()
class MomentumPrototypeHook(Hook):
    """Commit what the banks of a model staged, after each iteration.

    The banks know what to do, the hook knows when: once an iteration, before
    a checkpoint is saved, on all ranks together. With gradient accumulation
    that is once a forward pass, not once an optimiser step.
    """

    priority = 'NORMAL'

    def after_train_iter(self,
                         runner,
                         batch_idx: int,
                         data_batch=None,
                         outputs=None) -> None:
        """Commit; a model without banks has nothing to do."""
        for module in runner.model.modules():
            if isinstance(module, MomentumPrototypes):
                module.commit()
