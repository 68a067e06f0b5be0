"""Case that the checks examine: a config, its data and its model.

In one file, though long: a case is read once, for all checks.
"""
import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.checks import check_root
from hsc_mm.registry import DATASETS, MODELS
from hsc_mm.utils import image_shapes, voc_palette, write_index_png
from hsc_mm.utils.part_types import type_name
from hsc_mm.utils.wrappers import leaves, pipelines, split_datasets

__all__ = ['Case', 'Split', 'draw_labels', 'read_splits']

_DRAWN = 200  # images


@dataclass
class Split:
    """One data set of a config.

    Attributes:
        name (str): ``'train'``, ``'val'``, ``'test'``, ``'val, test'``.
        loader (str): The first of them, without a number.
        pipeline (list[dict]): Its transforms, as the config has them.
        dataset (BaseImageLabelDataset, optional): Not initialised: nothing
            was checked. None if even that failed, or it is another's.
        ids (list[str]): Image ids.
        infos (list[dict]): File names of each image.
        labels (dict, optional): id -> names of classes; None where there
            are none to be read.
        problems (list[str]): What went wrong while reading.
        foreign (bool): It is no data set of this package.
    """
    name: str
    loader: str
    pipeline: list
    dataset: BaseImageLabelDataset | None = None
    ids: list[str] = field(default_factory=list)
    infos: list[dict] = field(default_factory=list)
    labels: dict[str, list[str]] | None = None
    problems: list[str] = field(default_factory=list)
    foreign: bool = False

    @property
    def is_train(self) -> bool:
        """bool: Whether it is trained on."""
        return self.loader == 'train'

    def items(self) -> list[dict]:
        """Return the items that training would use.

        Where the labels are known, images that hold other classes alone are
        left out as :class:`BaseImageLabelDataset` does.
        """
        if self.dataset is None or self.labels is None or not self.is_train \
                or self.dataset.keep_empty:
            return self.infos
        chosen = set(self.dataset.foreground)
        return [
            info for image_id, info in zip(self.ids, self.infos, strict=True)
            if chosen.intersection(self.labels.get(image_id, []))
            or self.labels.get(image_id) == []
        ]


def read_splits(cfg: Config) -> list[Split]:
    """Read the data sets of a config; problems are kept, not raised.

    Args:
        cfg (Config): Of either stage.

    Returns:
        list[Split]: Equal data sets of validation and test once. Where a
        wrapper joins several, their names end with a number.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    datasets = list(split_datasets(cfg))
    counts, numbers = Counter(name for name, _ in datasets), Counter()
    splits: list[Split] = []
    seen: list[tuple[dict, Split]] = []
    for loader, dataset in datasets:
        numbers[loader] += 1
        name = loader + f' {numbers[loader]}' * (counts[loader] > 1)
        same = {k: v for k, v in dataset.items() if k != 'pipeline'}
        twin = next((s for d, s in seen if d == same), None)
        if twin is not None and not twin.is_train:
            twin.name += f', {name}'
            continue
        splits.append(_read(name, loader, dataset))
        seen.append((same, splits[-1]))
    return splits


def _read(name: str, loader: str, cfg: Mapping) -> Split:
    split = Split(name, loader, list(cfg.get('pipeline') or []))
    try:
        check_root(cfg.get('data_root') or '')
    except FileNotFoundError as problem:
        split.problems.append(str(problem))
        return split
    cfg = dict(
        copy.deepcopy(cfg), pipeline=[], lazy_init=True, serialize_data=False)
    try:
        built = DATASETS.build(cfg)
        if not isinstance(built, BaseImageLabelDataset):
            split.foreign = True
            built.full_init()
            split.infos = [built.get_data_info(i) for i in range(len(built))]
            return split
        split.dataset = built
        split.ids = list(built.ids())
        split.infos = [built.item(image_id) for image_id in split.ids]
        if built.with_labels:
            split.labels = built.spelled_labels(split.ids)
    except Exception as error:  # whatever it is, it is reported
        split.problems.append(str(error) or type(error).__name__)
    return split


class Case:
    """A config, its data and its model, each read when first needed.

    Args:
        cfg (Config): Of either stage; see
            :func:`hsc_mm.inference.load_config`.
    """

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg
        self.missing_weights: set[str] = set()
        self.seconds: float | None = None  # of the training, if known

    @cached_property
    def splits(self) -> list[Split]:
        """list[Split]: The data sets."""
        return read_splits(self.cfg)

    @property
    def train(self) -> list[Split]:
        """list[Split]: Those that are trained on."""
        return [split for split in self.splits if split.is_train]

    @cached_property
    def model(self) -> nn.Module:
        """nn.Module: The model, from random numbers, on the CPU."""
        from mmengine.model import revert_sync_batchnorm
        init_default_scope(self.cfg.get('default_scope', 'mmseg'))
        return revert_sync_batchnorm(
            MODELS.build(copy.deepcopy(self.cfg.model)))

    def heads(self) -> dict[str, dict]:
        """Return the configs of the heads, by name."""
        found = {}
        for name in ('decode_head', 'auxiliary_head'):
            head = self.cfg.model.get(name)
            for number, one in enumerate(
                    head if isinstance(head, list | tuple) else [head]):
                if one:
                    key = f'{name}[{number}]' if head is not one else name
                    found[key] = one
        return found


def draw_labels(case: Case, cam: Case, folder: str) -> Case:
    """Draw pseudo labels that are good enough to try a training with.

    One class of each image fills a box in its middle. Of large data sets
    a part is used, images that show a class before those that show none.

    Args:
        case (Case): Of the segmentation stage.
        cam (Case): Of the CAM stage, which knows the image labels.
        folder (str): Where the labels are drawn.

    Returns:
        Case: The same with these labels.

    Raises:
        ValueError: It reads no pseudo labels, or its data set is none of
            this package.
    """
    from hsc_mm.pipeline.inputs import with_pseudo_dir
    cfg = with_pseudo_dir(case.cfg, Path(folder))
    if any(split.dataset is None for split in case.train):
        raise ValueError(f'{cfg.filename}: expected a training data set of '
                         'hsc_mm, such as hsc_mm.ImageLabelDataset.')
    for steps in pipelines(cfg.train_dataloader.dataset):
        for step in steps:
            if type_name(step) == 'LoadPseudoLabel':
                step.update(suffix='.png', threshold=None, band=None)
    known = {i: names for split in cam.train
             for i, names in (split.labels or {}).items()}
    for dataset, split in zip(leaves(cfg.train_dataloader.dataset),
                              case.train, strict=True):
        ids = {info['img_id']: i
               for i, info in zip(split.ids, split.infos, strict=True)}
        items = split.items()
        shows = [bool(known.get(ids[info['img_id']])) for info in items]
        places = sorted(np.argsort(np.logical_not(shows), kind='stable')[
            :_DRAWN].tolist())
        dataset.update(indices=places, check_files=False)
        for info in (items[place] for place in places):
            height, width = image_shapes(info['img_path'])[0]
            mask = np.zeros((height, width), np.uint8)
            names = known.get(ids[info['img_id']], ())
            for name in set(names).intersection(split.dataset.foreground):
                mask[height // 4:-height // 4, width // 4:-width // 4] = (
                    split.dataset.all_classes.index(name))
            write_index_png(Path(folder) / f'{info["img_id"]}.png', mask,
                            voc_palette())
    tried = Case(cfg)
    tried.missing_weights = case.missing_weights
    return tried
