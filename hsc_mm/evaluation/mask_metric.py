"""mmseg's IoU metric, with masks written as VOC's are."""
from collections.abc import Sequence

from mmengine.logging import print_log
from mmseg.evaluation import IoUMetric

from hsc_mm.registry import METRICS
from .mask_files import write_mask

__all__ = ['MaskMetric']


@METRICS.register_module()
class MaskMetric(IoUMetric):
    """mmseg's :class:`IoUMetric` whose ``output_dir`` keeps ids and colours.

    Files are named ``<img_id>.png`` (sub-folders included) and hold the
    indices of the data set's own masks with VOC's palette. Scores are those
    of the base class; a line before them says what was learned from.

    Args:
        supervision (str): What the model was trained on, as results print
            it.
        kwargs: Those of :class:`mmseg.evaluation.IoUMetric`.
    """

    def __init__(self, supervision: str = 'pseudo labels', **kwargs) -> None:
        super().__init__(**kwargs)
        self.supervision = supervision

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the scores of all images; see the base class."""
        meta = self.dataset_meta or {}
        if not self.format_only:
            print_log(
                f'Masks of {meta.get("split", "a data set")}, {len(results)} '
                f'images; supervision: {self.supervision}', logger='current')
        return super().compute_metrics(results)

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
