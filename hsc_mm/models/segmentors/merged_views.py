"""Base of the models that merge the views of an image at test time."""
from abc import abstractmethod

from mmengine.model import BaseTTAModel
from mmseg.structures import SegDataSample
from mmseg.utils import ConfigType, OptConfigType, SampleList

__all__ = ['MergedViews']


class MergedViews(BaseTTAModel):
    """A segmentor, and one sample for all views of an image.

    Args:
        module (dict): Config of the segmentor.
        data_preprocessor (dict, optional): mmengine's runner passes the
            variable of that name in a config, which the module's own may
            differ from: it counts only where the module has none.
    """

    def __init__(self,
                 module: ConfigType,
                 data_preprocessor: OptConfigType = None) -> None:
        if isinstance(module, dict) and module.get('data_preprocessor'):
            data_preprocessor = None
        super().__init__(module, data_preprocessor)

    @abstractmethod
    def merge(self, views: SampleList) -> SegDataSample:
        """Return one sample for the views of an image."""

    def merge_preds(self, data_samples_list: list[SampleList]) -> SampleList:
        """Merge the views of each image.

        Args:
            data_samples_list (list[list[SegDataSample]]): Views of each
                image.

        Returns:
            list[SegDataSample]: One sample for each image.
        """
        return [self.merge(views) for views in data_samples_list]
