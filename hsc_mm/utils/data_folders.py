"""Folders of data, which are refused as folders of outputs."""
import os
from collections.abc import Mapping
from pathlib import Path

from .wrappers import split_datasets

__all__ = [
    'refuse_below', 'refuse_data_of', 'refuse_folder_of_config',
    'refuse_folder_of_data'
]

# The data root, and what a data set in VOC layout does not name.
_VOC = ('', 'JPEGImages', 'Annotations', 'ImageSets/Segmentation')


def refuse_folder_of_config(work_dir: str | Path, config: str | None) -> None:
    """Refuse the folder of a config as its work folder.

    A run writes all of its settings there under the name of the config.

    Raises:
        ValueError: It is that folder.
    """
    if not config:
        return
    own = os.path.join(work_dir, os.path.basename(config))
    if os.path.exists(own) and os.path.exists(config) and \
            os.path.samefile(own, config):
        raise ValueError(
            f'work_dir {work_dir}: expected another folder than that of the '
            f'config: a run writes all of its settings to {config}. Name one '
            'by --work-dir.')


def refuse_data_of(cfg: Mapping,
                   folder: str | Path | None,
                   option: str = 'work_dir',
                   one_file: bool = False) -> None:
    """Refuse a folder of any split; see :func:`refuse_folder_of_data`."""
    for _, dataset in split_datasets(cfg) if folder else ():
        refuse_folder_of_data(folder, dataset, option, one_file)


def refuse_folder_of_data(work_dir: str | Path,
                          dataset: Mapping,
                          option: str = 'work_dir',
                          one_file: bool = False) -> None:
    """Refuse a folder of images, masks or maps as one of outputs.

    A run would leave its files among them, and in a folder of class folders
    those of a run look like a class.

    Args:
        work_dir (str | Path): The folder of outputs.
        dataset (Mapping): Config of a data set.
        option (str): What messages call the folder.
        one_file (bool): Whether a single file goes there, which does no harm
            beside folders of data.

    Raises:
        ValueError: It is such a folder, or lies among the class folders.
    """
    root = str(dataset.get('data_root') or '')
    labels = os.path.join(root, str(dataset.get('label_file') or ''))
    home = os.path.realpath(work_dir)
    maps = dataset.get('aux_maps') or {}
    named = [*(dataset.get('data_prefix') or {}).values(),
             *(one.get('path') for one in maps.values()
               if isinstance(one, Mapping))]
    folders = [os.path.join(root, one) for one in named
               if isinstance(one, str) and one]
    folders += [os.path.join(root, one) for one in _VOC[one_file:] if root]
    if any(os.path.realpath(one) == home for one in folders) or (
            dataset.get('label_file') and os.path.isdir(labels)
            and Path(home).is_relative_to(os.path.realpath(labels))):
        raise ValueError(
            f'{option} {work_dir}: expected another folder than one of the '
            'data (images, masks, maps). Name another one'
            f'{" by --work-dir" * (option == "work_dir")}.')


def refuse_below(pictures: str | Path, folder: str | Path | None,
                 option: str) -> None:
    """Refuse a folder that is one of pictures, or lies in it.

    What is in a folder of class folders is a class at the next reading.

    Raises:
        ValueError: It does; ``option`` is what messages call it.
    """
    if folder and os.path.isdir(pictures) and Path(os.path.realpath(
            folder)).is_relative_to(os.path.realpath(pictures)):
        raise ValueError(
            f'{option} {folder}: expected a folder outside of {pictures}, '
            'found one in it, where it would be taken for one of pictures. '
            'Name one beside it.')
