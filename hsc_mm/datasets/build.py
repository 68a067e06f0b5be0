"""Builders of data sets and pipelines from a config."""
import copy
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope

from hsc_mm.registry import DATASETS, TRANSFORMS
from hsc_mm.utils.part_types import class_of, type_name
from .base import BaseImageLabelDataset
from .transforms.load_image import image_reader

__all__ = ['build_split', 'images_in_batch', 'is_ours', 'loads_truth',
           'without_truth']

# Loaders of ground truth that do not say so by an attribute.
_FOREIGN_LOADERS = ('LoadAnnotations', 'LoadDepthAnnotation')


def split_options(cfg: Config, split: str) -> ConfigDict:
    """Return the config of a split's data set, not a copy.

    Raises:
        ValueError: The config has no such split.
    """
    loader = cfg.get(f'{split}_dataloader')
    if not loader:
        there = [name for name in ('train', 'val', 'test')
                 if cfg.get(f'{name}_dataloader')]
        raise ValueError(
            f'{split}_dataloader of {cfg.filename}: expected the data of the '
            f'split "{split}", found none. The config has '
            f'{", ".join(there) or "no split"}: name one of these, or add it.')
    return loader.dataset


def images_in_batch(loader: Mapping) -> int:
    """Return the images of a batch by the config of a loader.

    Where ``batch_sampler`` gives the number, it counts; where nothing does,
    batches have one image.
    """
    sampler = loader.get('batch_sampler') or {}
    return loader.get('batch_size') or sampler.get('batch_size') or 1


def build_split(cfg: Config,
                split: str,
                *,
                pipeline: Sequence[dict] = (),
                masks: bool | None = None,
                maps: bool = False,
                check: bool = True) -> BaseImageLabelDataset:
    """Build the data set of a split for another purpose than training.

    Its items are those that a training or test would see, in the order of
    the list: images that hold none of the chosen classes are left out of a
    training split.

    Args:
        cfg (Config): With ``<split>_dataloader``; stays as it is.
        split (str): ``'train'``, ``'val'`` or ``'test'``.
        pipeline (sequence[dict]): Transforms; without any, items are file
            names and labels.
        masks (bool, optional): False leaves the masks out, True needs some;
            by default they are as in the config.
        maps (bool): Whether items name their auxiliary maps.
        check (bool): Whether missing and broken files are an error; False
            for those who tell them one by one.

    Returns:
        BaseImageLabelDataset: Initialised; its ``read_image`` reads image
        files as the pipeline of the config does.

    Raises:
        ValueError: The config has no such split, it is not a data set of
            this package, masks are needed and there are none, or files are
            bad.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    options = copy.deepcopy(split_options(cfg, split))
    if not is_ours(options):
        raise ValueError(
            f'{split}_dataloader of {cfg.filename}: expected a data set of '
            f'hsc_mm, found {options.get("type")}. Seeds and the pipeline '
            'need hsc_mm.VOCImageLabelDataset or hsc_mm.ImageLabelDataset; '
            'python -m hsc_mm train reads any.')
    reader = image_reader(options.get('pipeline') or [])
    prefix = dict(options.get('data_prefix') or {})
    if masks is False:
        prefix.pop('seg_map_path', None)
    elif masks and not prefix.get('seg_map_path'):
        raise ValueError(
            f'{split}_dataloader of {cfg.filename}: expected a folder of '
            'masks, seg_map_path in its data_prefix, found none. Name a '
            'split with masks.')
    if not maps:
        options['aux_maps'] = None
    if options.get('keep_empty') is None:
        options['keep_empty'] = options.get('test_mode', False)
    options['data_prefix'] = prefix  # ConfigDict.update would merge it
    options.update(
        pipeline=list(pipeline),
        test_mode=True,
        serialize_data=False,
        check_files=check)
    built = DATASETS.build(options)
    built.read_image = reader
    return built


def is_ours(options: dict) -> bool:
    """Say whether the config of a data set is of one of this package."""
    kind = class_of(DATASETS, options)
    return isinstance(kind, type) and issubclass(kind, BaseImageLabelDataset)


def loads_truth(step: dict[str, Any]) -> bool:
    """Say whether a transform loads what only training or scores need.

    A class says so by the attribute ``loads_truth = True``; one that extends
    ``LoadAnnotations`` need not.
    """
    kind = class_of(TRANSFORMS, step)
    names = {type_name(step),
             *(one.__name__ for one in getattr(kind, '__mro__', ()))}
    return getattr(kind, 'loads_truth', False) or not names.isdisjoint(
        _FOREIGN_LOADERS)


def without_truth(pipeline: Sequence[dict]) -> list[dict]:
    """Drop the loaders of masks and maps, also inside TTA branches."""
    kept = []
    for step in pipeline:
        if loads_truth(step):
            continue
        step = dict(step)
        if 'transforms' in step:
            branches = [without_truth(b) for b in step['transforms']]
            step['transforms'] = [b for b in branches if b]
        kept.append(step)
    return kept
