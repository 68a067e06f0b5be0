"""Scores of imported seeds, in the form of :class:`hsc_mm.SeedMetric`."""
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.evaluation.confusion import seed_histogram, sweep_scores
from hsc_mm.evaluation.folder import ground_truth
from hsc_mm.evaluation.report import seed_report
from hsc_mm.pseudo_labels.files import read_soft_cam
from .soft import dense_cam

__all__ = ['hard_table', 'score_soft_folder']


def score_soft_folder(folder: str | Path,
                      dataset: BaseImageLabelDataset,
                      own: float,
                      supervision: str,
                      thresholds: Sequence[float] | None = None) -> dict:
    """Score soft seeds at a grid of thresholds, in one pass.

    Args:
        folder (str | Path): With ``<img_id>.npz``.
        dataset (BaseImageLabelDataset): With masks.
        own (float): The threshold that was fixed before.
        supervision (str): What the method was trained from.
        thresholds (sequence[float], optional): The grid, in [0, 1]; default
            0.01, 0.02, ... 0.99.

    Returns:
        dict: See :func:`hsc_mm.evaluation.report.seed_report`, with
        ``facts`` and ``classes``. Who chose the classes and how many views
        there were is not known of files.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is broken or of another size than its mask.
    """
    classes = list(dataset.metainfo['classes'])
    grid = torch.tensor(
        sorted({*(thresholds or [i / 100 for i in range(1, 100)]), own}),
        dtype=torch.float32)
    histogram = 0
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        path = Path(folder) / f'{info["img_id"]}.npz'
        cam, indices = read_soft_cam(path)
        dense = dense_cam(cam, indices, len(classes), info['label_map'])
        try:
            histogram = histogram + seed_histogram(
                torch.from_numpy(dense), torch.from_numpy(ground_truth(info)),
                grid, dataset.ignore_index)
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from error
    report = seed_report(
        sweep_scores(histogram), grid, own, mean_ap=float('nan'))
    report['facts'] = dict(
        split=dataset.split,
        images=len(dataset),
        views='unknown',
        used_image_labels=None,
        supervision=supervision)
    report['classes'] = classes
    return report


def hard_table(found: dict, supervision: str) -> str:
    """Write the score of hard seeds as text.

    Args:
        found (dict): Of :func:`hsc_mm.evaluation.folder.score_folder`.
        supervision (str): What the method was trained from.

    Returns:
        str: Several lines.
    """
    table = Table('class', 'IoU')
    for name, value in zip(found['classes'], found['iou'], strict=True):
        table.add_row(name, '-' if value is None else f'{value:.2f}')
    table.add_section()
    table.add_row('mean', f'{found["mIoU"]:.2f}')
    text = StringIO()
    Console(file=text, width=79).print(table)
    return (f'Seeds on {found["split"]}, {found["images"]} images; the files '
            f'chose the classes; supervision: {supervision}\n'
            f'mIoU {found["mIoU"]:.2f} (thresholds were applied before)\n'
            f'{text.getvalue()}')
