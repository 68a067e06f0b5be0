"""Configs of data sets inside mmengine's wrappers."""
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ['split_datasets', 'wrapped']


def wrapped(dataset: Any) -> Iterator[Mapping]:
    """Yield the data sets in a config of one, or of a wrapper of some.

    Args:
        dataset (Any): A config; what is none yields nothing.
    """
    if isinstance(dataset, Mapping):
        inner = dataset.get('datasets') or [dataset.get('dataset')]
        if inner == [None]:
            yield dataset
        for one in inner:
            yield from wrapped(one)


def split_datasets(cfg: Mapping) -> Iterator[tuple[str, Mapping]]:
    """Yield the name of each split of a config, and its data sets.

    Args:
        cfg (Mapping): With ``train_dataloader`` and so on, or without.
    """
    for split in ('train', 'val', 'test'):
        loader = cfg.get(f'{split}_dataloader') or {}
        for dataset in wrapped(loader.get('dataset')):
            yield split, dataset
