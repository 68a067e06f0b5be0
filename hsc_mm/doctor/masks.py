"""Masks: indices of classes and nothing else."""
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from hsc_mm.datasets.mask_checks import MASK_ADVICE, mask_problems
from .case import Case
from .finding import Finding, error, fact

__all__ = ['masks']


def masks(case: Case) -> Iterator[Finding]:
    """Read every mask whole."""
    found_any = False
    for split in case.splits:
        paths = [i['seg_map_path'] for i in split.infos if 'seg_map_path' in i]
        paths = [path for path in paths if os.path.isfile(path)]
        if split.dataset is None or not paths:
            continue
        found_any = True
        count = len(split.dataset.all_classes)
        ignored = split.dataset.ignore_index
        with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
            found = pool.map(
                partial(
                    mask_problems, all_classes=count, ignore_index=ignored),
                paths)
            lines = [line for problems in found for line in problems]
        if lines:
            yield error(f'{split.name}: {len(lines)} of {len(paths)} masks '
                        'hold something else than class indices',
                        MASK_ADVICE, lines)
        else:
            yield fact(f'{split.name}: {len(paths)} masks hold indices '
                       f'0..{count - 1} and {ignored} alone')
    if not found_any:
        yield fact('no masks: nothing will be scored, and nothing needs them')
