"""Dense CRF on full images: presets, backends, many images at once."""
from .dense import BACKENDS, DenseCRF, build_crf
from .pool import refine_many
from .presets import PRESETS, CRFNumbers, crf_numbers
from .pydense import has_pydensecrf
from .unary import cam_probability

__all__ = [
    'BACKENDS', 'CRFNumbers', 'DenseCRF', 'PRESETS', 'build_crf',
    'cam_probability', 'crf_numbers', 'has_pydensecrf', 'refine_many'
]
