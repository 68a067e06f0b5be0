"""Names of a model's classes, found without its data set.

In one file, though long: names are compared as they were found.
"""
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor

from hsc_mm.datasets.class_names import name_key, spelled
from hsc_mm.registry import DATASETS
from hsc_mm.utils import class_map, to_mask_indices, voc_palette
from hsc_mm.utils.indices import check_class_count
from hsc_mm.utils.part_types import class_of, parameter_of

__all__ = ['OTHER_CLASSES', 'ClassNames', 'check_class_names',
           'check_same_classes', 'class_names', 'multi_hot', 'other_classes']

#: What to do about data sets of one stage with other classes.
OTHER_CLASSES = (
    'Its masks would be compared with other classes than those that the model '
    'predicts. Give both data sets the same metainfo.classes or label_file.')


class ClassNames(NamedTuple):
    """Names, colours and indices of the classes of a model.

    Attributes:
        classes (tuple[str]): C names, the background first.
        palette (np.ndarray): Their colours, (C, 3) uint8 RGB.
        label_map (dict, optional): Mask index -> class index; None where
            they are the same. Where masks hold no background
            (``reduce_zero_label``), that of class 0 is 1.
    """
    classes: tuple[str, ...]
    palette: np.ndarray
    label_map: dict[int, int] | None

    @property
    def count(self) -> int:
        """int: C."""
        return len(self.classes)

    def mask_indices(self, indices: np.ndarray) -> np.ndarray:
        """Turn class indices (k,) into mask indices (k,)."""
        return to_mask_indices(indices, self.label_map).astype(np.int64)


def class_names(cfg: Config, checkpoint: dict) -> ClassNames:
    """Find the names: in a checkpoint as loaded, else in the config.

    Raises:
        ValueError: The names are in neither.
    """
    meta = (checkpoint.get('meta') or {}).get('dataset_meta') or {}
    if meta.get('classes'):
        return _complete(
            tuple(meta['classes']), meta.get('palette'),
            meta.get('label_map'), meta.get('reduce_zero_label'))
    for name in ('test', 'val', 'train'):
        found = _of_dataset((cfg.get(f'{name}_dataloader') or {}).get(
            'dataset') or {})
        if found:
            return found
    raise ValueError(
        f'classes of {cfg.filename}: expected them in the checkpoint '
        '(meta.dataset_meta) or as metainfo.classes of a data set in the '
        'config, found neither. Add metainfo=dict(classes=(...)).')


def check_class_names(name: str, checkpoint: dict,
                      classes: Sequence[str] | None) -> None:
    """Refuse a checkpoint whose channels mean other classes.

    Args:
        name (str): The file, for the message.
        checkpoint (dict): As loaded.
        classes (sequence[str], optional): Those of the data, background
            included; None where they are not known.

    Raises:
        ValueError: The names or their order differ. Spellings of one name
            are the same, and a checkpoint without names is let pass.
    """
    meta = (checkpoint.get('meta') or {}).get('dataset_meta') or {}
    found = list(meta.get('classes') or ())
    keys, others = ([*map(name_key, one)] for one in (found, classes or ()))
    if not found or not classes or keys == others:
        return
    first = _differ(keys, others)
    known, wanted = (_some(list(names), first) for names in (found, classes))
    raise ValueError(
        f'checkpoint {name}: expected the {len(classes)} classes of the '
        f'config, {wanted}, found that it was trained for {len(found)}, '
        f'{known}. Take a checkpoint of these classes, or set '
        'metainfo.classes of the data sets to those of the checkpoint.')


def check_same_classes(found: Mapping[str, Sequence[str] | None]) -> None:
    """Refuse data sets of one stage that have other classes than the first.

    Args:
        found (mapping): See :func:`other_classes`.

    Raises:
        ValueError: The names or their order differ.
    """
    if line := other_classes(found):
        raise ValueError(f'{line}. {OTHER_CLASSES}')


