"""Changes of a config for a test that holds a selection out."""
from inspect import isclass
from pathlib import Path

from mmengine.config import Config

from hsc_mm.datasets.build import build_split
from hsc_mm.registry import METRICS
from hsc_mm.utils.part_types import class_of
from .selection import (
    find_selection,
    image_ids,
    read_selection,
    write_selection,
)

__all__ = ['scores_seeds', 'use_selection']


def scores_seeds(cfg: Config) -> bool:
    """Say whether a config's test evaluator is one :class:`hsc_mm.SeedMetric`.

    One that extends it is one, too.
    """
    found = cfg.get('test_evaluator')
    kind = class_of(METRICS, found) if isinstance(found, dict) else None
    return isclass(kind) and issubclass(kind, METRICS.get('hsc_mm.SeedMetric'))


def use_selection(cfg: Config, select: int | str | Path,
                  path: str | Path) -> None:
    """Change a config so that a test holds a selection out.

    Seeds get a threshold that is selected on it. A segmentor has no
    threshold: the images are left out of its test.

    Args:
        cfg (Config): Of either stage.
        select (int | str | Path): See :func:`find_selection`.
        path (str | Path): Where the list is written, unless ``select`` is
            one of ids.

    Raises:
        ValueError: The test split has no masks, or lacks an image of the
            list.
        OSError: The list cannot be read or written.
    """
    dataset = build_split(cfg, 'test')
    chosen = find_selection(dataset, select)
    if isinstance(select, int) or read_selection(select) != chosen:
        write_selection(path, chosen)
    else:
        path = select
    if scores_seeds(cfg):
        cfg.test_evaluator.selection = str(path)
        return
    kept = {*image_ids(dataset)} - set(chosen)
    options = cfg.test_dataloader.dataset
    if options.get('indices') is not None:  # places count in the whole list
        options.indices = None
        dataset = build_split(cfg, 'test')
    options.indices = [place for place, img_id in enumerate(image_ids(dataset))
                       if img_id in kept]
