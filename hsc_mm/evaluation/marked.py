"""Shares of pixels that masks give to classes, told without ground truth."""
import os
from collections.abc import Mapping

import numpy as np

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.class_names import name_key
from hsc_mm.utils import read_index_png, to_classes
from hsc_mm.utils.pool import map_threads

__all__ = ['class_shares', 'unlabelled_classes', 'unlearned_classes']

#: A segmentor that marks less than this part of what its labels mark has
#: learned the background.
_PART = 0.1


def class_shares(folder: str, dataset: BaseImageLabelDataset) -> dict:
    """Count the pixels of each class in the masks of a folder.

    Args:
        folder (str): With ``<img_id>.png``, holding the indices of the data
            set's masks. Images without a file are left out.
        dataset (BaseImageLabelDataset): Whose images they are.

    Returns:
        dict: Class -> percent of the pixels that have a label, background
        first; empty where there is no such pixel.

    Raises:
        ValueError: A file is broken, or holds an unknown index.
    """
    classes = dataset.metainfo['classes']

    def count(index: int) -> np.ndarray:
        info = dataset.get_data_info(index)
        path = os.path.join(folder, f'{info["img_id"]}.png')
        if not os.path.isfile(path):
            return np.zeros(len(classes), dtype=np.int64)
        mask = to_classes(read_index_png(path), info['label_map'])
        return np.bincount(mask.ravel(), minlength=256)[:len(classes)]

    total = sum(map_threads(count, range(len(dataset))))
    if not np.any(total):
        return {}
    return dict(zip(classes, (100 * total / total.sum()).tolist(),
                    strict=True))


def unlabelled_classes(shares: Mapping[str, float],
                       dataset: BaseImageLabelDataset) -> list[str]:
    """Return a warning if image labels name classes that no mask shows.

    Spellings of one name are the same class.

    Args:
        shares (mapping[str, float]): Of pseudo labels, by
            :func:`class_shares`.
        dataset (BaseImageLabelDataset): Their images, with image labels.
    """
    count = sum(dataset.get_data_info(i)['gt_label']
                for i in range(len(dataset)))
    keyed = {name_key(name): share for name, share in shares.items()}
    lost = [f'{name} (in {n:.0f} images)'
            for name, n in zip(dataset.foreground, count, strict=True)
            if n and keyed and not keyed[name_key(name)]]
    return [f'no pseudo label shows {", ".join(lost)}. Look at their pictures '
            'in the report; a lower --threshold marks more.'] if lost else []


def unlearned_classes(shares: Mapping[str, float],
                      labels: Mapping[str, float]) -> list[str]:
    """Return warnings if a segmentor marks much less than its labels.

    Spellings of one name are the same class. Classes that one of the two
    stages does not have are background to the other, and do not count.

    Args:
        shares (mapping[str, float]): Of its predictions, by
            :func:`class_shares`.
        labels (mapping[str, float]): Of the pseudo labels.
    """
    if not shares or not labels:
        return []
    remedy = ('Look at the pseudo labels in the report; if they are good, '
              'train longer (train_cfg.max_iters).')
    keyed = {name_key(name): share for name, share in shares.items()}
    names = [name for name in list(labels)[1:] if name_key(name) in keyed]
    marked = sum(keyed[name_key(name)] for name in names)
    wanted = sum(labels[name] for name in names)
    if marked < _PART * wanted:
        return [f'predictions mark {marked:.2g} % of the pixels, pseudo '
                f'labels {wanted:.2g} %. {remedy}']
    lost = [name for name in names
            if labels[name] and not keyed[name_key(name)]]
    return [f'no prediction shows {", ".join(lost)}, as pseudo labels do. '
            f'{remedy}'] if lost else []
