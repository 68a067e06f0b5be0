"""Sampler whose draws can be repeated, and seeding by the draw."""
import random
from collections.abc import Iterator

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Dataset, Sampler

from hsc_mm.registry import DATA_SAMPLERS, TRANSFORMS

__all__ = ['Draw', 'ReproducibleSampler', 'SeedBySampler']


class Draw(int):
    """The index of an item, and the place of the draw in the sequence.

    It is an ``int`` to every data set; mmengine's hand it on to their
    pipelines as ``results['sample_idx']``. What mmengine's wrappers compute
    to find an item, a remainder or a difference, has the same place.

    Attributes:
        key (tuple[int, int]): Seed, and the number of the draw.
    """

    def __new__(cls, index: int, key: tuple[int, int]) -> 'Draw':
        """Make an index with a key."""
        draw = super().__new__(cls, index)
        draw.key = key
        return draw

    def _placed(self, index: int) -> 'Draw':
        return Draw(index, self.key) if isinstance(index, int) else index

    def __mod__(self, number: int) -> 'Draw':
        return self._placed(super().__mod__(number))

    def __sub__(self, number: int) -> 'Draw':
        return self._placed(super().__sub__(number))

    def __reduce__(self):
        return Draw, (int(self), self.key)


@DATA_SAMPLERS.register_module()
class ReproducibleSampler(Sampler):
    """Draw for ever; any draw can be computed without those before it.

    Draw number p is item ``p mod N`` of the permutation of epoch ``p // N``,
    which depends on seed and epoch alone. Rank r of R gets the draws r,
    r + R, r + 2R, ...: together they draw what one process would. With
    :class:`hsc_mm.SeedBySampler` in front of a pipeline, augmentations too
    depend on nothing but the seed and p: a resumed run continues exactly, at
    once, and the number of workers or ranks changes nothing.

    Attributes:
        offset (int): Added to the numbers of all draws: a run that goes on
            with a larger or smaller batch has drawn less, or more, than its
            iterations say.

    Args:
        dataset (Dataset): Of N items.
        shuffle (bool): Whether epochs are permuted.
        seed (int, optional): By default one that all ranks agree on.
    """

    def __init__(self,
                 dataset: Dataset,
                 shuffle: bool = True,
                 seed: int | None = None) -> None:
        self.rank, self.world_size = get_dist_info()
        self.size = len(dataset)
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self.start = self.offset = 0

    def skip(self, num_samples: int) -> None:
        """Begin later: mmengine calls this when a run is resumed.

        Args:
            num_samples (int): How many draws of this rank are passed over,
                counted from the first.
        """
        self.start = num_samples

    def order(self, epoch: int) -> list[int]:
        """Return the places of an epoch's draws in the data set."""
        if not self.shuffle:
            return list(range(self.size))
        generator = torch.Generator()
        generator.manual_seed(self.seed * 1_000_003 + epoch)
        return torch.randperm(self.size, generator=generator).tolist()

    def __iter__(self) -> Iterator[Draw]:
        place = self.rank + self.world_size * self.start + self.offset
        epoch, order = None, []
        while True:
            number = max(place, 0)  # those before are passed over
            if number // self.size != epoch:
                epoch = number // self.size
                order = self.order(epoch)
            yield Draw(order[number % self.size], (self.seed, number))
            place += self.world_size

    def __len__(self) -> int:
        return self.size

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: epochs follow from the draws."""


@TRANSFORMS.register_module()
class SeedBySampler(BaseTransform):
    """Seed NumPy's and Python's random numbers from the draw of the sampler.

    Stands first in a training pipeline. What follows then depends on the
    seed and on the number of the draw, not on worker, rank or on what was
    drawn before. It needs :class:`hsc_mm.ReproducibleSampler`; with another
    sampler, or a wrapper that makes indices of its own, it does nothing.
    mmengine's ``ClassBalancedDataset`` is such a wrapper, and
    :class:`hsc_mm.ClassBalancedSampler` does what it does.

    Required keys: ``sample_idx``. Nothing is modified.
    """

    def transform(self, results: dict) -> dict:
        """Seed; see the class."""
        key = getattr(results.get('sample_idx'), 'key', None)
        if key is not None:
            state = np.random.SeedSequence(key).generate_state(4)
            np.random.seed(state)
            random.seed(int(state[0]))
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
