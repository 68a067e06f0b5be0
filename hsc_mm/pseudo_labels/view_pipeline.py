"""Parts of a test pipeline: loading, scales, flips."""
from collections.abc import Sequence

import numpy as np
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

from hsc_mm.datasets.build import without_truth
from hsc_mm.datasets.checks import check_files
from hsc_mm.datasets.transforms.load_image import is_loader
from hsc_mm.utils.part_types import type_name

__all__ = ['ViewPipeline']


class ViewPipeline:
    """A test pipeline taken apart: loading, scales, flips.

    ``TestTimeAug`` of a ``tta_pipeline`` lists its transforms; lists of
    ``RandomFlip`` become :attr:`flips` and are left to whoever runs the
    network, which can turn a tensor for less than a second image costs. A
    pipeline without ``TestTimeAug`` is one view without flip.

    Args:
        pipeline (list[dict]): The pipeline; loaders of masks are dropped.

    Attributes:
        flips (list[str | None]): ``None``, ``'horizontal'``, ``'vertical'``.

    Raises:
        ValueError: A flip is left to chance, or loading does not come first.
    """

    def __init__(self, pipeline: Sequence[dict]) -> None:
        init_default_scope('mmseg')
        steps = without_truth(pipeline)
        if not steps or not is_loader(steps[0]):
            raise ValueError(
                'test pipeline: expected hsc_mm.LoadImage or '
                'LoadImageFromFile in front, found '
                f'{[type_name(step) for step in steps]}.')
        load = [steps.pop(0)]
        branches, self.flips = [[]], [None]
        for step in steps:
            if type_name(step) != 'TestTimeAug':
                branches = [[*b, step] for b in branches]
                continue
            for choices in step['transforms']:
                if any(type_name(c) == 'RandomFlip' for c in choices):
                    self.flips = [_flip(choice) for choice in choices]
                else:
                    branches = [[*b, c] for b in branches for c in choices]
        self.load = Compose(load)
        self.views = [Compose(branch) for branch in branches]

    def __call__(self, info: dict) -> tuple[list[dict], np.ndarray]:
        """Read an image.

        Returns:
            tuple: What the packing made of each scale (``inputs`` (3, H_s,
            W_s), ``data_samples``), and the image as loaded, BGR uint8.

        Raises:
            ValueError: The file is missing, broken or truncated.
        """
        problems = check_files(info['img_path'], {})
        if problems:
            raise ValueError(problems[0])
        loaded = self.load(info)
        return self.views_of(loaded['img'], loaded), loaded['img']

    def views_of(self, image: np.ndarray, info: dict) -> list[dict]:
        """Make the views of an image that is read, (H, W, 3 or N) uint8."""
        return [self.view_of(image, info, i) for i in range(len(self.views))]

    def view_of(self, image: np.ndarray, info: dict, scale: int) -> dict:
        """Make one of these views: the one at a place of :attr:`views`."""
        # Transforms replace arrays of their dict and do not write into them.
        shape = image.shape[:2]
        return self.views[scale](dict(
            info, img=image, img_shape=shape, ori_shape=shape, seg_fields=[]))


def _flip(step: dict) -> str | None:
    """Return the direction of a flip that is certain, or None."""
    direction = step.get('direction', 'horizontal')
    prob = step.get('prob')
    if type_name(step) != 'RandomFlip' or prob not in (0, 1) or not isinstance(
            direction, str) or direction == 'diagonal':
        raise ValueError(
            'tta_pipeline: expected a list of RandomFlip alone, each with '
            'prob 0 or 1 and direction "horizontal" or "vertical", found '
            f'{dict(step)}.')
    return direction if prob else None
