"""Mean field by pydensecrf, whose lattice approximates the kernels."""
import importlib.util

import numpy as np

from .presets import CRFNumbers
from .unary import log_unary

__all__ = ['has_pydensecrf', 'pydensecrf_mean_field']


def has_pydensecrf() -> bool:
    """Say whether pydensecrf can be imported."""
    return importlib.util.find_spec('pydensecrf') is not None


def pydensecrf_mean_field(prob: np.ndarray, image: np.ndarray,
                          numbers: CRFNumbers) -> np.ndarray:
    """Mean field with the permutohedral lattice of pydensecrf.

    Args:
        prob (np.ndarray): Probabilities, (L, H, W).
        image (np.ndarray): RGB, (H, W, 3), uint8.
        numbers (CRFNumbers): Kernels and steps.

    Returns:
        np.ndarray: Q, (L, H, W) float32.
    """
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
