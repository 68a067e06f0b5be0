"""Seeding of augmentations by the number of the draw."""
import random

import numpy as np
from mmcv.transforms import BaseTransform

from hsc_mm.registry import TRANSFORMS

__all__ = ['SeedBySampler']


@TRANSFORMS.register_module()
class SeedBySampler(BaseTransform):
    """Seed NumPy's and Python's random numbers from the draw of the sampler.

    Stands first in a training pipeline. What follows then depends on the
    seed and on the number of the draw, not on worker, rank or on what was
    drawn before. It needs :class:`hsc_mm.ReproducibleSampler`; with another
    sampler, or a wrapper that makes indices of its own, it does nothing.

    Required keys: ``sample_idx``. Nothing is modified.
    """

    def transform(self, results: dict) -> dict:
        """Seed; see the class."""
        key = getattr(results.get('sample_idx'), 'key', None)
        if key is not None:
            state = np.random.SeedSequence(key).generate_state(4)
            np.random.seed(state)
            random.seed(int(state[0]))
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
