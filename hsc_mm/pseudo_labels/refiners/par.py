"""Pixel-adaptive refinement (PAR) as a refiner."""
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from hsc_mm.functional.refinement import (
    DILATIONS,
    pixel_adaptive,
    pixel_affinity,
)
from hsc_mm.registry import REFINERS
from hsc_mm.utils import check_device, check_number
from ..soft_cam import SoftCAM
from .base import Refiner

__all__ = ['PAR']


@REFINERS.register_module()
class PAR(Refiner):
    """Smooths maps along colours nearby (Ru et al., AFA, CVPR 2022).

    See :func:`hsc_mm.functional.refinement.pixel_affinity`. Maps keep the
    scale of the CAM and are not normalised again, so the threshold of a label
    rule means what it meant. A constant score of the background, as a
    threshold is, would come out as it went in; a background that another
    refiner has made is smoothed with the maps. With six distances it takes
    about 600 bytes of memory for each pixel.

    Args:
        dilations (Sequence[int]): Distances of the neighbours, in pixels.
        steps (int): Number of iterations.
        sharpness (float): w_1.
        position_weight (float): w_2, weight of the positions.
        device (str, optional): ``'cpu'``, ``'cuda'`` ...; by default the GPU
            if there is one. Not part of the identity.

    Raises:
        ValueError: An argument is bad.
    """

    def __init__(self,
                 dilations: Sequence[int] = DILATIONS,
                 steps: int = 10,
                 sharpness: float = 0.3,
                 position_weight: float = 0.01,
                 device: str | None = None) -> None:
        self.device = check_device(device)
        self.parallel = self.device.startswith('cpu')
        self.dilations = tuple(
            check_number('dilations of PAR', value, above=0, whole=True)
            for value in dilations)
        if not self.dilations:
            raise ValueError('dilations of PAR: expected at least one '
                             'distance, found none.')
        self.steps = check_number('steps of PAR', steps, above=0, whole=True)
        self.sharpness = check_number('sharpness of PAR', sharpness, above=0)
        self.position_weight = check_number(
            'position_weight of PAR', position_weight, least=0)

    @torch.no_grad()
    def refine(self, soft: SoftCAM) -> SoftCAM:
        """Refine the checked maps of an image with at least one class."""
        maps = soft.cam
        if soft.background is not None:
            maps = np.concatenate([maps, soft.background[None]])
        affinity = pixel_affinity(
            self._batch(soft.image.transpose(2, 0, 1)), self.dilations,
            self.sharpness, self.position_weight)
        found = pixel_adaptive(self._batch(maps), affinity, self.dilations,
                               self.steps)[0].cpu().numpy()
        classes = len(soft.cam)
        # Sums of many floats may go a little beyond their largest.
        return soft._replace(
            cam=found[:classes].clip(0, 1),
            background=None if soft.background is None else found[classes])

    def identity(self) -> dict:
        """Return JSON values that tell two settings apart."""
        return dict(
            type='PAR',
            dilations=list(self.dilations),
            steps=self.steps,
            sharpness=self.sharpness,
            position_weight=self.position_weight)

    def _batch(self, maps: np.ndarray) -> Tensor:
        """Return maps (C, H, W) as a batch of one, float32."""
        return torch.from_numpy(np.ascontiguousarray(maps, np.float32))[
            None].to(self.device)
