"""Norm layers that cannot train on what they get, named before they fail."""
from functools import partial

from mmengine.dist import is_distributed
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ['BATCH_ADVICE', 'guard_batch_norms']

BATCH_ADVICE = (
    'A head that pools the image has one value per channel then, which has no '
    'variance: train with train_dataloader.batch_size=2 or more per process, '
    'or with norm_cfg=dict(type="GN", num_groups=32) in the heads.')


def guard_batch_norms(model: nn.Module) -> None:
    """Let batch norms name themselves where they cannot be trained.

    That is where they see one value per channel, and where SyncBN is on a
    CPU beside other processes: it joins GPUs alone.

    Args:
        model (nn.Module): About to be trained.
    """
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm):
            module.register_forward_pre_hook(partial(_check_values, name))


def _check_values(name: str, module: nn.Module, inputs: tuple) -> None:
    shape = tuple(inputs[0].shape)
    if not module.training:
        return
    if isinstance(module, nn.SyncBatchNorm):
        if inputs[0].device.type == 'cpu' and is_distributed():
            raise ValueError(
                f'{name}: expected a GPU for SyncBN in several processes, '
                'found a CPU. Set norm_cfg.type=BN in model.backbone, '
                'model.decode_head and model.auxiliary_head, wherever they '
                'have SyncBN, or train in one process (--launcher none).')
    elif inputs[0].numel() == shape[1]:
        raise ValueError(f'{name}: expected more than one value per channel '
                         f'in training, found the shape {shape}: a batch of '
                         f'one image. {BATCH_ADVICE}')
