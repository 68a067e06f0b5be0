"""Pseudo labels of the training images."""
import os
from collections.abc import Iterator

from hsc_mm.datasets.checks import missing_files
from hsc_mm.pseudo_labels.files import input_note, read_note
from hsc_mm.registry import TRANSFORMS
from hsc_mm.utils.pool import map_threads
from .case import Case, Split
from .finding import Finding, error, fact

__all__ = ['pseudo_labels']

_MAKE = ('python tools/make_pseudo_labels.py CAM_CONFIG CAM_CHECKPOINT --out '
         '{folder}  (with the config and checkpoint of the CAM stage; '
         'tools/pipeline.py runs both stages)')


def pseudo_labels(case: Case) -> Iterator[Finding]:
    """Look at the label of every training image."""
    for split in case.train:
        for step in split.pipeline:
            if step.get('type') != 'hsc_mm.LoadPseudoLabel':
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
                    [f'{path}: missing' for path in sorted(missing)])
    problems = [
        loader._problem(info) for info in infos
        if loader._path(info) not in missing
    ]
    stale = [
        path for path, made, now in map_threads(
            lambda info: _notes(loader, info),
            [info for info in infos if loader._path(info) not in missing])
        if made and made != now
    ]
    if stale:
        yield error(f'{split.name}: {len(stale)} images were replaced after '
                    'their pseudo labels were made',
                    _MAKE.format(folder=folder), stale)
    broken = [line for line in problems if line]
    if broken:
        yield error(f'{split.name}: {len(broken)} pseudo labels are broken, '
                    'of another size, or hold an unknown index',
                    _MAKE.format(folder=folder), broken)


def _notes(loader, info: dict) -> tuple[str, str, str]:
    """Return a label, the image that it was made from, and that of now."""
    path = loader._path(info)
    try:
        made = read_note(path).partition('-')[0]
        now = input_note(info['img_path'], None).partition('-')[0]
    except (OSError, ValueError):  # told by other checks
        return path, '', ''
    return path, made, now
