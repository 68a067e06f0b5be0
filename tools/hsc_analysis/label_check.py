"""Image labels that a trained classifier contradicts."""
import copy
import csv
import io
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from mmengine.config import Config

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.build import split_options
from hsc_mm.datasets.transforms.load_image import dataset_reader
from hsc_mm.evaluation.leak_guard import image_files, training_images
from hsc_mm.inference import seeds
from hsc_mm.pseudo_labels.cams import MultiScaleCAM, iterate_cams
from hsc_mm.pseudo_labels.views import Failure, view_loader
from hsc_mm.utils.pixels import as_rgb
from hsc_mm.visualization import stack_rows, titled_strip

__all__ = ['Suspect', 'class_scores', 'draw', 'find_suspects', 'table']


class Suspect(NamedTuple):
    """A label that is likely wrong.

    Attributes:
        index (int): Place of the image in the data set.
        name (int): Class, from 0 without the background.
        labelled (bool): Whether the image has the label.
        probability (float): Of the class, by the classifier.
    """
    index: int
    name: int
    labelled: bool
    probability: float

    @property
    def doubt(self) -> float:
        """float: One minus the probability of the label as it is."""
        return 1 - self.probability if self.labelled else self.probability


def find_suspects(scores: np.ndarray, labels: np.ndarray) -> list[Suspect]:
    r"""Find labels by confident learning, for each class by itself.

    With the mean probabilities of the images that have the label,
    :math:`t_1 = \overline{p}`, and of the others, :math:`t_0 = \overline{1 -
    p}`, an image counts as one of the class where :math:`p \ge t_1`, and as
    none where :math:`1 - p \ge t_0`; where both hold, the more probable one
    counts. Labels that say the contrary are suspects (the off-diagonal of
    the confident joint; Northcutt, Jiang and Chuang, Confident learning,
    JAIR 70, 2021).

    Args:
        scores (np.ndarray): Probabilities p, (N, K).
        labels (np.ndarray): Image labels, (N, K), 0 or 1.

    Returns:
        list[Suspect]: The most doubtful first. Classes that all images or
        none have are left out.
    """
    labels = np.asarray(labels, dtype=bool)
    found = []
    for name in range(labels.shape[1]):
        p, has = scores[:, name], labels[:, name]
        if has.all() or not has.any():
            continue
        present = p >= p[has].mean()
        absent = (1 - p) >= (1 - p)[~has].mean()
        both = present & absent
        present, absent = present & ~(both & (p < 0.5)), absent & ~(
            both & (p >= 0.5))
        found += [
            Suspect(int(i), name, bool(has[i]), float(p[i]))
            for i in np.flatnonzero(np.where(has, absent, present))
        ]
    return sorted(found, key=lambda one: (-one.doubt, one.index, one.name))


def class_scores(cfg: Config, checkpoint: str, split: str,
                 listed: str | None = None, workers: int = 2,
                 device: str = 'cpu'
                 ) -> tuple[BaseImageLabelDataset, np.ndarray, list[bool]]:
    """Compute the probabilities of the images of a split.

    Args:
        cfg (Config): Of the CAM stage, after :func:`hsc_mm.inference.use_tta`
            or before.
        checkpoint (str): Of its model.
        split (str): ``'train'``, ``'val'`` or ``'test'``.
        listed (str, optional): List of the images instead of that of the
            split.
        workers (int): Processes that read images.
        device (str): Where the network runs.

    Returns:
        tuple: Data set, probabilities (N, K), and of each image whether the
        model was trained on it.

    Raises:
        ValueError: The images have no labels, or one cannot be read.
    """
    loader = cfg.get('train_dataloader') or {}
    trained = training_images(loader.get('dataset')).files
    if listed:
        cfg = copy.deepcopy(cfg)
        split_options(cfg, split).ann_file = os.path.abspath(listed)
    # Scores do not depend on the labels, whatever chooses the CAMs.
    dataset = seeds.seed_dataset(cfg, split, guard=False)
    if not len(dataset) or 'gt_label' not in dataset.get_data_info(0):
        raise ValueError(f'--split {split}: expected images with labels, '
                         'found none. Set with_labels=True and label_file of '
                         'its data set.')
    loader, pipeline = view_loader(
        dataset, cfg, [[i] for i in range(len(dataset))], workers)
    model = seeds.build_model(cfg, checkpoint, device,
                              dataset.metainfo['classes'])
    scores = np.zeros((len(dataset), len(dataset.foreground)))
    places = {dataset.get_data_info(i)['img_id']: i
              for i in range(len(dataset))}
    for soft in iterate_cams(MultiScaleCAM(model, pipeline.flips), loader):
        if isinstance(soft, Failure):
            raise ValueError(f'{soft.img_id}: {soft.reason}')
        scores[places[soft.img_id]] = soft.scores
    return dataset, scores, [path in trained for path in image_files(dataset)]


def table(suspects: Sequence[Suspect], dataset: BaseImageLabelDataset,
          trained: Sequence[bool]) -> str:
    """Write suspects as CSV, with what to do and whether it was trained on."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(['rank', 'image', 'class', 'labelled', 'suggestion',
                     'probability', 'trained_on'])
    for rank, one in enumerate(suspects, start=1):
        writer.writerow([
            rank, dataset.get_data_info(one.index)['img_id'],
            dataset.foreground[one.name], int(one.labelled),
            'remove' if one.labelled else 'add', f'{one.probability:.4f}',
            int(trained[one.index])
        ])
    return text.getvalue()


def draw(suspects: Sequence[Suspect], dataset: BaseImageLabelDataset,
         columns: int = 4, height: int = 160) -> np.ndarray:
    """Draw the images of suspects, (H, W, 3) uint8 RGB.

    Raises:
        ValueError: There is none.
    """
    rows, read = [], dataset_reader(dataset)
    for rank, one in enumerate(suspects, start=1):
        info = dataset.get_data_info(one.index)
        image = as_rgb(read(info['img_path']))
        verb = 'not' if one.labelled else 'add'
        rows.append((f'{rank}: {info["img_id"]}', titled_strip(
            [(f'{verb} {dataset.foreground[one.name]}? p '
              f'{one.probability:.2f}', image)], height)))
    return stack_rows(rows, columns)
