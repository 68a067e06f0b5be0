"""Image labels: complete, known, and enough of each class."""
from collections import Counter
from collections.abc import Iterator

from .case import Case
from .finding import Finding, error, fact, warning
from .splits import Split

__all__ = ['FEW', 'labels']

FEW = 5  # images of a class


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
