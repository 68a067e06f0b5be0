"""When momentum prototypes move."""
from collections.abc import Iterator

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import nn

from hsc_mm.functional.prototypes import MomentumPrototypes
from hsc_mm.models.contrast.objective import HierarchicalContrast
from hsc_mm.registry import HOOKS

__all__ = ['MomentumPrototypeHook']


@HOOKS.register_module()
class MomentumPrototypeHook(Hook):
    """Commit what the banks of a model staged, after each iteration.

    The banks know what to do, the hook knows when: once an iteration, before
    a checkpoint is saved, on all ranks together. With gradient accumulation
    that is once a forward pass, not once an optimiser step. It also tells
    the contrast how much of the training has passed.
    """

    priority = 'NORMAL'

    def before_train_iter(self,
                          runner,
                          batch_idx: int,
                          data_batch=None) -> None:
        """Tell the contrast how much of the training has passed."""
        for module in _modules(runner, HierarchicalContrast):
            module.progress = runner.iter / runner.max_iters

    def after_train_iter(self,
                         runner,
                         batch_idx: int,
                         data_batch=None,
                         outputs=None) -> None:
        """Commit; a model without banks has nothing to do."""
        for module in _modules(runner, MomentumPrototypes):
            module.commit()


def _modules(runner, kind: type) -> Iterator[nn.Module]:
    """List the modules of a kind in the model of a runner."""
    model = runner.model
    if is_model_wrapper(model):
        model = model.module
    return (one for one in model.modules() if isinstance(one, kind))
