"""Multi-scale and flip at test time, image labels kept."""
from mmengine.model import BaseTTAModel
from mmengine.structures import PixelData
from mmseg.utils import ConfigType, OptConfigType, SampleList

from hsc_mm.registry import MODELS

__all__ = ['CAMTTAModel']


@MODELS.register_module()
class CAMTTAModel(BaseTTAModel):
    """Sum activations over scales and flips, then make the seed.

    The sum comes before the normalisation of each class, as in the
    inference of SEAM and HSC. Everything else of a sample (labels,
    ground truth, metainfo) stays that of the first view.

    Args:
        module (dict): Config of a segmentor whose ``predict`` returns seeds,
            see :class:`hsc_mm.models.segmentors.CAMPredictor`.
        data_preprocessor (dict, optional): mmengine's runner passes the
            variable of that name in a config, which the model's own may
            differ from: it counts only where the model has none.

    Raises:
        ValueError: The module predicts something else.
    """

    def __init__(self,
                 module: ConfigType,
                 data_preprocessor: OptConfigType = None) -> None:
        if isinstance(module, dict) and module.get('data_preprocessor'):
            data_preprocessor = None
        super().__init__(module, data_preprocessor)
        if not getattr(self.module, 'predicts_seeds', False):
            raise ValueError(
                'module of CAMTTAModel: expected a segmentor with '
                'predicts_seeds=True such as hsc_mm.CAMSegmentor, found '
                f'{type(self.module).__name__}. SegTTAModel merges masks.')

    def merge_preds(self, data_samples_list: list[SampleList]) -> SampleList:
        """Merge the views of each image.

        Args:
            data_samples_list (list[list[SegDataSample]]): Views of each
                image.

        Returns:
            list[SegDataSample]: One sample for each image.
        """
        return [self._merge(views) for views in data_samples_list]

    def _merge(self, views: SampleList):
        merged = views[0]
        activation = sum(view.activation.data for view in views)
        merged.set_data(
            dict(
                activation=PixelData(data=activation),
                cls_scores=sum(v.cls_scores for v in views) / len(views)))
        self.module.finish(merged, len(views))
        return merged
