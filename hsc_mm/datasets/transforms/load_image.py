"""Loading of images: the one reader of training, tools and reports."""
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform, LoadImageFromFile
from mmengine import fileio
from mmengine.registry import init_default_scope

from hsc_mm.datasets.checks import check_files
from hsc_mm.registry import TRANSFORMS
from hsc_mm.utils.limits import check_regular
from hsc_mm.utils.part_types import type_name
from hsc_mm.utils.pixels import check_reading, decode
from hsc_mm.utils.wrappers import inner

__all__ = [
    'LoadImage', 'dataset_reader', 'image_reader', 'is_loader',
    'reading_options'
]


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Load an image as a person sees it, in any format.

    Takes the place of mmcv's ``LoadImageFromFile``. JPEGs and PNGs of 8 bits
    without transparency have the same pixels in both; see
    :func:`hsc_mm.utils.pixels.decode` for others.

    Required key: ``img_path``. Added: ``img``, (H, W, 3) uint8 BGR or
    (H, W, N) in the order of ``bands``; ``img_shape``; ``ori_shape``; and
    ``reading``, the options, where there are any.

    Args:
        bands (sequence[int], optional): Bands of a TIFF, from 1; three of
            them are red, green and blue. The model needs as many
            ``in_channels`` and, unless they are three, ``mean`` and ``std``
            of one number for all, and ``bgr_to_rgb=False``.
        value_range (sequence[float], optional): Values that become 0 and
            255, in pictures of more than 8 bits.
        backend_args (dict, optional): File backend of mmengine.

    Raises:
        ValueError: An option is bad (when built), or an image.
    """

    def __init__(self,
                 bands: Sequence[int] | None = None,
                 value_range: Sequence[float] | None = None,
                 backend_args: dict | None = None) -> None:
        check_reading(bands, value_range)
        self.options = dict(bands=bands, value_range=value_range)
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Load; see the class."""
        path = results['img_path']
        if self.backend_args is None and '://' not in str(path):
            check_regular(path)
        data = fileio.get(path, backend_args=self.backend_args)
        image = decode(path, data, **self.options)
        results.update(
            img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        if any(self.options.values()):
            results['reading'] = self.options
        return results

    def __repr__(self) -> str:
        given = (f'{k}={v}' for k, v in self.options.items() if v is not None)
        return f'{type(self).__name__}({", ".join(given)})'


def is_loader(step: dict | Any) -> bool:
    """Say whether a transform, built or not, loads images from files."""
    if isinstance(step, dict):
        return type_name(step) in ('LoadImage', 'LoadImageFromFile')
    return isinstance(step, LoadImage | LoadImageFromFile)


def reading_options(steps: Iterable) -> dict[str, Any]:
    """Return ``bands`` and ``value_range`` of what loads a pipeline's images.

    Args:
        steps (iterable): See :func:`image_reader`.
    """
    step = next(filter(is_loader, steps), None)
    found = step if isinstance(step, dict) else getattr(step, 'options', {})
    return {key: found.get(key) for key in ('bands', 'value_range')}


def image_reader(steps: Iterable) -> Callable[[str], np.ndarray]:
    """Return what reads an image file as a pipeline does.

    Args:
        steps (iterable): Transforms, or their configs; the first that loads
            images from files counts. :class:`LoadImage` where none does.

    Returns:
        callable: Path -> (H, W, 3) uint8 BGR, or what the pipeline loads. It
        can be pickled, for worker processes.
    """
    step = next(filter(is_loader, steps), None)
    if step is None:
        step = LoadImage()
    elif isinstance(step, dict):
        init_default_scope('mmseg')
        step = TRANSFORMS.build(dict(step))
    return partial(_read, step)


def _read(step: LoadImage | LoadImageFromFile, path: str) -> np.ndarray:
    """Read a file; mmcv does not notice a truncated one."""
    problems = [] if isinstance(step, LoadImage) else check_files(path, {})
    if problems:
        raise ValueError(problems[0])
    try:
        return step(dict(img_path=str(path)))['img']
    except AssertionError as error:
        raise ValueError(f'{path}: expected an image, but {error}. Fetch or '
                         'export the file again.') from error


def dataset_reader(dataset: Any) -> Callable[[str], np.ndarray]:
    """Return what reads an image file as a data set does.

    Args:
        dataset (BaseDataset): Its pipeline counts, or that of the config
            where :func:`hsc_mm.datasets.build.build_split` replaced it; of
            a wrapper that of the first data set in it.
    """
    while parts := inner(dataset):
        dataset = parts[0]
    return getattr(dataset, 'read_image', None) or image_reader(
        dataset.pipeline.transforms)
