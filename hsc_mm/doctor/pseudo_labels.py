"""Pseudo labels of the training images."""
import os
from collections.abc import Iterator

from hsc_mm.datasets.checks import missing_files
from hsc_mm.pseudo_labels.origins import ORIGIN_ADVICE
from hsc_mm.registry import TRANSFORMS
from hsc_mm.utils.alike import missing_lines
from hsc_mm.utils.part_types import type_name
from .case import Case, Split
from .finding import Finding, error, fact

__all__ = ['pseudo_labels']

_MAKE = ('python -m hsc_mm make_pseudo_labels CAM_CONFIG CAM_CHECKPOINT --out '
         '{folder}  (with the config and checkpoint of the CAM stage; '
         'python -m hsc_mm pipeline runs both stages)')


def pseudo_labels(case: Case) -> Iterator[Finding]:
    """Look at the label of every training image."""
    for split in case.train:
        for step in split.pipeline:
            if type_name(step) != 'LoadPseudoLabel':
                continue
            folder = step['pseudo_dir']
            if not os.path.isdir(folder):
                yield error(f'{split.name}: pseudo_dir {folder}: there is no '
                            'such folder', _MAKE.format(folder=folder))
            elif split.infos:
                yield from _coverage(split, step, folder)


def _coverage(split: Split, step: dict, folder: str) -> Iterator[Finding]:
    loader = TRANSFORMS.build(dict(step))
    infos = split.items()
    try:
        loader.check_classes(split.dataset and split.dataset.all_classes)
    except ValueError as problem:
        yield error(f'{split.name}: {problem}', _MAKE.format(folder=folder))
    missing = set(missing_files(loader._path(info) for info in infos))
    yield fact(f'{split.name}: {len(infos) - len(missing)} of {len(infos)} '
               f'images have a pseudo label in {folder}')
    if missing:
        yield error(f'{split.name}: {len(missing)} pseudo labels are missing',
                    _MAKE.format(folder=folder),
                    missing_lines(sorted(missing)))
    there = [info for info in infos if loader._path(info) not in missing]
    problems = list(map(loader._problem, there))
    stale = loader.other_origins([
        info for info, line in zip(there, problems, strict=True) if not line])
    if stale:
        yield error(f'{split.name}: {len(stale)} pseudo labels are not of '
                    'their image: it was replaced, or files were exchanged',
                    ORIGIN_ADVICE, stale)
    broken = [line for line in problems if line]
    if broken:
        yield error(f'{split.name}: {len(broken)} pseudo labels are broken, '
                    'of another size, or hold an unknown index',
                    _MAKE.format(folder=folder), broken)
