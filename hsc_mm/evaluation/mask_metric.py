"""Metric of predicted masks, which can also write them as files."""
from collections.abc import Sequence
from inspect import signature
from pathlib import Path

import numpy as np
from mmengine.logging import print_log
from mmseg.evaluation import IoUMetric

from hsc_mm.datasets.class_names import image_name
from hsc_mm.datasets.mask_checks import check_indices
from hsc_mm.registry import METRICS
from hsc_mm.utils import to_mask_indices, voc_palette, write_index_png
from hsc_mm.utils.numbers import check_finite_maps, check_keys
from hsc_mm.utils.outputs import claim, refuse_data_folder
from .confusion import class_areas, false_pixels

__all__ = ['MaskMetric', 'check_truth', 'write_mask', 'write_seed']

# The base class takes any argument; mmseg's test.py sets keep_results.
_ARGUMENTS = {*signature(IoUMetric).parameters, 'keep_results',
              'collect_dir'} - {'kwargs'}


def write_seed(path: str | Path,
               seed: np.ndarray,
               label_map: dict | None,
               note: str = '') -> None:
    """Write class indices (H, W), 255 = ignored, as a mask of the data set.

    The colours are VOC's; ``label_map`` is followed backwards; ``note`` is
    text beside the pixels.
    """
    write_index_png(path, to_mask_indices(seed, label_map), voc_palette(),
                    note)


def check_truth(sample: dict, all_classes: int, ignore_index: int) -> None:
    """Raise ValueError if the mask of a sample holds what is no class.

    Such pixels would be left out of the areas of its class, and of scores.
    """
    if 'gt_sem_seg' in sample:
        check_indices(
            sample['gt_sem_seg']['data'].cpu().numpy(),
            sample.get('seg_map_path') or sample.get('img_path'),
            all_classes, ignore_index)


def write_mask(folder: str, sample: dict, dataset_meta: dict,
               written: dict[str, str] | None = None) -> None:
    """Write the prediction of a sample as ``<img_id>.png``, in VOC's colours.

    Args:
        folder (str): The folder.
        sample (dict): With ``pred_sem_seg``, ``img_path``, and ``img_id`` if
            the data set has ids.
        dataset_meta (dict): ``label_map`` is followed backwards, so that the
            file holds the indices that the data set's own masks would.
        written (dict, optional): Name -> image of the masks written before;
            grows.

    Raises:
        FileExistsError: The folder is that of the images or masks, or holds
            a file of this name that was not written here.
        ValueError: The id leads out of the folder, or is that of another
            image, which was written before.
    """
    name = image_name(sample)
    path = str(sample.get('img_path'))
    before = {} if written is None else written
    if before.setdefault(name, path) != path:
        raise ValueError(
            f'output_dir {folder}: expected a name of its own for each image, '
            f'found "{name}" for {before[name]} and {path}. Write the masks '
            'of one folder of images at a time, or take a data set whose '
            'samples have img_id, such as hsc_mm.ImageLabelDataset.')
    inputs = [sample.get(k) for k in ('img_path', 'seg_map_path')]
    seed = sample['pred_sem_seg']['data'].squeeze(0).cpu().numpy()
    label_map = dataset_meta.get('label_map')
    if sample.get('reduce_zero_label'):  # read: less 1, then by the map
        seed, label_map = to_mask_indices(seed, label_map) + 1, None
    refuse_data_folder(folder, inputs, 'output_dir', [name])
    path = claim(folder, f'{name}.png', inputs, 'output_dir')
    write_seed(path, seed, label_map)


@METRICS.register_module()
class MaskMetric(IoUMetric):
    """mmseg's :class:`IoUMetric` whose ``output_dir`` keeps ids and colours.

    Files are named ``<img_id>.png`` (sub-folders included) and hold the
    indices of the data set's own masks with VOC's palette. Scores are those
    of the base class; a line before them says what was learned from. Where
    masks of images hold no class, ``false_pixel_rate`` is the share of their
    pixels that are called one, in percent.

    Args:
        supervision (str): What the model was trained on, as results print
            it.
        kwargs: Those of :class:`mmseg.evaluation.IoUMetric`.

    Raises:
        ValueError: An argument is unknown.
    """

    def __init__(self, supervision: str = 'pseudo labels', **kwargs) -> None:
        check_keys(type(self).__name__, kwargs, _ARGUMENTS)
        super().__init__(**kwargs)
        self.supervision = supervision
        self._written: dict[str, str] = {}

    #: Exact counts of large pictures too.
    intersect_and_union = staticmethod(class_areas)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the scores of all images; see the base class."""
        meta = self.dataset_meta or {}
        if not self.format_only:
            print_log(
                f'Masks of {meta.get("split", "a data set")}, {len(results)} '
                f'images; supervision: {self.supervision}', logger='current')
        scores = super().compute_metrics(results)
        # Without a background, index 0 is a class like the others.
        if not self.format_only and not meta.get('reduce_zero_label'):
            wrong, pixels = sum(map(false_pixels, results)).tolist()
            if pixels:
                scores['false_pixel_rate'] = round(100 * wrong / pixels, 2)
        return scores

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Score a batch and write its masks.

        Raises:
            ValueError: See :func:`hsc_mm.utils.numbers.check_finite_maps`,
                :func:`check_truth` and :func:`write_mask`.
        """
        for sample in data_samples:
            if 'seg_logits' in sample:
                check_finite_maps(sample.get('img_path'),
                                  sample['seg_logits']['data'])
            if not self.format_only:
                check_truth(sample, len(self.dataset_meta['classes']),
                            self.ignore_index)
        folder, self.output_dir = self.output_dir, None
        try:
            super().process(data_batch, data_samples)
        finally:
            self.output_dir = folder
        if folder is not None:
            for sample in data_samples:
                write_mask(folder, sample, self.dataset_meta, self._written)
