"""Loading of saliency maps."""
import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio

from hsc_mm.registry import TRANSFORMS

__all__ = ['LoadSaliencyMap']


@TRANSFORMS.register_module()
class LoadSaliencyMap(BaseTransform):
    """Load ``saliency_path``; flips, crops and resizes then follow it.

    Required keys: ``saliency_path``, ``seg_fields``, and ``img_shape`` to
    compare with. Added: ``gt_saliency_map``, (H, W) uint8, 255 = salient.

    Args:
        required (bool): Whether a data set without saliency maps is an
            error; False lets its images pass as they are.
        backend_args (dict, optional): File backend of mmengine.

    Raises:
        ValueError: The map has colours, or another size than the image.
    """

    def __init__(self,
                 required: bool = True,
                 backend_args: dict | None = None) -> None:
        self.required = required
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Load; see the class."""
        path = results.get('saliency_path')
        if path is None and not self.required:
            return results
        if path is None:
            raise ValueError(
                f'{results.get("img_path")}: LoadSaliencyMap found no '
                'saliency_path. Name the folder of the maps in the data '
                'set: data_prefix=dict(saliency_path=...).')
        data = fileio.get(path, backend_args=self.backend_args)
        saliency = mmcv.imfrombytes(data, flag='unchanged')
        if saliency is None:
            raise ValueError(f'{path}: expected a saliency map, but it '
                             'cannot be decoded.')
        saliency = _grey(path, saliency)
        if saliency.shape != tuple(results['img_shape'][:2]):
            raise ValueError(
                f'{path}: expected a saliency map of the size of its image, '
                f'{results["img_shape"][:2]}, found {saliency.shape}.')
        results['gt_saliency_map'] = saliency
        results['seg_fields'].append('gt_saliency_map')
        return results


def _grey(path: str, image: np.ndarray) -> np.ndarray:
    """Return one channel, if the colours of the others say the same."""
    if image.ndim == 3:
        if not np.array_equal(image[..., 0], image[..., 1]) or \
                not np.array_equal(image[..., 0], image[..., 2]):
            raise ValueError(
                f'{path}: expected a grey saliency map, found colours. Name '
                'the folder of the maps, not of the images or overlays.')
        image = image[..., 0]
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    return image
