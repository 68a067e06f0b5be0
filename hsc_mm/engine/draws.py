"""Draws of a resumed run: they go on where those of the run before ended."""
from typing import Any

from mmengine.dataset import ClassBalancedDataset
from mmengine.runner import IterBasedTrainLoop

from hsc_mm.datasets.sampler import ReproducibleSampler, SeedBySampler
from hsc_mm.utils.wrappers import inner
from .run_summary import batch_of

__all__ = ['draws_note', 'go_on', 'keep_draws']

# Key in checkpoints: the seed of the train loader's sampler.
_SEED = 'draw_seed'
# Key in checkpoints: how many images all processes have drawn.
_DRAWN = 'drawn_images'


def keep_draws(runner, checkpoint: dict) -> None:
    """Add the seed of the draws and their number to a checkpoint."""
    sampler = runner.train_dataloader.sampler
    seed = getattr(sampler, 'seed', None)
    if seed is not None:
        checkpoint[_SEED] = int(seed)
    if isinstance(sampler, ReproducibleSampler):
        checkpoint[_DRAWN] = sampler.offset + (
            checkpoint['meta']['iter'] * batch_of(runner))


def go_on(runner, checkpoint: dict) -> None:
    """Let the sampler of a resumed run draw what comes next."""
    seed, drawn = checkpoint.get(_SEED), checkpoint.get(_DRAWN)
    if not isinstance(seed, int):
        return
    sampler, loop = runner.train_dataloader.sampler, runner.train_loop
    before = sampler.__dict__.copy()
    if hasattr(sampler, 'seed'):
        sampler.seed = seed
    if (isinstance(sampler, ReproducibleSampler) and isinstance(drawn, int)
            and not getattr(loop, 'fast_forward_on_resume', False)):
        sampler.offset = drawn - (
            checkpoint['meta']['iter'] * batch_of(runner))
    if isinstance(loop, IterBasedTrainLoop) and any(
            before.get(key) != getattr(sampler, key, None)
            for key in ('seed', 'offset')):
        # That of openmmlab's mmengine may have begun to draw.
        loop.dataloader_iterator = type(loop.dataloader_iterator)(
            loop.dataloader)


def draws_note(runner) -> str:
    """Say why data of a resumed run are other ones; '' where they are not."""
    loader = runner.train_dataloader
    if not isinstance(loader.sampler, ReproducibleSampler):
        return (f'resumed with {type(loader.sampler).__name__}: augmentations '
                'draw other random numbers than the interrupted run would '
                'have. With hsc_mm.ReproducibleSampler, which draws for ever '
                'and needs train_cfg.max_iters, a resumed run equals one '
                'without an interruption.')
    return _unseeded(loader.dataset)


def _unseeded(dataset: Any, more: tuple = ()) -> str:
    """Say why transforms draw other numbers; '' where they do not.

    Args:
        dataset (Any): Data set, or a wrapper of some.
        more (tuple): Transforms of wrappers around it.
    """
    if isinstance(dataset, ClassBalancedDataset):
        return ('resumed with ClassBalancedDataset, which hides the number of '
                'the draw: augmentations draw other random numbers than the '
                'interrupted run would have. The sampler '
                'hsc_mm.ClassBalancedSampler does the same without it.')
    steps = getattr(dataset, 'pipeline', None) or ()
    steps = (*getattr(steps, 'transforms', steps), *more)
    parts = inner(dataset)
    if parts:
        return next(filter(None, (_unseeded(one, steps) for one in parts)), '')
    if steps and not any(isinstance(one, SeedBySampler) for one in steps):
        return ('resumed without hsc_mm.SeedBySampler: augmentations draw '
                'other random numbers than the interrupted run would have. '
                'It belongs first in the pipeline of train_dataloader.')
    return ''
