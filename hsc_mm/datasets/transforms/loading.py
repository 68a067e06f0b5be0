"""Loading of saliency maps and pseudo labels."""
import os
from pathlib import Path

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio

from hsc_mm.registry import TRANSFORMS
from hsc_mm.utils import read_index_png, to_classes
from ..checks import check_files, missing_files, raise_problems

__all__ = ['LoadPseudoLabel', 'LoadSaliencyMap']


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


@TRANSFORMS.register_module()
class LoadPseudoLabel(BaseTransform):
    """Load a pseudo label in place of the mask of a data set.

    Takes the place of ``LoadAnnotations`` in a training pipeline, for any
    data set of mmseg. The file is ``<pseudo_dir>/<img_id>.png``, where data
    sets without ``img_id`` go by the image's file name. It holds the indices
    that the data set's own masks would have, as
    ``tools/make_pseudo_labels.py`` writes them.

    Required keys: ``img_path``, ``img_shape``, ``seg_fields``; ``label_map``
    is followed. Added: ``gt_seg_map``, (H, W) uint8, 255 = ignored.

    Args:
        pseudo_dir (str): Folder of the pseudo labels.
        suffix (str): Their suffix.

    Raises:
        FileNotFoundError: ``pseudo_dir`` is not a folder (when built), or
            the image has no pseudo label.
        ValueError: The label is broken or of another size than the image.
    """

    def __init__(self, pseudo_dir: str, suffix: str = '.png') -> None:
        if not os.path.isdir(pseudo_dir):
            raise FileNotFoundError(
                f'pseudo_dir {pseudo_dir}: there is no such folder. '
                'tools/make_pseudo_labels.py CONFIG CHECKPOINT --out '
                f'{pseudo_dir} makes it.')
        self.pseudo_dir = pseudo_dir
        self.suffix = suffix

    def scan(self, infos: list[dict]) -> None:
        """Look for the labels of all images, before training.

        Args:
            infos (list[dict]): Items of a data set of this package.

        Raises:
            ValueError: Labels are missing, broken or of another size.
        """
        problems = [
            f'{path}: missing'
            for path in missing_files(self._path(info) for info in infos)
        ] or [
            problem for info in infos for problem in check_files(
                info['img_path'], {'pseudo label': self._path(info)})
        ]
        raise_problems(
            f'pseudo_dir {self.pseudo_dir}', problems,
            'tools/make_pseudo_labels.py with the same --out makes what is '
            'missing.')

    def _path(self, info: dict) -> str:
        name = info.get('img_id', Path(info['img_path']).stem)
        return os.path.join(self.pseudo_dir, name + self.suffix)

    def transform(self, results: dict) -> dict:
        """Load; see the class."""
        path = self._path(results)
        mask = read_index_png(path)
        if mask.shape != tuple(results['img_shape'][:2]):
            raise ValueError(
                f'{path}: expected a pseudo label of the size of its image, '
                f'{results["img_shape"][:2]}, found {mask.shape}.')
        results['gt_seg_map'] = to_classes(mask, results.get('label_map'))
        results['seg_fields'].append('gt_seg_map')
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(pseudo_dir={self.pseudo_dir!r})'
