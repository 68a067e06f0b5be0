"""The backend of a dense CRF: what computes mean field on a full image."""
from abc import ABC, abstractmethod

import numpy as np

from hsc_mm.registry import CRF_BACKENDS
from .numbers import CRFNumbers

__all__ = ['CRFBackend', 'backend_names', 'build_backend']


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


def build_backend(cfg: str | dict) -> tuple[str, CRFBackend]:
    """Find and build a backend.

    Args:
        cfg (str | dict): A name, or ``dict(type=name, ...)`` with options
            of that backend.

    Returns:
        tuple[str, CRFBackend]: Its name, never ``'auto'``, and the backend.

    Raises:
        ValueError: There is no such backend or option, none suits this
            machine, or the backend refuses.
    """
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
        raise ValueError(f'backend of the CRF: {name!r} refuses the options '
                         f'{sorted(options)}: {error}.') from error