def other_classes(found: Mapping[str, Sequence[str] | None]) -> str | None:
    """Say which data set of a stage has other classes than the first.

    A channel of the model is a class of the data that it was trained on; the
    masks of another data set would call it otherwise.

    Args:
        found (mapping): Name of a data set, for messages -> its classes,
            background included; None where they are not known. Spellings
            of one name, as in image labels, are the same.

    Returns:
        str | None: A line, where the names or their order differ.
    """
    known = {name: list(names) for name, names in found.items() if names}
    owner = next(iter(known), '')
    for name, names in known.items():
        wanted = known[owner]
        keys, other = ([*map(name_key, one)] for one in (names, wanted))
        if keys != other:
            first = _differ(keys, other)
            return (f'classes of {name}: expected those of {owner}, in the '
                    f'same order, {_some(wanted, first)}, found '
                    f'{_some(names, first)}')
    return None


def multi_hot(labels: Sequence[str] | None, names: ClassNames,
              is_cam: bool) -> Tensor | None:
    """Turn the names that a user gives for images into a vector, (K,).

    Raises:
        TypeError: They are no list.
        ValueError: One is unknown, or the model takes none.
    """
    if labels is None:
        return None
    if isinstance(labels, Mapping | bytes) or not (
            hasattr(labels, '__iter__')):
        raise TypeError(
            'labels: expected a list of the classes that the images '
            f'hold, such as ["cat"], found {labels!r}. Name those that '
            'are there, and leave out the others.')
    labels = [labels] if isinstance(labels, str) else list(labels)
    if not is_cam:
        raise ValueError('labels: expected a checkpoint of the CAM '
                         'stage; a segmentation model finds the classes '
                         'by itself.')
    known = names.classes[1:]
    labels = spelled(labels, known)
    unknown = [name for name in labels if name not in known]
    if unknown:
        raise ValueError(f'labels: expected some of {list(known)}, found '
                         f'{unknown}.')
    vector = torch.zeros(len(known))
    for name in labels:
        vector[known.index(name)] = 1
    return vector


def _differ(names: Sequence[str], others: Sequence[str]) -> int:
    """Return the first place at which two lists differ."""
    return next((k for k, (one, other) in enumerate(zip(
        names, others, strict=False)) if one != other),
        min(len(names), len(others)))


def _some(names: list[str], first: int) -> str:
    """Join names, those before and after the first that differs."""
    if len(names) <= 8:
        return ', '.join(names)
    begin = max(first - 1, 0)
    part = ', '.join(names[begin:begin + 4])
    return f'{"... " * (begin > 0)}{part} ...'


def _of_dataset(dataset: dict) -> ClassNames | None:
    """Read what the config of a data set says, and its type knows."""
    metainfo = dict(dataset.get('metainfo') or {})
    known = dict(getattr(class_of(DATASETS, dataset), 'METAINFO', None) or {})
    vocabulary = dataset.get('vocabulary') or known.get('classes')
    classes = metainfo.get('classes') or vocabulary
    if not classes:
        return None
    label_map = None
    if vocabulary:
        label_map = class_map(list(vocabulary),
                              spelled(classes, list(vocabulary)))
    palette = metainfo.get('palette')
    if palette is None and label_map is None:
        palette = known.get('palette')
    return _complete(tuple(classes), palette, label_map,
                     _reduced(dataset))


def _reduced(dataset: dict) -> bool:
    """Say whether a data set takes 1 from the indices of its masks."""
    kind = class_of(DATASETS, dataset)
    usual = kind and parameter_of(kind, 'reduce_zero_label')
    return dataset.get('reduce_zero_label', usual and usual.default) is True


def _complete(classes: tuple, palette, label_map,
              reduced: bool = False) -> ClassNames:
    """Take VOC's colours where there are none of its own."""
    if reduced:  # as mmseg reads them: first less 1, then by the map
        label_map = {index + 1: place for index, place in (
            label_map or {k: k for k in range(len(classes))}).items()}
    check_class_count('classes of the checkpoint or config',
                      len(classes) - 1)
    if palette is None or len(palette) != len(classes):
        place = to_mask_indices(np.arange(len(classes)), label_map)
        palette = voc_palette()[place]
    return ClassNames(classes, np.array(palette, dtype=np.uint8), label_map)
