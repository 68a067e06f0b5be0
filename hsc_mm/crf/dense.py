"""Dense CRF on full images, and the backend that computes it."""
from abc import ABC, abstractmethod

import numpy as np
import torch

from hsc_mm.registry import CRF_BACKENDS
from .numbers import CRFNumbers, check_inputs, crf_numbers

__all__ = ['CRFBackend', 'DenseCRF', 'backend_names', 'build_crf']


class CRFBackend(ABC):
    """Computes mean field; registered in ``hsc_mm.registry.CRF_BACKENDS``.

    Arguments of the constructor are options of the backend. An object holds
    no state that a call changes and can be pickled.

    Attributes:
        priority (float): ``'auto'`` takes the one with the highest priority
            among those that suit.
        on_device (bool): Whether it computes on the device it is given;
            otherwise on the CPU.
    """
    priority: float = 0
    on_device: bool = False

    @classmethod
    def suits(cls) -> bool:
        """Say whether ``'auto'`` may choose it on this machine."""
        return False

    @abstractmethod
    def __call__(self, prob: np.ndarray, image: np.ndarray,
                 numbers: CRFNumbers, device: str) -> np.ndarray:
        """Compute the posterior.

        Args:
            prob (np.ndarray): Probabilities, (L, H, W) floats >= 0, finite.
            image (np.ndarray): RGB, (H, W, 3), uint8.
            numbers (CRFNumbers): Kernels and steps.
            device (str): Where to compute, if it has a choice.

        Returns:
            np.ndarray: Q, (L, H, W) float32.
        """


def backend_names() -> tuple[str, ...]:
    """Return ``'auto'`` and the names of all backends that are registered."""
    CRF_BACKENDS.import_from_location()
    return ('auto', *sorted(CRF_BACKENDS.module_dict))


def _build_backend(cfg: str | dict) -> tuple[str, CRFBackend]:
    """Return the name of a backend, never ``'auto'``, and the backend."""
    options = dict(type=cfg) if isinstance(cfg, str) else dict(cfg)
    name, names = options.pop('type', None), backend_names()
    if name not in names:
        raise ValueError(f'backend of the CRF: expected one of {names}, '
                         f'found {name!r}.')
    known = CRF_BACKENDS.module_dict
    if name == 'auto':
        if options:
            raise ValueError(
                f"backend of the CRF: expected no options of 'auto', found "
                f'{sorted(options)}; name the backend they belong to.')
        suited = [key for key in known if known[key].suits()]
        if not suited:
            raise ValueError("backend of the CRF: 'auto' expected one of "
                             f'{names[1:]} to suit this machine, found none.')
        name = max(suited, key=lambda key: known[key].priority)
    try:
        return name, known[name](**options)
    except TypeError as error:
        raise ValueError(f'backend of the CRF: {name!r} rejects the options '
                         f'{sorted(options)}: {error}.') from error


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
            highest priority: pydensecrf where it is installed, else reduced.
            Others can be registered, see :class:`hsc_mm.crf.CRFBackend`.
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
        self.backend, self._compute = _build_backend(backend)
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
    """Build a CRF from the arguments of :class:`DenseCRF`."""
    return DenseCRF(**(cfg or {}))
