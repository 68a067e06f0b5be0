"""Mean field by pydensecrf, whose lattice approximates the kernels."""
import importlib.util

import numpy as np

from hsc_mm.registry import CRF_BACKENDS
from .dense import CRFBackend
from .numbers import CRFNumbers, log_unary

__all__ = ['PyDenseBackend', 'has_pydensecrf']


def has_pydensecrf() -> bool:
    """Say whether pydensecrf can be imported."""
    return importlib.util.find_spec('pydensecrf') is not None


@CRF_BACKENDS.register_module(name='pydensecrf')
class PyDenseBackend(CRFBackend):
    """The lattice of pydensecrf, on a CPU.

    Raises:
        ValueError: pydensecrf is not installed.
    """
    priority = 30

    def __init__(self) -> None:
        if not has_pydensecrf():
            raise ValueError(
                "backend of the CRF: expected 'pydensecrf' to be installed, "
                "found no such package; run pip install 'hsc_mm[crf]', or "
                "use the backend 'exact' or 'reduced'.")

    @classmethod
    def suits(cls) -> bool:
        """Say whether pydensecrf is installed."""
        return has_pydensecrf()

    def __call__(self, prob: np.ndarray, image: np.ndarray,
                 numbers: CRFNumbers, device: str) -> np.ndarray:
        """Compute the posterior; see :class:`CRFBackend`."""
        from pydensecrf import densecrf
        labels, height, width = prob.shape
        crf = densecrf.DenseCRF2D(width, height, labels)
        crf.setUnaryEnergy(
            np.ascontiguousarray(-log_unary(prob).reshape(labels, -1)))
        crf.addPairwiseGaussian(
            sxy=numbers.gaussian_sxy, compat=numbers.gaussian_weight)
        crf.addPairwiseBilateral(
            sxy=numbers.bilateral_sxy,
            srgb=numbers.bilateral_srgb,
            rgbim=np.ascontiguousarray(image),
            compat=numbers.bilateral_weight)
        found = np.array(crf.inference(numbers.steps), dtype=np.float32)
        return found.reshape(prob.shape)
