"""Processes of a run on CPUs."""
import os
from datetime import timedelta

import torch
from mmengine.config import Config
from mmengine.dist import barrier, is_distributed
from mmengine.model import MMDistributedDataParallel
from torch import nn

from hsc_mm.registry import MODEL_WRAPPERS

__all__ = ['CPUDataParallel', 'leave_ranks', 'prepare_cpu_ranks']


@MODEL_WRAPPERS.register_module()
class CPUDataParallel(MMDistributedDataParallel):
    """mmengine's wrapper for a model that lies on a CPU.

    Args:
        module (nn.Module): The model.
        device_ids (list[int], optional): The runner passes the rank; a CPU
            has none, and it is left out.
        kwargs: Those of :class:`MMDistributedDataParallel`.
    """

    def __init__(self,
                 module: nn.Module,
                 device_ids: list[int] | None = None,
                 **kwargs) -> None:
        super().__init__(module=module, **kwargs)


def prepare_cpu_ranks(cfg: Config) -> None:
    """Join the other processes by gloo, where there is no GPU.

    mmengine would choose a GPU for each process, whatever the backend is.

    Args:
        cfg (Config): With ``launcher``; changed in place. Nothing happens
            where there is a GPU, one process, or another launcher than
            ``'pytorch'``.
    """
    if cfg.get('launcher') != 'pytorch' or torch.cuda.is_available() or \
            'RANK' not in os.environ:
        return
    if not torch.distributed.is_initialized():
        seconds = cfg.env_cfg.get('dist_cfg', {}).get('timeout', 1800)
        torch.distributed.init_process_group(
            'gloo', timeout=timedelta(seconds=seconds))
    if not cfg.get('model_wrapper_cfg'):
        cfg.model_wrapper_cfg = dict(
            type='hsc_mm.CPUDataParallel',
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False))


def leave_ranks() -> None:
    """Wait for the other processes and leave them; nothing where none are.

    A thread of gloo that still drops a tensor while Python ends would abort
    the process, and the launcher would report a run that is whole as failed.
    """
    if is_distributed():
        barrier()
        torch.distributed.destroy_process_group()
