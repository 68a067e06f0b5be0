"""Packing of image labels and auxiliary maps into a data sample."""
import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs

from hsc_mm.datasets.aux_maps import aux_key
from hsc_mm.registry import TRANSFORMS

__all__ = ['PackImageLabelInputs']


@TRANSFORMS.register_module()
class PackImageLabelInputs(PackSegInputs):
    """mmseg's packing, with image labels and auxiliary maps.

    Required keys: those of :class:`mmseg.datasets.PackSegInputs`; taken
    along when there: ``gt_label`` (K,) multi-hot, and of each map that
    :class:`hsc_mm.LoadAuxMaps` loaded ``aux_<name>``, (H, W) uint8.

    The sample gets ``gt_label``, a float tensor of shape (K,) over the
    foreground classes, their number as ``num_labels`` of the metainfo,
    and ``gt_<name>`` of each map, PixelData of shape (1, H, W) in [0, 1].

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
        for name in results.get('aux_maps', ()):
            found = results.get(aux_key(name))
            if found is not None:
                grey = torch.from_numpy(np.ascontiguousarray(found))
                sample.set_field(
                    PixelData(data=grey[None].float() / 255), f'gt_{name}')
        return packed
