"""Masks compared with the image labels of the same images."""
import logging
from collections.abc import Sequence

from mmengine.dist import is_main_process
from mmengine.logging import print_log

from hsc_mm.utils import read_index_png
from .checks import raise_problems
from .mask_checks import MASK_ADVICE, some_of

__all__ = [
    'LABEL_ADVICE', 'black_and_white', 'check_mask_labels', 'compare_labels',
    'indices'
]

LABEL_ADVICE = (
    'An index of a mask is the place of a class in the list of all classes, 0 '
    'the background: {classes}. Export the masks with these indices, or '
    'correct the image labels.')


def indices(path: str) -> set[int]:
    """Return the indices that a mask holds."""
    return set(read_index_png(path).ravel().tolist())


def check_mask_labels(dataset, infos: list[dict],
                      labels: list[list[str]] | None = None) -> None:
    """Look what some masks mean, by the image labels of the same images.

    What is merely doubtful is a warning: labels and masks are rarely drawn
    by one person.

    Args:
        dataset (BaseImageLabelDataset): Nothing is read where its
            ``check_files`` is False.
        infos (list[dict]): Items; those without a mask do not count.
        labels (list[list[str]], optional): Classes that the label of each
            names.

    Raises:
        ValueError: The indices of the masks mean other classes, or none.
    """
    if not dataset.check_files:
        return
    what = f'{type(dataset).__name__} ({dataset.split})'
    all_classes = dataset.all_classes
    both = some_of([
        (info['seg_map_path'], label) for info, label in zip(
            infos, labels or [[]] * len(infos), strict=True)
        if 'seg_map_path' in info
    ])
    contents = [indices(path) for path, _ in both]
    line = black_and_white(contents, dataset.ignore_index)
    raise_problems(what, [line] if line else [], MASK_ADVICE)
    if labels is None:
        return
    wrong, doubtful = compare_labels([path for path, _ in both], contents,
                                     [label for _, label in both],
                                     all_classes)
    advice = LABEL_ADVICE.format(classes=', '.join(all_classes))
    raise_problems(f'{what}: masks', wrong and wrong + doubtful, advice)
    if doubtful and is_main_process():
        print_log(
            f'{what}: {len(doubtful)} of {len(both)} masks that were examined '
            f'do not agree with the image label, the first: {doubtful[0]}. '
            f'{advice}', 'current', logging.WARNING)


def black_and_white(contents: Sequence[set[int]],
                    ignore_index: int = 255) -> str | None:
    """Say whether masks are black and white pictures, not indices.

    Args:
        contents (sequence[set[int]]): Indices that each mask holds.
        ignore_index (int): Index of ignored pixels.

    Returns:
        str | None: A line, where no mask holds an index of a class and some
        hold ignored pixels.
    """
    found = set().union(*contents)
    if found - {0, ignore_index} or ignore_index not in found:
        return None
    return (f'none of {len(contents)} masks holds an index of a class: all '
            f'that is not background is {ignore_index}, which is ignored. '
            'Are these black-and-white masks? Write the index of the class, '
            f'1 for the first, in place of {ignore_index}')


def compare_labels(names: Sequence[str], contents: Sequence[set[int]],
                   labels: Sequence[Sequence[str]],
                   all_classes: Sequence[str]) -> tuple[
                       list[str], list[str]]:
    """Compare masks with the image labels of the same images.

    Masks whose indices are shifted or in another order show classes that
    the label does not name, and lack those that it names.

    Args:
        names (sequence[str]): Names of the images, for messages.
        contents (sequence[set[int]]): Indices that each mask holds.
        labels (sequence[sequence[str]]): Classes that each label names.
        all_classes (sequence[str]): What the indices mean, background first.

    Returns:
        tuple[list[str], list[str]]: What cannot be: a class of which most
        images (two or more) have masks that lack it and hold a class that
        was not named, or labels of which none is true. And a line for each
        image that is doubtful: its mask holds a class that the label does
        not name, or lacks one.
    """
    doubtful, lacking, right = [], {}, 0
    for name, content, label in zip(names, contents, labels, strict=True):
        shown = {all_classes[i] for i in content
                 if 0 < i < len(all_classes)}
        extra, absent = sorted(shown - set(label)), set(label) - shown
        right += len(shown & set(label))
        for one in label:
            lacking.setdefault(one, []).append(one in absent and extra)
        words = [f'its mask holds {", ".join(extra)}'] * bool(extra)
        if absent:
            words.append(f'no pixel of its mask is {", ".join(sorted(absent))}'
                         )
        if words:
            doubtful.append(f'{name}: labelled {", ".join(label) or "none"}, '
                            f'{" and ".join(words)}')
    wrong = [
        f'{len(found)} images are labelled {one}, and the masks of '
        f'{len(bad)} lack it and hold '
        f'{", ".join(sorted(set().union(*bad)))}'
        for one, found in lacking.items()
        for bad in [list(filter(None, found))]
        if len(bad) > 1 and 2 * len(bad) > len(found)
    ]
    labelled = sum(map(bool, labels))
    if not right and (wrong or labelled > 1):
        wrong = [f'none of {labelled} masks holds a class that the image '
                 'label names']
    return wrong, doubtful
