"""The dense CRF on full images, whatever computes it."""
import numpy as np
import torch

from .backend import build_backend
from .numbers import check_inputs, crf_numbers

__all__ = ['DenseCRF', 'build_crf']


class DenseCRF:
    r"""Refines probabilities by the colours of their image.

    .. math:: Q \leftarrow \mathrm{softmax}(-U + \sum_m w_m n_m K_m n_m Q),
              \quad U = -\log \max(p, 10^{-5})

    with the Potts model, n = 1 / sqrt(K 1 + 1e-20), a Gaussian kernel K of
    positions and one of positions and colours (Kraehenbuehl and Koltun,
    2011). Every backend takes and gives the same; an object can be pickled.

    Args:
        preset (str): A key of :data:`hsc_mm.crf.PRESETS`.
        backend (str | dict): Name of a backend, or ``dict(type=name, ...)``
            with its options. ``'pydensecrf'``: its lattice; ``'exact'``:
            exact kernels, in torch, on any device, with the options
            ``memory_mb`` and ``dtype``; ``'reduced'``: exact kernels between
            groups of pixels, on a CPU, with the option ``max_cells``;
            ``'auto'``: of those that suit this machine the one with the
            highest priority: pydensecrf where it is installed, else exact on
            a GPU, else reduced. Others can be registered, see
            :class:`hsc_mm.crf.CRFBackend`.
        device (str, optional): Of a backend that has the choice; by default
            the GPU if there is one.
        **changes (float): Single numbers instead of the preset's, see
            :class:`hsc_mm.crf.CRFNumbers`: ``steps=8``.

    Attributes:
        backend (str): Name of the backend, never ``'auto'``.

    Raises:
        ValueError: A name, a number or an option is bad, or pydensecrf is
            asked for and not installed.
    """

    def __init__(self,
                 preset: str = 'pseudo_label',
                 backend: str | dict = 'auto',
                 device: str | None = None,
                 **changes: float) -> None:
        self.numbers = crf_numbers(preset, **changes)
        self.backend, self._compute = build_backend(backend)
        self.device = device or ('cuda' if torch.cuda.is_available() else
                                 'cpu')

    @property
    def on_gpu(self) -> bool:
        """bool: Whether it computes on a GPU, where processes do not help."""
        return self._compute.on_device and not self.device.startswith('cpu')

    def __call__(self, prob: np.ndarray, image: np.ndarray) -> np.ndarray:
        """Refine the labels of an image.

        Args:
            prob (np.ndarray): Probabilities, (L, H, W) floats >= 0; their
                sum need not be one. Only the labels present: time grows
                with L.
            image (np.ndarray): RGB, (H, W, 3), uint8.

        Returns:
            np.ndarray: Posterior Q, (L, H, W) float32; its argmax is the
            label.

        Raises:
            ValueError: Shapes, types or values are bad.
        """
        check_inputs(prob, image)
        return self._compute(prob, image, self.numbers, self.device)

    def __repr__(self) -> str:
        return f'DenseCRF(backend={self.backend!r}, {self.numbers})'


def build_crf(cfg: dict | None = None) -> DenseCRF:
    """Build a CRF from a config, such as ``dict(preset='segmentation')``.

    Args:
        cfg (dict, optional): Arguments of :class:`DenseCRF`.

    Returns:
        DenseCRF: The CRF.

    Raises:
        ValueError: See :class:`DenseCRF`.
    """
    return DenseCRF(**(cfg or {}))
