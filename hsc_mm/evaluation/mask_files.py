"""Predicted masks as files that look like the masks of a data set."""
import os
from pathlib import Path

import numpy as np

from hsc_mm.utils import to_mask_indices, voc_palette, write_index_png
from hsc_mm.utils.outputs import claim, refuse_data_folder

__all__ = ['write_mask', 'write_seed']


def write_seed(path: str | Path, seed: np.ndarray,
               label_map: dict | None) -> None:
    """Write class indices as a mask of the data set, in VOC's colours.

    Args:
        path (str | Path): The PNG, whole or not at all.
        seed (np.ndarray): Class indices, (H, W), 255 = ignored.
        label_map (dict, optional): Of the data set, followed backwards.
    """
    write_index_png(path, to_mask_indices(seed, label_map), voc_palette())


def write_mask(folder: str, sample: dict, dataset_meta: dict) -> None:
    """Write the prediction of a sample as ``<img_id>.png``, in VOC's colours.

    Args:
        folder (str): The folder.
        sample (dict): With ``pred_sem_seg``, ``img_path``, and ``img_id`` if
            the data set has ids.
        dataset_meta (dict): ``label_map`` is followed backwards, so that the
            file holds the indices that the data set's own masks would.

    Raises:
        FileExistsError: The folder is that of the images or masks, or holds
            a file of this name that was not written here.
        ValueError: The id leads out of the folder.
    """
    name = sample.get('img_id')
    if name is None:
        name = os.path.splitext(os.path.basename(sample['img_path']))[0]
    inputs = [sample.get(k) for k in ('img_path', 'seg_map_path')]
    seed = sample['pred_sem_seg']['data'].squeeze(0).cpu().numpy()
    if sample.get('reduce_zero_label'):  # the masks begin at 1
        seed = seed + 1
    refuse_data_folder(folder, inputs, 'output_dir')
    path = claim(folder, f'{name}.png', inputs, 'output_dir')
    write_seed(path, seed, dataset_meta.get('label_map'))
