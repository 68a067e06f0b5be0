"""Samplers whose draws can be repeated, and seeding by the draw."""
import random
from collections.abc import Iterator

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Dataset, Sampler

from hsc_mm.registry import DATA_SAMPLERS, TRANSFORMS
from hsc_mm.utils import check_number

__all__ = [
    'ClassBalancedSampler', 'Draw', 'ReproducibleSampler', 'SeedBySampler',
    'repeat_factors'
]


class Draw(int):
    """The index of an item, and the place of the draw in the sequence.

    It is an ``int`` to every data set; mmengine's hand it on to their
    pipelines as ``results['sample_idx']``.

    Attributes:
        key (tuple[int, int]): Seed, and the number of the draw.
    """

    def __new__(cls, index: int, key: tuple[int, int]) -> 'Draw':
        """Make an index with a key."""
        draw = super().__new__(cls, index)
        draw.key = key
        return draw

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
        self.start = 0

    def skip(self, num_samples: int) -> None:
        """Begin later: mmengine calls this when a run is resumed.

        Args:
            num_samples (int): How many draws of this rank are passed over,
                counted from the first.
        """
        self.start = num_samples

    def _epoch(self, epoch: int) -> list[int]:
        if not self.shuffle:
            return list(range(self.size))
        generator = torch.Generator()
        generator.manual_seed(self.seed * 1_000_003 + epoch)
        return torch.randperm(self.size, generator=generator).tolist()

    def __iter__(self) -> Iterator[Draw]:
        number = self.rank + self.world_size * self.start
        epoch, order = None, []
        while True:
            if number // self.size != epoch:
                epoch = number // self.size
                order = self._epoch(epoch)
            yield Draw(order[number % self.size], (self.seed, number))
            number += self.world_size

    def __len__(self) -> int:
        return self.size

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: epochs follow from the draws."""


def repeat_factors(labels: np.ndarray,
                   threshold: float | None = None,
                   negatives: float = 1.0) -> np.ndarray:
    r"""Say how often each image is drawn, so that rare classes come oftener.

    .. math:: r_i = \max_{k \in i} \max(1, \sqrt{t / f_k})

    with the share :math:`f_k` of images that show class k: repeat-factor
    sampling of LVIS (Gupta et al., CVPR 2019, section 5.1). Images that show
    no class have 1, or less where they would be too large a share.

    Args:
        labels (np.ndarray): Image labels, (N, K), 0 or 1.
        threshold (float, optional): t in [0, 1]; classes in a smaller share
            of the images are drawn oftener. By default the median share of
            the classes that occur. LVIS, with 1,203 classes, takes 0.001;
            with 0 no class is.
        negatives (float): The largest share of draws without any class, in
            (0, 1]. Without a limit they keep the share that they have.

    Returns:
        np.ndarray: r, (N,); at least 1 for an image with a class, at most 1
        for one without.

    Raises:
        ValueError: A number is out of range, or no image shows a class.
    """
    labels = np.asarray(labels, dtype=bool)
    share = labels.mean(axis=0)
    if not share.any():
        raise ValueError('ClassBalancedSampler: expected image labels, found '
                         f'{len(labels)} images without any class.')
    if threshold is None:
        threshold = float(np.median(share[share > 0]))
    check_number('threshold of ClassBalancedSampler', threshold, least=0,
                 most=1)
    check_number('negatives of ClassBalancedSampler', negatives, above=0,
                 most=1)
    factor = np.sqrt(threshold / np.where(share > 0, share, np.inf))
    found = np.where(labels, np.maximum(factor, 1), 1).max(axis=1)
    empty = ~labels.any(axis=1)
    if empty.any() and negatives < 1:
        most = found[~empty].sum() * negatives / (1 - negatives)
        found[empty] = min(1, most / empty.sum())
    return found


@DATA_SAMPLERS.register_module()
class ClassBalancedSampler(ReproducibleSampler):
    """Draw images of rare classes oftener, by :func:`repeat_factors`.

    Images that show no class can be limited to a share of the draws. Where
    there is nothing to balance, draws are those of the base class.

    An epoch has as many draws as the factors sum up to, rounded. In each,
    an image comes its factor times, rounded up or down at random with the
    right mean. All else is as in the base class: draws depend on seed and
    number alone, so that resuming is exact and ranks share them.

    Args:
        dataset (Dataset): Of N items with ``gt_label``.
        threshold (float, optional): See :func:`repeat_factors`.
        negatives (float): The same.
        **kwargs: See :class:`ReproducibleSampler`; ``shuffle=False`` is
            refused.

    Raises:
        ValueError: Items have no labels, or an argument is bad.
    """

    def __init__(self,
                 dataset: Dataset,
                 threshold: float | None = None,
                 negatives: float = 1.0,
                 **kwargs) -> None:
        super().__init__(dataset, **kwargs)
        if not self.shuffle:
            raise ValueError('shuffle of ClassBalancedSampler: expected True, '
                             'found False. Take hsc_mm.ReproducibleSampler '
                             'for the order of the list.')
        try:
            labels = [dataset.get_data_info(place)['gt_label']
                      for place in range(len(dataset))]
        except (AttributeError, KeyError) as error:
            raise ValueError(
                'ClassBalancedSampler: expected a data set of hsc_mm with '
                f'image labels, found {type(dataset).__name__} without '
                f'({error}). Set with_labels=True and label_file.') from error
        factors = repeat_factors(np.stack(labels), threshold, negatives)
        self.balanced = bool((factors != 1).any())
        self.size = round(factors.sum())
        self.ends = torch.from_numpy(
            factors.cumsum() * (self.size / factors.sum()))

    def _epoch(self, epoch: int) -> list[int]:
        if not self.balanced:
            return super()._epoch(epoch)
        generator = torch.Generator()
        generator.manual_seed(self.seed * 1_000_003 + epoch)
        # Points at distance one hit an interval its length times.
        start = torch.rand(1, generator=generator, dtype=torch.float64)
        places = torch.searchsorted(
            self.ends, torch.arange(self.size) + start, right=True)
        places = places.clamp(max=len(self.ends) - 1)
        order = torch.randperm(self.size, generator=generator)
        return places[order].tolist()


@TRANSFORMS.register_module()
class SeedBySampler(BaseTransform):
    """Seed NumPy's and Python's random numbers from the draw of the sampler.

    Stands first in a training pipeline. What follows then depends on the
    seed and on the number of the draw, not on worker, rank or on what was
    drawn before. It needs :class:`hsc_mm.ReproducibleSampler`; with another
    sampler, or a wrapper that makes indices of its own, it does nothing.

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
