"""Facts that name the data of a run: its split, its size, its images."""
from typing import Any

from hsc_mm.utils import digest

__all__ = ['data_facts']


def data_facts(dataset: Any) -> dict[str, Any]:
    """Say what a data set holds, that of a wrapper of mmengine too.

    They are no ``metainfo``: mmengine's ``ConcatDataset`` wants that of all
    its parts to be equal.

    Args:
        dataset (Any): Initialised.

    Returns:
        dict: ``split``, its name, or those of the parts; ``size``, the
        number of items in the list; ``images``, a hash of their ids and
        image labels. Empty where a part is no data set of this package.
    """
    parts = getattr(dataset, 'datasets', None)
    if parts is None:
        inner = getattr(dataset, 'dataset', None)
        return dict(getattr(dataset, 'facts', {})) if inner is None else (
            data_facts(inner))
    found = [data_facts(part) for part in parts]
    if not all(found):
        return {}
    return dict(
        split=' + '.join(dict.fromkeys(one['split'] for one in found)),
        size=sum(one['size'] for one in found),
        images=digest([one['images'] for one in found]))
