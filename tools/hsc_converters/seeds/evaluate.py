"""Evaluation of imported seeds, in the form of :class:`hsc_mm.SeedMetric`."""
from io import StringIO
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.build import build_split
from hsc_mm.datasets.checks import missing_files
from hsc_mm.evaluation.confusion import GRID
from hsc_mm.evaluation.counts import SeedCounts
from hsc_mm.evaluation.folder import ground_truth, score_folder
from hsc_mm.evaluation.report import seed_report, seed_tables
from hsc_mm.pseudo_labels.files import read_soft_cam
from hsc_mm.pseudo_labels.origins import refuse_other_images
from hsc_mm.utils.alike import missing_example

__all__ = ['evaluate_seeds', 'evaluate_soft_folder']


def evaluate_seeds(cfg: Config,
                   folder: str | Path,
                   split: str,
                   kind: str,
                   threshold: float,
                   supervision: str,
                   check_origin: bool = True) -> tuple[dict, str]:
    """Evaluate the seeds of a folder on the masks of a split.

    Args:
        cfg (Config): Its ``<split>_dataloader`` has the masks.
        folder (str | Path): With a seed for each image of the split.
        split (str): ``'train'``, ``'val'`` or ``'test'``.
        kind (str): ``'soft'`` or ``'hard'``.
        threshold (float): Of soft seeds, fixed before.
        supervision (str): What the method was trained from.
        check_origin (bool): Whether seeds of other images are refused.

    Returns:
        tuple[dict, str]: Of :func:`evaluate_soft_folder` or
        :func:`hsc_mm.evaluation.folder.score_folder`; and a table.

    Raises:
        ValueError: The split has no masks, or an image no seed, or that of
            another image of its id.
    """
    dataset = build_split(cfg, split, masks=True)
    suffix = '.npz' if kind == 'soft' else '.png'
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    missing = missing_files(
        f'{folder}/{info["img_id"]}{suffix}' for info in infos)
    if missing:
        raise ValueError(
            f'--evaluate {split}: expected the seeds of its {len(infos)} '
            f'images in {folder}, {len(missing)} are missing, such as '
            f'{missing_example(missing)}. A score without them would not '
            'compare.')
    if check_origin:
        refuse_other_images(folder, infos, suffix)
    if kind == 'soft':
        found = evaluate_soft_folder(folder, dataset, threshold, supervision)
        return found, seed_tables(found).replace(
            'the classifier chose the classes', 'the files chose the classes')
    found = score_folder(str(folder), dataset)
    text = _hard_table(found, supervision)
    return dict(found, supervision=supervision), text


def evaluate_soft_folder(folder: str | Path,
                         dataset: BaseImageLabelDataset,
                         own: float,
                         supervision: str) -> dict:
    """Score soft seeds at the thresholds 0.01, 0.02, ... 0.99, in one pass.

    Args:
        folder (str | Path): With ``<img_id>.npz``.
        dataset (BaseImageLabelDataset): With masks.
        own (float): The threshold that was fixed before.
        supervision (str): What the method was trained from.

    Returns:
        dict: See :func:`hsc_mm.evaluation.report.seed_report`, with
        ``facts`` and ``classes``. Who chose the classes and how many views
        there were is not known of files.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is broken or of another size than its mask.
    """
    classes = list(dataset.metainfo['classes'])
    grid = torch.tensor(sorted({*GRID, own}), dtype=torch.float32)
    counts = SeedCounts(grid, dataset.ignore_index)
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        path = Path(folder) / f'{info["img_id"]}.npz'
        cam, indices = read_soft_cam(path)
        dense = _dense_cam(cam, indices, len(classes), info['label_map'])
        try:
            counts.add(torch.from_numpy(dense),
                       torch.from_numpy(ground_truth(info)))
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from error
    report = seed_report(counts, own)
    report['facts'] = dict(
        split=dataset.split,
        images=len(dataset),
        views='unknown',
        used_image_labels=None,
        supervision=supervision)
    report['classes'] = classes
    return report


def _hard_table(found: dict, supervision: str) -> str:
    """Write the score of hard seeds as text."""
    table = Table('class', 'IoU')
    for name, value in zip(found['classes'], found['iou'], strict=True):
        table.add_row(escape(name), '-' if value is None else f'{value:.2f}')
    table.add_section()
    table.add_row('mean', f'{found["mIoU"]:.2f}')
    text = StringIO()
    Console(file=text, width=79).print(table)
    return (f'Seeds on {found["split"]}, {found["images"]} images; the files '
            f'chose the classes; supervision: {supervision}\n'
            f'mIoU {found["mIoU"]:.2f} (thresholds were applied before)\n'
            f'{text.getvalue()}')


def _dense_cam(cam: np.ndarray, classes: np.ndarray, num_classes: int,
               label_map: dict | None) -> np.ndarray:
    """Give each foreground class its map, absent ones zeros.

    Args:
        cam (np.ndarray): (k, H, W).
        classes (np.ndarray): Mask indices, (k,).
        num_classes (int): C, background included.
        label_map (dict, optional): Of the data set.

    Returns:
        np.ndarray: (K, H, W) float32. Classes that are not in use are left
        out.
    """
    dense = np.zeros((num_classes - 1, *cam.shape[1:]), np.float32)
    for one, mask_index in zip(cam, classes.tolist(), strict=True):
        index = (label_map or {}).get(mask_index, mask_index)
        if 0 < index < num_classes:
            dense[index - 1] = one
    return dense
