"""Data sets and their configs inside mmengine's wrappers, and their crops."""
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .part_types import type_name

__all__ = [
    'crop_size', 'inner', 'leaves', 'pipelines', 'split_datasets', 'wrapped'
]


def inner(dataset: Any) -> list:
    """Return the data sets in a wrapper or its config, none of others."""
    get = dataset.get if isinstance(dataset, Mapping) else (
        lambda name: getattr(dataset, name, None))
    found = get('datasets') or [get('dataset')]
    return [one for one in found if one is not None]


def leaves(dataset: Mapping) -> Iterator[Any]:
    """Yield the data sets in a config of one, or of a wrapper, to change."""
    parts = inner(dataset)
    for one in parts:
        yield from leaves(one)
    if not parts:
        yield dataset


def pipelines(dataset: Any) -> Iterator[list]:
    """Yield the pipelines of data sets and their wrappers, to change."""
    if isinstance(dataset, Mapping):
        yield dataset.get('pipeline') or []
        for one in inner(dataset):
            yield from pipelines(one)


def wrapped(dataset: Any) -> Iterator[Mapping]:
    """Yield the data sets in a config of one, or of a wrapper of some.

    Transforms of a wrapper, such as mmseg's ``MultiImageMixDataset``, follow
    those of the data sets in it.

    Args:
        dataset (Any): A config; what is none yields nothing.
    """
    if isinstance(dataset, Mapping):
        parts, more = inner(dataset), dataset.get('pipeline')
        if not parts:
            yield dataset
        for one in parts:
            for leaf in wrapped(one):
                yield dict(leaf, pipeline=[
                    *(leaf.get('pipeline') or ()), *more]) if more else leaf


def split_datasets(cfg: Mapping) -> Iterator[tuple[str, Mapping]]:
    """Yield the name of each split of a config, and its data sets.

    Args:
        cfg (Mapping): With ``train_dataloader`` and so on, or without.
    """
    for split in ('train', 'val', 'test'):
        loader = cfg.get(f'{split}_dataloader') or {}
        for dataset in wrapped(loader.get('dataset')):
            yield split, dataset


def crop_size(pipeline: Sequence[Mapping]) -> tuple[int, int] | None:
    """Return height and width of the last crop of a pipeline, if any."""
    for step in reversed(pipeline):
        size = step.get('size') or step.get('crop_size')
        if type_name(step).endswith(('CropPad', 'Crop')) and size:
            return (size, size) if isinstance(size, int) else tuple(size)
    return None
