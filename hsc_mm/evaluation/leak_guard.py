"""Guard against image labels of images that were not trained on.

The labels of training images are given, in this setting, and seeds of these
images use them. Those of any other image are what is asked for.
"""
import copy
import os
from typing import Any, NamedTuple

from mmengine.dataset import BaseDataset

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.facts import data_facts
from hsc_mm.registry import DATASETS
from hsc_mm.utils.wrappers import inner

__all__ = [
    'SWITCH', 'TrainingImages', 'check_image_labels', 'image_files',
    'training_images'
]

#: Key of ``model.test_cfg`` that allows it.
SWITCH = 'labels_on_unseen_split'


class TrainingImages(NamedTuple):
    """Images that a model is trained on.

    Attributes:
        files (frozenset[str]): Their files, see :func:`image_files`.
        problem (str): Why they are not known; empty where they are.
    """
    files: frozenset[str]
    problem: str = ''


def image_files(dataset: Any) -> list[str]:
    """List the image file of each item of a data set, of any kind.

    Links of folders are followed.
    """
    return _resolved(
        dataset.get_data_info(index)['img_path']
        for index in range(len(dataset)))


def training_images(source: Any) -> TrainingImages:
    """List what is trained on, as cheaply as the data set allows.

    Of this package's data sets that is the whole list of images, also of
    those that hold none of the chosen classes and are left out; no image is
    looked at, no annotation read.
    """
    if source is None:
        return TrainingImages(frozenset(), 'the config has none')
    try:
        return TrainingImages(frozenset(_listed(source)))
    # Data sets of mmseg assert that their folders are there.
    except (OSError, ValueError, KeyError, AssertionError) as error:
        text = (str(error) or type(error).__name__).splitlines()[0]
        return TrainingImages(frozenset(), text)


def check_image_labels(test_cfg: dict | None, evaluated: Any,
                       trained: TrainingImages) -> bool:
    """Refuse image labels of images that the model was not trained on.

    Args:
        test_cfg (dict, optional): Of the model. Without
            ``use_image_labels=True`` there is nothing to check.
        evaluated (BaseDataset): The data set whose seeds are made.
        trained (TrainingImages): What the model was trained on; a list that
            is not known holds no image.

    Returns:
        bool: Whether image labels of such images will be used, because the
        switch :data:`SWITCH` says so.

    Raises:
        ValueError: They would be used, and the switch is off.
    """
    test_cfg = test_cfg or {}
    if not test_cfg.get('use_image_labels'):
        return False
    files = image_files(evaluated)
    unseen = [path for path in files if path not in trained.files]
    if unseen and not test_cfg.get(SWITCH):
        split = data_facts(evaluated).get('split', 'the evaluated split')
        problem = (f' (training list: {trained.problem})'
                   if trained.problem else '')
        raise ValueError(
            f'model.test_cfg.use_image_labels: expected False on "{split}", '
            f'found True, but {len(unseen)} of its {len(files)} images are '
            f'not in the training data of the config{problem}, the first is '
            f'{unseen[0]}; their labels would tell the model which classes '
            'to find. Add --cfg-options '
            'model.test_cfg.use_image_labels=False, or, where this is what '
            f'you want to measure, model.test_cfg.{SWITCH}=True, which the '
            'result then says.')
    return bool(unseen)


def _listed(source: Any) -> list[str]:
    """List the files of a data set or of its config, built lazily."""
    parts = inner(source)
    if parts:
        return [path for part in parts for path in _listed(part)]
    if isinstance(source, dict):
        cfg = dict(copy.deepcopy(source), pipeline=[], lazy_init=True)
        if cfg.get('aux_maps'):
            cfg['aux_maps'] = None  # may be elsewhere
        return _listed(DATASETS.build(cfg))
    # With `indices`, a part of the list is trained on.
    if isinstance(source, BaseImageLabelDataset) and source._indices is None:
        return _resolved(map(source.image_path, source.ids()))
    if isinstance(source, BaseDataset):
        source.full_init()
    return image_files(source)


def _resolved(paths) -> list[str]:
    folders: dict[str, str] = {}
    resolved = []
    for path in paths:
        folder, name = os.path.split(path)
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        resolved.append(os.path.join(folders[folder], name))
    return resolved
