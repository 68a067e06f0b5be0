"""Task of a runner: training or test, and the data that it will read."""
from collections.abc import Mapping

from mmengine.runner import BaseLoop

__all__ = ['meta_of', 'task_of']


def task_of(runner) -> str:
    """Return 'train', 'val' or 'test', '' before any was called.

    :class:`hsc_mm.engine.CheckedRunner` knows. Of mmengine's, whose loops are
    configs until they are needed, it is told by those that were built.
    """
    return getattr(runner, 'task', '') or next(
        (task for task in ('test', 'train', 'val')
         if isinstance(getattr(runner, f'_{task}_loop'), BaseLoop)), '')


def meta_of(runner, task: str = '') -> Mapping:
    """Return the metainfo of the data that a runner is about to read.

    Args:
        runner (Runner): The runner.
        task (str): 'train', 'val' or 'test'; by default that of the runner.
    """
    loop = getattr(runner, f'_{task or task_of(runner) or "train"}_loop')
    dataset = loop.dataloader.dataset if isinstance(loop, BaseLoop) else None
    return getattr(dataset, 'metainfo', None) or {}
