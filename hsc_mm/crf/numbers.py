"""Parameters of a dense CRF, and the probabilities that go into it."""
import dataclasses

import numpy as np

from hsc_mm.utils import check_number

__all__ = [
    'cam_probability', 'check_inputs', 'crf_numbers', 'CRFNumbers',
    'LEAST', 'log_unary', 'PRESETS'
]

@dataclasses.dataclass(frozen=True)
class CRFNumbers:
    """Kernels and steps of mean field (Kraehenbuehl and Koltun, 2011).

    Attributes:
        gaussian_sxy (float): Width of the kernel of positions, in pixels.
        gaussian_weight (float): Its weight.
        bilateral_sxy (float): Width of the kernel of positions and colours:
            that of positions, in pixels.
        bilateral_srgb (float): That of colours, in levels of 0..255.
        bilateral_weight (float): Its weight.
        steps (int): Steps of mean field.
    """
    gaussian_sxy: float
    gaussian_weight: float
    bilateral_sxy: float
    bilateral_srgb: float
    bilateral_weight: float
    steps: int

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        for field in dataclasses.fields(self):
            steps = field.name == 'steps'
            zero = steps or field.name.endswith('weight')
            check_number(
                f'{field.name} of the CRF',
                getattr(self, field.name),
                least=0 if zero else None,
                above=None if zero else 0,
                whole=steps)


#: 'pseudo_label' is for masks to train on; 'segmentation' for the softmax of
#: a segmentation network at test time.
PRESETS = {
    'pseudo_label': CRFNumbers(3, 3, 80, 13, 10, steps=10),
    'segmentation': CRFNumbers(1, 3, 67, 3, 4, steps=10),
}


def crf_numbers(preset: str = 'pseudo_label', **changes: float) -> CRFNumbers:
    """Return the numbers of a preset, some fields replaced where not None.

    Raises:
        ValueError: There is no such preset or field, or a number is bad.
    """
    if preset not in PRESETS:
        raise ValueError(f'preset of the CRF: expected one of '
                         f'{sorted(PRESETS)}, found {preset!r}.')
    known = [field.name for field in dataclasses.fields(CRFNumbers)]
    for name in changes:
        if name not in known:
            raise ValueError(f'option of the CRF: expected one of {known}, '
                             f'found {name!r}; correct or remove it. Options '
                             'of a backend stand in backend=dict(type=...).')
    return dataclasses.replace(
        PRESETS[preset],
        **{name: value for name, value in changes.items()
           if value is not None})


#: Probabilities below it count as this one.
LEAST = 1e-5


def cam_probability(cam: np.ndarray, alpha: float) -> np.ndarray:
    r"""Put a background made of the CAMs in front of them.

    .. math:: p_0 = (1 - \max_k A_k)^\alpha, \quad p_k = A_k

    as AffinityNet does (Ahn and Kwak, 2018). The sum over labels is not one,
    and stays so: the unary of the CRF is :math:`-\log \max(p, 10^{-5})`.

    Args:
        cam (np.ndarray): CAMs of the classes present, (K, H, W) in [0, 1].
        alpha (float): The larger, the less background; 4, 7 and 32 are
            common.

    Returns:
        np.ndarray: (K + 1, H, W) float32.

    Raises:
        ValueError: Shape, values or ``alpha`` are bad.
    """
    cam = np.asarray(cam, dtype=np.float32)
    if cam.ndim != 3 or 0 in cam.shape:
        raise ValueError(f'cam: expected the shape (K, H, W) with at least '
                         f'one class, found {cam.shape}; an image without '
                         'classes is all background and needs no CRF.')
    # Half precision and interpolation may go a little too far.
    if not (cam.min() >= -1e-3 and cam.max() <= 1 + 1e-3):
        raise ValueError(f'cam: expected values in [0, 1], found '
                         f'{cam.min()} to {cam.max()}; normalise each map '
                         'by its maximum first.')
    if not 0 < alpha < float('inf'):
        raise ValueError(f'alpha: expected a number > 0, found {alpha}.')
    cam = cam.clip(0, 1)
    background = (1 - cam.max(axis=0, keepdims=True))**np.float32(alpha)
    return np.concatenate([background, cam])


def check_inputs(prob: np.ndarray, image: np.ndarray) -> None:
    """Refuse what a CRF cannot work on.

    Raises:
        ValueError: It is not so.
    """
    for name, value in (('prob', prob), ('image', image)):
        if not isinstance(value, np.ndarray):
            raise ValueError(f'{name}: expected a numpy array, found '
                             f'{type(value).__name__}; convert it first.')
    if prob.ndim != 3 or 0 in prob.shape or prob.dtype.kind != 'f':
        raise ValueError('prob: expected floats of the shape (L, H, W), '
                         f'found {prob.dtype} {prob.shape}; labels come '
                         'first.')
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError('image: expected uint8 of the shape (H, W, 3), '
                         f'found {image.dtype} {image.shape}; read it as '
                         'RGB, without normalisation.')
    if prob.shape[1:] != image.shape[:2]:
        raise ValueError(f'prob: expected the size {image.shape[:2]} of the '
                         f'image, found {prob.shape[1:]}; resize the '
                         'probabilities.')
    if not (np.isfinite(prob).all() and prob.min() >= 0):
        raise ValueError('prob: expected finite values >= 0, found '
                         f'{prob.min()} to {prob.max()}; is the network '
                         'that made them broken, or are they logits?')


def log_unary(prob: np.ndarray) -> np.ndarray:
    """Return -U = log max(p, 1e-5), (L, H, W) float32."""
    return np.log(np.maximum(prob, LEAST, dtype=np.float32))
