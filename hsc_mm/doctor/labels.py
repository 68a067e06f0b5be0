"""Image labels, masks, and the classes of the heads."""
import os
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import permutations

from hsc_mm.datasets.mask_checks import MASK_ADVICE, mask_problems
from hsc_mm.datasets.mask_labels import (
    LABEL_ADVICE,
    black_and_white,
    compare_labels,
    indices,
)
from hsc_mm.inference.class_names import OTHER_CLASSES, other_classes
from hsc_mm.utils.part_types import type_name
from hsc_mm.utils.pool import map_threads
from .case import Case, Split
from .finding import Finding, error, fact, warning
from .negatives import negatives

__all__ = ['FEW', 'classes', 'labels', 'masks']

FEW = 5  # images of a class



def labels(case: Case) -> Iterator[Finding]:
    """Count the images of each class; name labels that are none."""
    for split in case.splits:
        if split.labels is None or split.dataset is None:
            continue
        missing = [i for i in split.ids if i not in split.labels]
        if missing:
            yield error(
                f'{split.name}: {len(missing)} images have no labels',
                'Add labels (empty ones where an image shows none of the '
                'classes), or remove these images from the list.', missing)
        known = set(split.dataset.all_classes)
        unknown = [
            f'{i}: "{name}"' for i, names in split.labels.items()
            for name in names if name not in known
        ]
        if unknown:
            yield error(
                f'{split.name}: labels that are no class of the data set',
                f'Its classes are {split.dataset.all_classes[1:]}; correct '
                'the spelling or add the class.', unknown)
        yield from _balance(split)
        if split.is_train:
            for what, names in getattr(split.dataset, 'notes', ()):
                yield fact(f'{split.name}, {what}: {len(names)}, such as '
                           f'{names[0]}')
            yield from negatives(split, case.cfg.train_dataloader)


def _balance(split: Split) -> Iterator[Finding]:
    names = split.dataset.foreground
    count = Counter(name for i in split.ids
                    for name in set(split.labels.get(i, [])))
    pairs = Counter(pair for i in split.ids for pair in permutations(
        set(split.labels.get(i, [])), 2))
    yield fact(f'{split.name}, images of each class: ' +
               ', '.join(f'{name} {count[name]}' for name in names))
    if not split.is_train:
        return
    none = [name for name in names if not count[name]]
    if none:
        yield error(
            f'{split.name}: no image shows {", ".join(none)}',
            'A class without images cannot be learned: add images of it, or '
            'remove it from metainfo and lower num_classes.')
    few = [name for name in names if 0 < count[name] < FEW]
    if few:
        yield warning(
            f'{split.name}: fewer than {FEW} images show '
            f'{", ".join(f"{n} ({count[n]})" for n in few)}',
            'Add images of these classes, or expect poor results for them.')
    used = len(split.items())
    everywhere = [name for name in names if count[name] == used]
    if everywhere and used > 1:
        left_out = len(split.ids) - used
        yield warning(
            f'{split.name}: every image shows {", ".join(everywhere)}' + (
                f', but for {left_out} that are left out, as they show other '
                'classes alone' if left_out else ''),
            'A classifier learns nothing from a class that is everywhere: '
            'add images without it. Those that show no class at all have an '
            'empty label, or lie in a folder "_none".')
    together = [
        f'{one} and {other}' for k, one in enumerate(names)
        for other in names[k + 1:]
        if count[one] == count[other] == pairs[one, other] > 1
    ]
    if together and not everywhere:
        yield warning(
            f'{split.name}: these classes occur only together: '
            f'{"; ".join(together)}', 'Nothing tells them apart: add images '
            'that show one of them.')


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
        look = partial(
            mask_problems, all_classes=count, ignore_index=ignored)
        lines = [line for found in map_threads(look, paths) for line in found]
        if lines:
            yield error(f'{split.name}: {len(lines)} of {len(paths)} masks '
                        'hold values other than class indices',
                        MASK_ADVICE, lines)
        else:
            yield fact(f'{split.name}: {len(paths)} masks hold indices '
                       f'0..{count - 1} and {ignored} only')
            yield from _meaning(split)
    if not found_any:
        yield fact('no masks: nothing will be scored, and nothing needs them')


def _meaning(split: Split) -> Iterator[Finding]:
    """Compare masks with the image labels of the same images."""
    known = dict(zip(split.ids, split.infos, strict=True))
    ids = [i for i, info in known.items()
           if os.path.isfile(info.get('seg_map_path', ''))]
    paths = [known[i]['seg_map_path'] for i in ids]
    contents = map_threads(indices, paths)
    line = black_and_white(contents, split.dataset.ignore_index)
    if line:
        yield error(f'{split.name}: {line}', MASK_ADVICE)
    elif split.labels is not None:
        names = split.dataset.all_classes
        wrong, doubtful = compare_labels(
            paths, contents, [split.labels.get(i, []) for i in ids], names)
        advice = LABEL_ADVICE.format(classes=', '.join(names))
        for line in wrong:
            yield error(f'{split.name}: {line}', advice, doubtful)
        if doubtful and not wrong:
            yield warning(f'{split.name}: {len(doubtful)} of {len(ids)} '
                          'masks do not agree with the image label', advice,
                          doubtful)


def classes(case: Case) -> Iterator[Finding]:
    """Compare num_classes of the heads with the classes of the data.

    Those of the data sets are compared first.
    """
    line = other_classes({
        split.name: split.dataset.metainfo['classes']
        for split in case.splits if split.dataset is not None})
    if line:
        yield error(line, OTHER_CLASSES)
        return
    for split in case.splits:
        if split.dataset is None:
            continue
        names = split.dataset.metainfo['classes']
        for key, head in case.heads().items():
            found = head.get('num_classes')
            if found is not None and found != len(names) and (
                    type_name(head) != 'STDCHead'):  # learns borders
                yield error(
                    f'num_classes of {key}: expected {len(names)} '
                    f'({split.name}: {", ".join(names)}), found {found}',
                    f'Set model.{key}.num_classes={len(names)}.')
