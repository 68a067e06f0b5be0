"""mmseg's IoU metric, with masks written as VOC's are."""
from collections.abc import Sequence

from mmseg.evaluation import IoUMetric

from hsc_mm.registry import METRICS
from .mask_files import write_mask

__all__ = ['MaskMetric']


@METRICS.register_module()
class MaskMetric(IoUMetric):
    """mmseg's :class:`IoUMetric` whose ``output_dir`` keeps ids and colours.

    Files are named ``<img_id>.png`` (sub-folders included) and hold the
    indices of the data set's own masks with VOC's palette. Scores are those
    of the base class.

    Args:
        kwargs: Those of :class:`mmseg.evaluation.IoUMetric`.
    """

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Score a batch and write its masks."""
        folder, self.output_dir = self.output_dir, None
        try:
            super().process(data_batch, data_samples)
        finally:
            self.output_dir = folder
        if folder is not None:
            for sample in data_samples:
                write_mask(folder, sample, self.dataset_meta)
