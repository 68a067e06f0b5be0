"""Saliency maps: how many there are, and whether they say anything."""
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import cv2

from hsc_mm.datasets.saliency_maps import to_grey
from hsc_mm.inference.saliency import NOTICE
from hsc_mm.utils import read_image
from .case import Case
from .finding import Finding, error, fact, warning
from .splits import Split

__all__ = ['saliency']


def saliency(case: Case) -> Iterator[Finding]:
    """Count the maps, and those that are black or white all over."""
    hooks = case.cfg.get('custom_hooks') or []
    if any(hook.get('text') == NOTICE for hook in hooks):
        yield warning(
            NOTICE, 'If there are maps, name their folder: data_prefix='
            'dict(saliency_path=...). Else train the config without saliency.')
    head = case.cfg.model.get('decode_head') or {}
    wanted = isinstance(head, dict) and (head.get('losses') or {}).get('sal')
    for split in case.train:
        if split.infos and any('saliency_path' in i for i in split.infos):
            yield from _look(split)
        elif wanted and split.infos and not split.foreign:
            yield error(
                f'{split.name}: losses.sal needs saliency maps, the data set '
                'has none', 'Name their folder: data_prefix='
                'dict(saliency_path=...), or set losses=dict(sal=None).')


def _look(split: Split) -> Iterator[Finding]:
    paths = [i['saliency_path'] for i in split.infos if 'saliency_path' in i]
    there = [path for path in paths if os.path.isfile(path)]
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        kinds = list(pool.map(_kind, there))
    count = Counter(kinds)
    yield fact(f'{split.name}: {len(there)} of {len(split.infos)} images '
               f'have a saliency map; {count["black"]} are black all over, '
               f'{count["white"]} white')
    coloured = [kind for kind in kinds if kind not in ('', 'black', 'white')]
    if coloured:
        yield error(f'{split.name}: {len(coloured)} saliency maps cannot be '
                    'used', 'Grey maps are needed, 255 = salient.', coloured)
    absent = len(split.infos) - len(paths)
    if absent:
        yield warning(
            f'{split.name}: {absent} images have no saliency map '
            '(partial_saliency=True); the saliency loss leaves them out',
            'Make the missing maps if the loss should see all images.')
    empty = [
        path for path, kind in zip(there, kinds, strict=True)
        if kind in ('black', 'white')
    ]
    if empty:
        yield warning(
            f'{split.name}: {len(empty)} saliency maps are black or white '
            'all over: they tell the loss that nothing, or everything, is '
            'salient', 'Look at these maps; a model that failed leaves such.',
            empty)


def _kind(path: str) -> str:
    """Return '', 'black', 'white', or what is wrong with a map."""
    try:
        grey = to_grey(path, read_image(path, cv2.IMREAD_UNCHANGED))
    except (OSError, ValueError) as problem:
        return str(problem)
    low, high = int(grey.min()), int(grey.max())
    return 'black' if high == 0 else 'white' if low == 255 else ''
