"""Configs of data sets inside mmengine's wrappers."""
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ['wrapped']


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
