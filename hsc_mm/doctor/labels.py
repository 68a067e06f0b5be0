"""Image labels, the classes of the heads, and pseudo labels."""
import os
from collections import Counter
from collections.abc import Iterator

from hsc_mm.datasets.checks import missing_files
from hsc_mm.registry import TRANSFORMS
from .case import Case, Split
from .finding import Finding, error, fact, warning

__all__ = ['FEW', 'classes', 'labels', 'pseudo_labels']

FEW = 5  # images of a class
_MAKE = ('python tools/make_pseudo_labels.py CAM_CONFIG CAM_CHECKPOINT --out '
         '{folder}  (with the config and checkpoint of the CAM stage; '
         'tools/pipeline.py runs both stages)')


def labels(case: Case) -> Iterator[Finding]:
    """Count the images of each class; name labels that are none."""
    for split in case.splits:
        if split.labels is None or split.dataset is None:
            continue
        empty = [i for i in split.ids if not split.labels.get(i)]
        if empty:
            yield error(
                f'{split.name}: {len(empty)} images have no labels',
                'Add labels, or take these images off the list.', empty)
        known = set(split.dataset.all_classes)
        unknown = [
            f'{i}: "{name}"' for i, names in split.labels.items()
            for name in names if name not in known
        ]
        if unknown:
            yield error(
                f'{split.name}: labels that are no class of the data set',
                f'Its classes are {split.dataset.all_classes[1:]}; mend the '
                'spelling or add the class.', unknown)
        yield from _balance(split)


def _balance(split: Split) -> Iterator[Finding]:
    count = Counter(name for i in split.ids
                    for name in set(split.labels.get(i, [])))
    names = split.dataset.foreground
    yield fact(f'{split.name}, images of each class: ' +
               ', '.join(f'{name} {count[name]}' for name in names))
    if not split.is_train:
        return
    none = [name for name in names if not count[name]]
    if none:
        yield error(
            f'{split.name}: no image shows {", ".join(none)}',
            'Nothing can be learned of a class without images: add some, or '
            'leave the class out of metainfo and count num_classes anew.')
    few = [name for name in names if 0 < count[name] < FEW]
    if few:
        yield warning(
            f'{split.name}: fewer than {FEW} images show '
            f'{", ".join(f"{n} ({count[n]})" for n in few)}',
            'Add images of these classes, or expect little of them.')


def classes(case: Case) -> Iterator[Finding]:
    """Compare num_classes of the heads with the classes of the data."""
    for split in case.splits:
        if split.dataset is None:
            continue
        names = split.dataset.metainfo['classes']
        for key, head in case.heads().items():
            found = head.get('num_classes')
            if found is not None and found != len(names):
                yield error(
                    f'num_classes of {key}: expected {len(names)} '
                    f'({split.name}: {", ".join(names)}), found {found}',
                    f'Set model.{key}.num_classes={len(names)}.')


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
    broken = [line for line in problems if line]
    if broken:
        yield error(f'{split.name}: {len(broken)} pseudo labels are broken, '
                    'of another size, or hold an unknown index',
                    _MAKE.format(folder=folder), broken)
