"""The dense CRF on full images, whatever computes it."""
import numpy as np
import torch

from .exact import exact_mean_field
from .presets import crf_numbers
from .pydense import has_pydensecrf, pydensecrf_mean_field
from .reduced import MAX_CELLS, reduced_mean_field
from .unary import check_inputs

__all__ = ['BACKENDS', 'DenseCRF', 'build_crf']

BACKENDS = ('auto', 'pydensecrf', 'exact', 'reduced')
_DTYPES = {'float32': torch.float32, 'float64': torch.float64}


class DenseCRF:
    r"""Refines probabilities by the colours of their image.

    .. math:: Q \leftarrow \mathrm{softmax}(-U + \sum_m w_m n_m K_m n_m Q),
              \quad U = -\log \max(p, 10^{-5})

    with the Potts model, n = 1 / sqrt(K 1 + 1e-20), a Gaussian kernel K of
    positions and one of positions and colours (Kraehenbuehl and Koltun,
    2011). Every backend takes and gives the same; an object can be pickled.

    Args:
        preset (str): A key of :data:`hsc_mm.crf.PRESETS`.
        backend (str): ``'pydensecrf'``: its lattice; ``'exact'``: exact
            kernels, in torch, on any device; ``'reduced'``: exact kernels
            between groups of pixels, on a CPU; ``'auto'``: pydensecrf where
            it is installed, else exact on a GPU, else reduced.
        device (str, optional): Of ``'exact'``; by default the GPU if there
            is one.
        memory_mb (float): Of ``'exact'``: MB for blocks of the kernel.
        dtype (str): Of ``'exact'``: ``'float32'`` or ``'float64'``.
        max_cells (int): Of ``'reduced'``: most groups of pixels.
        **changes (float): Single numbers instead of the preset's, see
            :class:`hsc_mm.crf.CRFNumbers`: ``steps=8``.

    Raises:
        ValueError: A name or a number is bad, or pydensecrf is asked for
            and not installed.
    """

    def __init__(self,
                 preset: str = 'pseudo_label',
                 backend: str = 'auto',
                 device: str | None = None,
                 memory_mb: float = 512,
                 dtype: str = 'float32',
                 max_cells: int = MAX_CELLS,
                 **changes: float) -> None:
        self.numbers = crf_numbers(preset, **changes)
        for name, value, choices in (('backend', backend, BACKENDS),
                                     ('dtype', dtype, tuple(_DTYPES))):
            if value not in choices:
                raise ValueError(f'{name} of the CRF: expected one of '
                                 f'{choices}, found {value!r}.')
        for name, value in (('memory_mb', memory_mb),
                            ('max_cells', max_cells)):
            if not value > 0:
                raise ValueError(f'{name} of the CRF: expected a number > 0, '
                                 f'found {value!r}.')
        if backend == 'pydensecrf' and not has_pydensecrf():
            raise ValueError(
                "backend of the CRF: expected 'pydensecrf' to be installed, "
                "found no such package; run pip install 'hsc_mm[crf]', or "
                "use the backend 'exact' or 'reduced'.")
        cuda = torch.cuda.is_available()
        if backend == 'auto':
            backend = ('pydensecrf' if has_pydensecrf() else
                       'exact' if cuda else 'reduced')
        self.backend = backend
        self.device = device or ('cuda' if cuda else 'cpu')
        self.memory = int(memory_mb * 1e6)
        self.dtype = dtype
        self.max_cells = max_cells

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
        if self.backend == 'pydensecrf':
            return pydensecrf_mean_field(prob, image, self.numbers)
        if self.backend == 'reduced':
            return reduced_mean_field(prob, image, self.numbers,
                                      self.max_cells)
        return exact_mean_field(prob, image, self.numbers, self.device,
                                self.memory, _DTYPES[self.dtype])

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
