"""Count of the images that show no class, and of their draws."""
from collections.abc import Iterator, Mapping

import numpy as np

from hsc_mm.datasets.build import images_in_batch
from hsc_mm.datasets.class_balance import repeat_factors
from hsc_mm.utils.part_types import type_name
from .case import Split
from .finding import Finding, fact, warning

__all__ = ['negatives']

MANY = 0.1  # share of batches without any class


def negatives(split: Split, loader: Mapping) -> Iterator[Finding]:
    """Say how many images, and draws of the sampler, show no class."""
    batch_size = images_in_batch(loader)
    items = len(split.items())
    empty = sum(split.labels.get(i) == [] for i in split.ids)
    if not empty:
        return
    share, of_draws = _drawn_empty(split, loader.get('sampler')), ''
    if share is not None:
        of_draws = f', and {share:.0%} of the draws'
    share = empty / items if share is None else share
    yield fact(
        f'{split.name}: {empty} of {items} images ({empty / items:.0%}) show '
        f'no class{of_draws}; so do {share ** batch_size:.0%} of the batches '
        f'of {batch_size} whole')
    most = min(0.5, int(100 * MANY ** (1 / batch_size)) / 100)
    if share ** batch_size > MANY:
        yield warning(
            f'{split.name}: {share:.0%} of the '
            f'{"draws" if of_draws else "images"} show no class',
            f'More than {MANY:.0%} of the batches teach no class. At most '
            f'{MANY ** (1 / batch_size):.0%} are sensible with batches of '
            f'{batch_size}: remove some from the list, make batches larger, '
            'or limit them by train_dataloader.sampler=dict(type="hsc_mm.'
            f'ClassBalancedSampler", threshold=0, negatives={most:g}).')


def _drawn_empty(split: Split, sampler: Mapping | None) -> float | None:
    """Return the share of draws without a class, of a sampler with limits."""
    if split.dataset is None or type_name(sampler) != 'ClassBalancedSampler':
        return None
    names = split.dataset.foreground
    shown = np.array([
        [name in found for name in names]
        for found in map((split.labels or {}).get, split.ids)
        if found is not None
        and (not found or split.dataset.keep_empty or {*found} & {*names})])
    try:
        factors = repeat_factors(
            shown, *((sampler or {}).get(key, usual) for key, usual in (
                ('threshold', None), ('negatives', 1.0))))
    except ValueError:  # told where it is built
        return None
    return float(factors[~shown.any(axis=1)].sum() / factors.sum())
