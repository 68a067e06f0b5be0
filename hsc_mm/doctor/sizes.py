"""Pictures so narrow that nothing is left of them when they are resized."""
from collections.abc import Iterator

import mmcv

from hsc_mm.utils import image_shapes
from hsc_mm.utils.part_types import type_name
from hsc_mm.utils.pool import map_threads
from .case import Case
from .finding import Finding, error

__all__ = ['narrow']

#: Transforms of which new arrays come, however long and thin.
_COPIES = {'CropPad', 'Pad', 'PackImageLabelInputs'}


def narrow(case: Case) -> Iterator[Finding]:
    """List pictures that a pipeline cannot resize.

    Those of the training are resized by the pipelines of tests too, for
    seeds, pseudo labels and predictions.
    """
    pipelines = [split.pipeline for split in case.splits if not split.is_train]
    tests = list(_resizes([*pipelines, case.cfg.get('tta_pipeline')]))
    for split in case.splits:
        own = [*_resizes(split.pipeline)] if split.is_train else []
        if split.foreign or not (tests or own):
            continue
        paths = [info['img_path'] for info in split.infos]
        sizes = dict(zip(paths, map_threads(_size, paths), strict=True))
        found = _narrow(sizes, tests, (1, 1))
        if found:
            yield error(
                f'{split.name}: the shorter side of {len(found)} images '
                'vanishes when the pipeline of the test resizes them',
                'Crop these images or remove them from the list.', found)
        least = _least(split.pipeline)
        found = _narrow(sizes, own, least)
        if found:
            yield error(
                f'{split.name}: the shorter side of {len(found)} images '
                'vanishes when the training pipeline makes them as small as '
                'it may' + (', or keeps one pixel, which mmseg cannot mirror'
                            if 2 in least else ''),
                'Crop these images, remove them from the list, or resize by '
                'hsc_mm.RandomLongSideResize, which keeps two pixels.', found)


def _size(path: str) -> tuple[int, int] | None:
    """Return (width, height); None if unreadable, which other checks tell."""
    try:
        return image_shapes(path)[0][::-1]
    except (OSError, ValueError):
        return None


def _narrow(sizes: dict[str, tuple[int, int] | None], steps: list[dict],
            least: tuple[int, int]) -> list[str]:
    """Name the pictures of which a step leaves too little."""
    return [f'{path}: {size[0]} x {size[1]} pixels'
            for path, size in sizes.items() if size
            and any(_vanishes(size, step, least) for step in steps)]


def _resizes(steps: list | dict | None) -> Iterator[dict]:
    """Yield mmcv's Resize wherever it stands in pipelines.

    RandomResize is the one that it draws with its smallest numbers.
    """
    if isinstance(steps, dict):
        if type_name(steps) == 'Resize':
            yield steps
        elif type_name(steps) == 'RandomResize':
            scale, ratios = steps.get('scale'), steps.get('ratio_range')
            if not isinstance(scale, list | tuple) or len(scale) != 2:
                return  # mmcv refuses it
            if all(isinstance(one, list | tuple) for one in scale):
                yield {**steps, 'scale': [*map(min, *scale)]}
            elif ratios:
                yield {**steps, 'scale': [int(i * ratios[0]) for i in scale]}
        steps = steps.get('transforms')
    for step in steps or ():
        yield from _resizes(step)


def _least(pipeline: list[dict]) -> tuple[int, int]:
    """Return how many pixels (width, height) must have to be packed.

    torch refuses a side of one pixel that was mirrored: NumPy calls the
    array contiguous, and mmseg's PackSegInputs makes no copy of it.
    """
    names = {type_name(step) for step in pipeline}
    if 'PackSegInputs' not in names or names & _COPIES:
        return 1, 1
    ways: set[str] = set()
    for step in pipeline:
        if type_name(step) == 'RandomFlip' and step.get('prob') != 0:
            way = step.get('direction', 'horizontal')
            ways.update([way] if isinstance(way, str) else way)
    return 1 + ('horizontal' in ways), 1 + ('vertical' in ways)


def _vanishes(size: tuple[int, int], step: dict,
              least: tuple[int, int] = (1, 1)) -> bool:
    """Say whether a side of (width, height) becomes too short, as by mmcv."""
    scale, factor = step.get('scale'), step.get('scale_factor')
    if scale is None:
        pair = factor if isinstance(factor, list | tuple) else [factor] * 2
        scale = [int(side * by + 0.5)
                 for side, by in zip(size, pair, strict=True)]
    scale = (scale, scale) if isinstance(scale, int) else tuple(scale)
    if step.get('keep_ratio') and 0 not in scale:
        scale = mmcv.rescale_size(size, scale)
    return any(one < few for one, few in zip(scale, least, strict=True))
