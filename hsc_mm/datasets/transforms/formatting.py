"""Packing of image labels and saliency into a data sample."""
import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs

from hsc_mm.registry import TRANSFORMS

__all__ = ['PackImageLabelInputs']


@TRANSFORMS.register_module()
class PackImageLabelInputs(PackSegInputs):
    """mmseg's packing, with image labels and saliency.

    Required keys: those of :class:`mmseg.datasets.PackSegInputs`; taken
    along when there: ``gt_label`` (K,) multi-hot, ``gt_saliency_map`` (H, W)
    uint8.

    The sample gets ``gt_label``, a float tensor of shape (K,) over the
    foreground classes, their number as ``num_labels`` of the metainfo,
    and ``gt_saliency``, PixelData of shape (1, H, W) in [0, 1].

    Args:
        meta_keys (sequence[str]): What of ``results`` becomes metainfo.
    """

    def __init__(self,
                 meta_keys=('img_path', 'img_id', 'seg_map_path', 'ori_shape',
                            'img_shape', 'pad_shape', 'scale_factor', 'flip',
                            'flip_direction', 'reduce_zero_label',
                            'optional_maps')) -> None:
        super().__init__(meta_keys=meta_keys)

    def transform(self, results: dict) -> dict:
        """Pack; see the class."""
        packed = super().transform(results)
        sample = packed['data_samples']
        if 'gt_label' in results:
            label = np.asarray(results['gt_label'], dtype=np.float32)
            sample.gt_label = torch.from_numpy(label)
            # In the metainfo, so that it is known without asking a device.
            sample.set_metainfo(dict(num_labels=int(label.sum())))
        if 'gt_saliency_map' in results:
            saliency = torch.from_numpy(
                np.ascontiguousarray(results['gt_saliency_map']))
            sample.gt_saliency = PixelData(data=saliency[None].float() / 255)
        return packed
