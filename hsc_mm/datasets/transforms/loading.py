"""Loading of saliency maps."""
import os
from concurrent.futures import ThreadPoolExecutor

import mmcv
from mmcv.transforms import BaseTransform
from mmengine import fileio
from mmengine.dist import is_main_process
from mmengine.logging import print_log

from hsc_mm.datasets.checks import raise_problems
from hsc_mm.datasets.saliency_maps import colour_problem, to_grey
from hsc_mm.registry import TRANSFORMS

__all__ = ['LoadSaliencyMap']


@TRANSFORMS.register_module()
class LoadSaliencyMap(BaseTransform):
    """Load ``saliency_path``; flips, crops and resizes then follow it.

    Required keys: ``saliency_path``, ``seg_fields``, and ``img_shape`` to
    compare with. Added: ``gt_saliency_map``, (H, W) uint8, 255 = salient.
    Formats are those of OpenCV; of 16 bits the upper 8 are used.

    Args:
        required (bool): Whether an image without a saliency map is an
            error; False lets it pass as it is.
        backend_args (dict, optional): File backend of mmengine.

    Raises:
        ValueError: The map has colours, or another size than the image.
    """

    def __init__(self,
                 required: bool = True,
                 backend_args: dict | None = None) -> None:
        self.required = required
        self.backend_args = backend_args

    def scan(self, infos: list[dict]) -> None:
        """Refuse maps in colour before training, and say how many there are.

        Args:
            infos (list[dict]): Items of a data set of this package.

        Raises:
            ValueError: Maps have colours.
        """
        paths = [i['saliency_path'] for i in infos if 'saliency_path' in i]
        if not paths:
            return
        with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
            problems = [p for p in pool.map(colour_problem, paths) if p]
        raise_problems(f'saliency maps ({len(paths)})', problems,
                       'Grey maps are needed, 255 = salient.')
        if is_main_process():
            print_log(
                f'saliency maps: {len(paths)} of {len(infos)} images have one',
                logger='current')

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
        saliency = to_grey(path, saliency)
        if saliency.shape != tuple(results['img_shape'][:2]):
            raise ValueError(
                f'{path}: expected a saliency map of the size of its image, '
                f'{results["img_shape"][:2]}, found {saliency.shape}.')
        results['gt_saliency_map'] = saliency
        results['seg_fields'].append('gt_saliency_map')
        return results
