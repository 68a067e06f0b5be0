"""Pictures so narrow that nothing is left of them when they are resized."""
from collections.abc import Iterator
from functools import partial

import mmcv

from hsc_mm.utils import image_shapes
from hsc_mm.utils.part_types import type_name
from hsc_mm.utils.pool import map_threads
from .case import Case
from .finding import Finding, error

__all__ = ['narrow']


def narrow(case: Case) -> Iterator[Finding]:
    """List pictures that the pipelines of tests cannot resize.

    Those of the training, which keep a pixel, can; but seeds, pseudo labels
    and predictions of its pictures are made as in a test.
    """
    pipelines = [split.pipeline for split in case.splits if not split.is_train]
    steps = list(_resizes([*pipelines, case.cfg.get('tta_pipeline')]))
    for split in case.splits:
        if split.foreign or not steps:
            continue
        paths = [info['img_path'] for info in split.infos]
        lines = list(filter(None, map_threads(
            partial(_line, steps=steps), paths)))
        if lines:
            yield error(
                f'{split.name}: the shorter side of {len(lines)} images '
                'vanishes when the pipeline of the test resizes them',
                'Crop these images or remove them from the list.', lines)


def _resizes(steps: list | dict | None) -> Iterator[dict]:
    """Yield mmcv's Resize wherever it stands in pipelines."""
    if isinstance(steps, dict):
        if type_name(steps) == 'Resize':
            yield steps
        steps = steps.get('transforms')
    for step in steps or ():
        yield from _resizes(step)


def _line(path: str, steps: list[dict]) -> str | None:
    """Name a picture that one of the steps makes vanish.

    None also where it cannot be read, which other checks tell.
    """
    try:
        height, width = image_shapes(path)[0]
    except (OSError, ValueError):
        return None
    if any(_vanishes((width, height), step) for step in steps):
        return f'{path}: {width} x {height} pixels'
    return None


def _vanishes(size: tuple[int, int], step: dict) -> bool:
    """Say whether a side of (width, height) is rounded to 0, as by mmcv."""
    scale, factor = step.get('scale'), step.get('scale_factor')
    if scale is None:
        pair = factor if isinstance(factor, list | tuple) else [factor] * 2
        scale = [int(side * by + 0.5)
                 for side, by in zip(size, pair, strict=True)]
    scale = (scale, scale) if isinstance(scale, int) else tuple(scale)
    if step.get('keep_ratio') and 0 not in scale:
        scale = mmcv.rescale_size(size, scale)
    return 0 in scale
