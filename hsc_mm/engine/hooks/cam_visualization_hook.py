"""Hook that draws CAMs and prototypes at each validation."""
import re
from collections.abc import Callable, Sequence

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.structures import BaseDataElement

from hsc_mm.datasets.class_names import image_name
from hsc_mm.datasets.transforms.load_image import dataset_reader
from hsc_mm.models.contrast import ClassContrast
from hsc_mm.registry import HOOKS
from hsc_mm.utils import read_image, read_json, voc_palette
from hsc_mm.utils.paths import check_name
from hsc_mm.utils.pixels import as_colours
from hsc_mm.visualization import (
    cosine_matrix,
    similarity_figure,
    threshold_curve,
)
from hsc_mm.visualization.pictures import class_colours, png_to_rgb, seed_strip
from ..fitting import bare_model

__all__ = ['CAMVisualizationHook']


@HOOKS.register_module()
class CAMVisualizationHook(Hook):
    """Draw seeds, prototype similarity and threshold curve.

    At validation and test, through the visualiser of the runner, so that
    each of its backends gets the pictures, under these names:

    - ``val_<img_id>``: image | heat map of each present class | prediction |
      ground truth where there is one, of the first images;
    - ``val_similarity``: cosine similarity of the class prototypes, for each
      view, of a model whose contrast has them; classes unseen so far are
      blank;
    - ``val_threshold``: scores over the background threshold, of a
      :class:`hsc_mm.SeedMetric` that has ``out_json``.

    At test they begin with ``test``. A model without CAMs (the second stage)
    gets no heat maps. Only the first rank draws, from its share of the
    images.

    Args:
        num_images (int): How many images of each validation; 0: none.
        interval (int): Draw at every this many validations, beginning with
            the first; a test is always drawn.

    Raises:
        ValueError: ``num_images`` or ``interval`` is out of range.
    """

    priority = 'LOW'

    def __init__(self, num_images: int = 4, interval: int = 1) -> None:
        for name, value, least in (('num_images', num_images, 0),
                                   ('interval', interval, 1)):
            if value < least:
                raise ValueError(f'{name} of CAMVisualizationHook: expected a '
                                 f'number of at least {least}, found {value}.')
        self.num_images = num_images
        self.interval = interval
        self._validations = 0
        self._drawn = 0

    def _before_epoch(self, runner, mode: str = 'train') -> None:
        """Restart the count of images."""
        self._drawn = 0

    def _after_iter(self,
                    runner,
                    batch_idx: int,
                    data_batch=None,
                    outputs: Sequence[BaseDataElement] | None = None,
                    mode: str = 'train') -> None:
        """Draw the samples of a batch, until there are enough."""
        if self._draws(mode):
            self._draw_samples(runner, outputs, mode)

    def _after_epoch(self, runner, mode: str = 'train') -> None:
        """Draw what belongs to the whole validation or test."""
        if self._draws(mode):
            self._draw_figures(runner, mode)
        self._validations += mode == 'val'

    def _draws(self, mode: str) -> bool:
        return mode == 'test' or (
            mode == 'val' and self._validations % self.interval == 0)

    def _draw_samples(self, runner, samples: Sequence[BaseDataElement] | None,
                      mode: str) -> None:
        if not is_main_process():
            return
        for sample in (samples or [])[:self.num_images - self._drawn]:
            # A backend makes a file of the name: no folders.
            name = check_name(re.sub(
                r'[\\/]', '_', f'{mode}_{image_name(sample.metainfo)}'))
            dataset = _loop(runner, mode).dataloader.dataset
            strip = draw_sample(sample, dataset.metainfo,
                                dataset_reader(dataset))
            runner.visualizer.add_image(name, strip, runner.iter)
            self._drawn += 1

    def _draw_figures(self, runner, mode: str) -> None:
        if not is_main_process():
            return
        loop = _loop(runner, mode)
        classes = list(loop.dataloader.dataset.metainfo['classes'])
        figures = dict(similarity=draw_similarity(runner.model, classes),
                       threshold=_draw_curve(loop.evaluator.metrics))
        for name, picture in figures.items():
            if picture is not None:
                runner.visualizer.add_image(f'{mode}_{name}', picture,
                                            runner.iter)


def _loop(runner, mode: str):
    return runner.val_loop if mode == 'val' else runner.test_loop


def draw_sample(sample: BaseDataElement, meta: dict,
                read: Callable[[str], np.ndarray] = read_image) -> np.ndarray:
    """Draw a prediction; see :func:`hsc_mm.visualization.pictures.seed_strip`.

    Of a CAM stage the sample has ``seg_logits``, see
    :meth:`hsc_mm.models.CAMSegmentor.finish`; ``meta`` has ``classes``, and
    ``palette`` if not VOC's; ``read`` reads the image file.
    """
    image = as_colours(read(sample.metainfo['img_path']))[..., ::-1]
    seed = sample.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)
    cam, names = np.zeros((0, *seed.shape)), []
    if 'bg_threshold' in sample.metainfo:  # scores of others are no CAMs
        maps = sample.seg_logits.data[1:].detach().float().cpu().numpy()
        present = maps.any(axis=(1, 2))
        if sample.metainfo.get('use_image_labels') and 'gt_label' in sample:
            present |= sample.gt_label.cpu().numpy() > 0
        cam = maps[present]
        names = np.array(meta['classes'])[1:][present].tolist()
    truth = None
    if 'gt_sem_seg' in sample:
        truth = sample.gt_sem_seg.data[0].cpu().numpy().astype(np.uint8)
    colours = meta.get('palette') or voc_palette()[:len(meta['classes'])]
    palette = class_colours(dict(classes=meta['classes'], palette=colours))
    return seed_strip(
        np.ascontiguousarray(image), cam, names, seed, palette, truth)


def draw_similarity(model, classes: list[str]) -> np.ndarray | None:
    """Draw :func:`prototype_matrices`; None where there are none."""
    matrices = prototype_matrices(model)
    return matrices and png_to_rgb(
        similarity_figure(matrices, classes, 'class prototypes'))


def prototype_matrices(model) -> dict[str, np.ndarray] | None:
    """Compute how alike the class prototypes of a model are, in each view.

    None of a model without any, or whose prototypes have seen nothing yet.
    """
    for module in bare_model(model).modules():
        if isinstance(module, ClassContrast):
            banks = module.bank
            break
    else:
        return None
    if not any(bank.seen.any() for bank in banks):
        return None
    return {
        f'view {number}': cosine_matrix(bank.rows.float().cpu().numpy(),
                                        bank.seen.cpu().numpy())
        for number, bank in enumerate(banks, 1)
    }


def _draw_curve(metrics: Sequence) -> np.ndarray | None:
    """Draw the curve that a metric has just written, if one has."""
    for metric in metrics:
        path = getattr(metric, 'out_json', None)
        if path and not getattr(metric, 'format_only', False):
            report = read_json(path)
            if report['own']['mIoU'] is not None:
                return png_to_rgb(threshold_curve(report))
    return None
