"""Draws of images by the classes that they show, or do not show."""
import numpy as np
import torch
from torch.utils.data import Dataset

from hsc_mm.registry import DATA_SAMPLERS
from hsc_mm.utils import check_number
from .sampler import ReproducibleSampler

__all__ = ['ClassBalancedSampler', 'repeat_factors']


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

    def order(self, epoch: int) -> list[int]:
        """Return the places of an epoch's draws in the data set."""
        if not self.balanced:
            return super().order(epoch)
        generator = torch.Generator()
        generator.manual_seed(self.seed * 1_000_003 + epoch)
        # Points at distance one hit an interval its length times.
        start = torch.rand(1, generator=generator, dtype=torch.float64)
        places = torch.searchsorted(
            self.ends, torch.arange(self.size) + start, right=True)
        places = places.clamp(max=len(self.ends) - 1)
        order = torch.randperm(self.size, generator=generator)
        return places[order].tolist()
