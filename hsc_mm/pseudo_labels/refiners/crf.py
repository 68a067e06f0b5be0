"""The dense CRF as a refiner."""
import dataclasses

import numpy as np

from hsc_mm.crf import build_crf, cam_probability
from hsc_mm.registry import REFINERS
from hsc_mm.utils import check_number
from ..soft_cam import SoftCAM
from .base import Refiner

__all__ = ['CRFRefiner']


@REFINERS.register_module()
class CRFRefiner(Refiner):
    r"""Refines maps and background by a dense CRF on the full image.

    The background is the soft CAM's where it has one, else
    :math:`(1 - \max_k A_k)^\alpha`, see
    :func:`hsc_mm.crf.cam_probability`. Maps and background become the
    posterior of the CRF, which sums to one.

    Args:
        alpha (float): The larger, the less background. Not used where a
            refiner before it has made a background.
        crf (str | dict): Preset, or arguments of
            :class:`hsc_mm.crf.DenseCRF`.

    Raises:
        ValueError: An argument is bad.
    """
    background = True

    def __init__(self,
                 alpha: float = 7.0,
                 crf: str | dict = 'pseudo_label') -> None:
        self.alpha = float(
            check_number('alpha of CRFRefiner', alpha, above=0))
        self.cfg = dict(preset=crf) if isinstance(crf, str) else dict(crf)
        self.crf = build_crf(self.cfg)
        self.parallel = not self.crf.on_gpu

    def refine(self, soft: SoftCAM) -> SoftCAM:
        """Refine the checked maps of an image with at least one class."""
        prob = cam_probability(soft.cam, self.alpha)
        if soft.background is not None:
            prob[0] = soft.background.clip(0)
        posterior = self.crf(prob, np.ascontiguousarray(soft.image))
        return soft._replace(cam=posterior[1:], background=posterior[0])

    def identity(self) -> dict:
        """Return JSON values that tell two settings apart."""
        backend = self.cfg.get('backend')
        options = dict(backend) if isinstance(backend, dict) else {}
        return dict(
            type='CRFRefiner',
            alpha=self.alpha,
            # 'auto' may mean something else on another machine.
            backend=dict(options, type=self.crf.backend),
            **dataclasses.asdict(self.crf.numbers))
