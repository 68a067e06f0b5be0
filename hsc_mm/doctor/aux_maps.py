"""Auxiliary maps of the data, such as saliency: are they there, and usable?"""
import os
from collections import Counter
from collections.abc import Iterator
from functools import partial

from hsc_mm.datasets.aux_maps import map_kind
from hsc_mm.datasets.grey_maps import to_grey
from hsc_mm.inference.missing_maps import is_map_notice, wanted_maps
from hsc_mm.utils import read_map
from hsc_mm.utils.pool import map_threads
from .case import Case, Split
from .finding import Finding, error, fact, warning

__all__ = ['aux_maps']


def aux_maps(case: Case) -> Iterator[Finding]:
    """Count the maps, and those that are black or white all over."""
    for hook in case.cfg.get('custom_hooks') or []:
        if is_map_notice(str(hook.get('text'))):
            yield warning(
                hook['text'], 'If there are maps, name their folder: '
                              'aux_maps=dict(NAME=dict(path=...)). Otherwise '
                              'train a config without these losses.')
    wanted = wanted_maps(case.cfg)
    for split in case.train:
        declared = {name for info in split.infos
                    for name in info.get('aux_maps', ())}
        for name in sorted(declared):
            yield from _look(split, name, name in wanted)
        for name, losses in wanted.items():
            if name not in declared and split.infos and not split.foreign:
                lost = ', '.join(f'losses.{loss}' for loss in losses)
                off = ', '.join(f'{loss}=None' for loss in losses)
                yield error(
                    f'{split.name}: {lost} needs {map_kind(name)}s, the data '
                    'set has none', 'Name their folder: '
                    f'aux_maps=dict({name}=dict(path=...)), or set '
                    f'losses=dict({off}).', _doubts(split, name))


def _look(split: Split, name: str, wanted: bool) -> Iterator[Finding]:
    kind = map_kind(name)
    paths = [
        info['aux_maps'][name]['path'] for info in split.infos
        if name in info.get('aux_maps', ())
    ]
    there = [path for path in paths if os.path.isfile(path)]
    kinds = map_threads(partial(_content, kind=kind), there)
    count = Counter(kinds)
    yield fact(f'{split.name}: {len(there)} of {len(split.infos)} images '
               f'have a {kind}; {count["black"]} are entirely black, '
               f'{count["white"]} entirely white')
    useless = [found for found in kinds
               if found not in ('', 'black', 'white', 'dark', 'faint')]
    if len(kinds) > 1 and set(kinds) <= {'black', 'dark'}:
        yield error(f'{split.name}: no {kind} has a value above 1',
                    'Write them as 0..255 (of 16 bits: 0..65535).', there)
    elif 'faint' in kinds and set(kinds) <= {'black', 'dark', 'faint'}:
        yield warning(
            f'{split.name}: no {kind} has a value above 127 of 255',
            'Are they in percent, or do they have 12 bits of 16? Write '
            'them as 0..255 (of 16 bits: 0..65535).', there)
    if useless:
        yield error(f'{split.name}: {len(useless)} {kind}s cannot be used',
                    'Grey maps are needed, 255 = 1.', useless)
    absent = len(split.infos) - len(paths)
    if absent:
        yield warning(
            f'{split.name}: {absent} images have no {kind} '
            f'(aux_maps.{name}.required=False)' +
            '; the losses leave them out' * wanted,
            'Make the missing maps if the losses should see all images.',
            _doubts(split, name))
    empty = [
        path for path, found in zip(there, kinds, strict=True)
        if found in ('black', 'white')
    ]
    if empty:
        yield warning(
            f'{split.name}: {len(empty)} {kind}s are entirely black or white: '
            'they carry no information',
            'Look at these maps; the model that made them probably '
            'failed.', empty)


def _doubts(split: Split, name: str) -> list[str]:
    folder = split.dataset and split.dataset.aux_maps.get(name)
    return [*folder.doubts.values()] if folder else []


def _content(path: str, kind: str) -> str:
    """Return what a map holds at most, or what is wrong.

    It is 'black', 'dark' (0 and 1), 'faint' (below 128), 'white' or ''.
    """
    try:
        grey = to_grey(path, read_map(path), kind)
    except (OSError, ValueError) as problem:
        return str(problem)
    low, high = int(grey.min()), int(grey.max())
    bright = 'faint' if high < 128 else 'white' if low == 255 else ''
    return {0: 'black', 1: 'dark'}.get(high, bright)
