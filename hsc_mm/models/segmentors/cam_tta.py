"""Multi-scale and flip at test time, image labels kept."""
from functools import reduce

from mmseg.structures import SegDataSample
from mmseg.utils import ConfigType, OptConfigType, SampleList

from hsc_mm.registry import MODELS
from .merged_views import MergedViews

__all__ = ['CAMTTAModel']


@MODELS.register_module()
class CAMTTAModel(MergedViews):
    """Sum activations over scales and flips, then make the seed.

    The sum comes before the normalisation of each class, as in the
    inference of SEAM and HSC; similarities to prototypes are averaged.
    Everything else of a sample (labels, ground truth, metainfo) stays that
    of the first view.

    Args:
        module (dict): Config of a segmentor whose ``predict`` returns seeds,
            see :class:`hsc_mm.models.segmentors.CAMPredictor`.
        data_preprocessor (dict, optional): See :class:`.MergedViews`.

    Raises:
        ValueError: The module predicts something else.
    """

    def __init__(self,
                 module: ConfigType,
                 data_preprocessor: OptConfigType = None) -> None:
        super().__init__(module, data_preprocessor)
        if not getattr(self.module, 'predicts_seeds', False):
            raise ValueError(
                'module of CAMTTAModel: expected a segmentor with '
                'predicts_seeds=True such as hsc_mm.CAMSegmentor, found '
                f'{type(self.module).__name__}. hsc_mm.SegTTAModel merges '
                'masks.')

    def test_step(self, data: dict | list) -> SampleList:
        """Predict views one after the other, of which the sums are kept.

        A view has the size of the image in each of its maps: all of them at
        once take gigabytes where the image has many megapixels.

        Args:
            data (dict | list): Views of a batch, as the data loader has them.

        Returns:
            list[SegDataSample]: One sample for each image.
        """
        if isinstance(data, dict):
            count = len(next(iter(data.values())))
            views = ({k: v[i] for k, v in data.items()} for i in range(count))
        else:
            count = len(data[0])
            views = ([one[i] for one in data] for i in range(count))
        merged = self.module.test_step(next(views))
        for view in views:
            found = self.module.test_step(view)
            merged = [_add(*pair) for pair in zip(merged, found, strict=True)]
        return [self._finish(sample, count) for sample in merged]

    def merge(self, views: SampleList) -> SegDataSample:
        """Sum the activations of the views and make the seed."""
        return self._finish(reduce(_add, views), len(views))

    def _finish(self, sample: SegDataSample, count: int) -> SegDataSample:
        sample.cls_scores = sample.cls_scores / count
        sample.activation.data[len(sample.cls_scores):] /= count  # similarity
        self.module.finish(sample, count)
        return sample


def _add(first: SegDataSample, other: SegDataSample) -> SegDataSample:
    """Add the maps and scores of a view to those of the first, in place."""
    first.activation.data += other.activation.data
    first.cls_scores = first.cls_scores + other.cls_scores
    return first
