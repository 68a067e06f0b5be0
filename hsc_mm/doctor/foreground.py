"""Share of the foreground in the contrast, beside that of the objects."""
import os
from collections.abc import Iterator
from functools import partial
from statistics import fmean

from hsc_mm.functional import background_scores
from hsc_mm.utils import read_index_png
from hsc_mm.utils.indices import to_classes
from hsc_mm.utils.part_types import type_name
from hsc_mm.utils.pool import map_threads
from .case import Case, Split
from .finding import Finding, fact, warning

__all__ = ['foreground']

_FAR = 0.75  # of the share of the contrast
_LEAST = 0.002  # share that is not halved


def foreground(case: Case) -> Iterator[Finding]:
    """Compare what objects cover with what the contrast takes for objects.

    Masks that score the seeds tell it; without any, nothing is compared.
    Images without an object do not count, as in the contrast. The share that
    is advised is half of the one taken, or half of that, and so on.
    """
    scores = _scores(case)
    if scores is None:
        return
    taken = 1 - max(scores)
    for split in case.splits:
        covered = _covered(split)
        if not covered:
            continue
        objects = fmean(covered)
        share = f'{objects:.{0 if objects >= 0.01 else 2}%}'
        text = (f'{split.name}: objects cover {share} of the pixels of '
                f'{len(covered)} images that show a class; the contrast '
                f'takes {taken:.0%} of the positions as foreground')
        if objects >= _FAR * taken:
            yield fact(text)
            continue
        fewer = taken
        while objects < _FAR * fewer and fewer > _LEAST:
            fewer /= 2
        advised = tuple(round(score, 4) for score in (
            *sorted(scores)[:-1], 1 - fewer))
        yield warning(
            text, 'Much of that is background. Compare a smaller share on a '
            'few masks, such as model.decode_head.losses.contrast.background='
            f'"{advised if advised[1:] else advised[0]}" (docs/train.md).')


def _scores(case: Case) -> tuple[float, ...] | None:
    """Return the shares of the background in the contrast's masks."""
    losses = (case.heads().get('decode_head') or {}).get('losses') or {}
    for loss in losses.values():
        if type_name(loss) == 'HierarchicalContrast' \
                and loss.get('background_as') == 'quantile' \
                and loss.get('background'):
            return background_scores(loss['background'])
    return None


def _covered(split: Split) -> list[float]:
    """Return the share of objects of each mask that shows one."""
    if split.dataset is None:
        return []
    paths = [info.get('seg_map_path', '') for info in split.infos]
    look = partial(_objects, label_map=split.dataset.label_map,
                   ignore_index=split.dataset.ignore_index)
    return [share for share in map_threads(
        look, [*filter(os.path.isfile, paths)]) if share]


def _objects(path: str, label_map: dict | None, ignore_index: int) -> float:
    """Return the share of the known pixels that show a class in use."""
    try:
        mask = to_classes(read_index_png(path), label_map)
    except ValueError:  # the check of the masks names it
        return 0.0
    known = mask != ignore_index
    return float((mask[known] > 0).mean()) if known.any() else 0.0
