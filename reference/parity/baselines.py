"""The losses of CAM, SEAM and EPS."""
import re
from collections.abc import Callable
from functools import cached_property, partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hsc_mm.functional.equivariance import (
    equivariance_cross_loss,
    equivariance_loss,
    max_norm,
    one_hot_maximum,
)
from hsc_mm.functional.supervision import (
    class_scores,
    min_pooling_loss,
    multilabel_soft_margin_loss,
    saliency_loss,
    saliency_prediction,
)
from .rows import Arrays, Row, background_first, compare_present

__all__ = ['check_baselines']

MAPS = ('cam1', 'cam2', 'cam_rv1', 'cam_rv2')


def check_baselines(arrays: Arrays) -> list[Row]:
    """Recompute the losses of the baselines and their gradients.

    ``loss_cls``, ``loss_min_pool`` and ``eps_*`` are of view 1 alone; the
    gradients ``grad_er_ecr.*`` are those of the sum of ER and ECR.

    Args:
        arrays (Arrays): CAMs, refined CAMs, ``label`` and ``saliency``, with
            any of what is computed from them.

    Returns:
        list[Row]: One for each stored result.
    """
    losses = _Losses(arrays)
    tasks: dict[str, tuple[str, Callable]] = {
        'loss_cls': ('loss, view 1', losses.classification),
        'loss_er': ('loss', losses.equivariance),
        'loss_ecr': ('loss', losses.equivariance_cross),
        'loss_min_pool': ('loss, view 1', losses.min_pooling),
    }
    for name in MAPS:
        tasks[f'grad_er_ecr.{name}'] = (
            'gradient of ER + ECR', partial(losses.gradient, name))
    for key in arrays:
        if match := re.fullmatch(r'eps_([^_]+)_([^_]+)\.(loss|pred|grad)',
                                 key):
            tasks[key] = (
                f'EPS: {match[3]}, tau {match[1]}, alpha {match[2]}',
                partial(losses.saliency, match[3], float(match[1]),
                        float(match[2])))
        elif match := re.fullmatch(r'max_(norm|onehot)\.(.+)', key):
            tasks[key] = ('normalised CAM' if match[1] == 'norm' else
                          'normalised CAM, maxima alone',
                          partial(losses.normalized, match[2],
                                  match[1] == 'onehot'))
    return compare_present(arrays, tasks, partial(_stored, arrays))


def _stored(arrays: Arrays, name: str) -> np.ndarray:
    """Return a stored array; maps of the classes, background first."""
    value = arrays[name]
    is_map = name.startswith(('grad_', 'max_')) or name.endswith('.grad')
    return background_first(value) if is_map else value


class _Losses:
    """Losses of the stored maps; a gradient is computed when asked for."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays

    @property
    def label(self) -> Tensor:
        """Tensor: Image labels y."""
        return self.arrays.tensor('label')

    def classification(self) -> Tensor:
        """Return the loss of the class scores."""
        scores = class_scores(self.arrays.maps('cam1'))
        return multilabel_soft_margin_loss(scores, self.label)

    def min_pooling(self) -> Tensor:
        """Return the min-pooling loss."""
        return min_pooling_loss(self.arrays.maps('cam_rv1'), self.label)

    def equivariance(self) -> Tensor:
        """Return ER."""
        return equivariance_loss(self.arrays.maps('cam1'),
                                 self.arrays.maps('cam2'), self.label)

    def equivariance_cross(self) -> Tensor:
        """Return ECR, as in the release."""
        return equivariance_cross_loss(
            *map(self.arrays.maps, MAPS), self.label, skip_first=True)

    @cached_property
    def gradients(self) -> dict[str, Tensor]:
        """dict[str, Tensor]: Those of ER + ECR, by the name of the map."""
        maps = [self.arrays.maps(name).requires_grad_() for name in MAPS]
        loss = equivariance_loss(*maps[:2], self.label)
        loss = loss + equivariance_cross_loss(
            *maps, self.label, skip_first=True)
        return dict(
            zip(MAPS, torch.autograd.grad(loss, maps), strict=True))

    def gradient(self, name: str) -> Tensor:
        """Return the gradient of ER + ECR for a map."""
        return self.gradients[name]

    def saliency(self, kind: str, threshold: float, alpha: float) -> Tensor:
        """Return loss, prediction or gradient of EPS."""
        cam = self.arrays.maps('cam1').requires_grad_()
        saliency = self.arrays.tensor('saliency')
        settings = (self.label, threshold, alpha)
        if kind == 'pred':
            small = F.interpolate(saliency, size=cam.shape[2:])
            return saliency_prediction(cam, small, *settings)
        loss = saliency_loss(cam, saliency, *settings)
        return loss if kind == 'loss' else torch.autograd.grad(loss, cam)[0]

    def normalized(self, name: str, maxima: bool) -> Tensor:
        """Return a normalised CAM, or only the maxima of its pixels."""
        cam = max_norm(self.arrays.maps(name))
        return one_hot_maximum(cam, skip_first=True) if maxima else cam
