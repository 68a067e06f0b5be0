"""Hook that draws predictions on pictures, read as the data set reads them."""
import re
import warnings
from collections import Counter
from collections.abc import Sequence

import numpy as np
from mmseg.engine import SegVisualizationHook
from mmseg.structures import SegDataSample

from hsc_mm.datasets.class_names import image_name
from hsc_mm.datasets.transforms.load_image import dataset_reader
from hsc_mm.registry import HOOKS
from hsc_mm.utils.pixels import as_colours

__all__ = ['PredictionVisualizationHook']


@HOOKS.register_module()
class PredictionVisualizationHook(SegVisualizationHook):
    """Draw the prediction of each picture of a test.

    mmseg's hook reads the files by itself, which fails for pictures of floats
    and shows those of 12 bits in black. The names are ``test_<img_id>_0``,
    with 1, 2 and so on where pictures of a test share one, so that a second
    test draws over the first. Of a wrapped data set the first part says how
    files are read.

    Args:
        args, kwargs: Those of mmseg's ``SegVisualizationHook``: ``draw``,
            ``interval``, ``show`` and ``wait_time``.
    """

    def __init__(self, *args, **kwargs) -> None:
        with warnings.catch_warnings():  # a training draws nothing: no news
            warnings.filterwarnings('ignore', 'The draw is False')
            super().__init__(*args, **kwargs)
        self._seen: Counter = Counter()

    def before_test(self, runner) -> None:
        """Say that one process of several draws its share."""
        self._seen.clear()
        if self.draw and runner.world_size > 1:
            runner.logger.warning(
                f'the first of {runner.world_size} processes draws the '
                'pictures of its share alone. Test in one process to have '
                'all of them.')

    def after_val_iter(self, runner, batch_idx: int, data_batch=None,
                       outputs: Sequence[SegDataSample] = ()) -> None:
        """Draw the first picture of a batch, at each ``interval``."""
        step = runner.iter + batch_idx
        if self.draw and step % self.interval == 0:
            self._draw(runner.val_dataloader.dataset, outputs[0], 'val', step)

    def after_test_iter(self, runner, batch_idx: int, data_batch=None,
                        outputs: Sequence[SegDataSample] = ()) -> None:
        """Draw all pictures of a batch."""
        for sample in outputs if self.draw else ():
            self._draw(runner.test_dataloader.dataset, sample, 'test')

    def _draw(self, dataset, sample: SegDataSample, mode: str,
              step: int | None = None) -> None:
        image = dataset_reader(dataset)(sample.metainfo['img_path'])
        # A backend makes a file of the name: no folders.
        name = re.sub(r'[\\/]', '_', image_name(sample.metainfo))
        if step is None:
            step = self._seen[name]
            self._seen[name] += 1
        self._visualizer.add_datasample(
            f'{mode}_{name}',
            np.ascontiguousarray(as_colours(image)[..., ::-1]),
            data_sample=sample,
            show=self.show,
            wait_time=self.wait_time,
            step=step)
