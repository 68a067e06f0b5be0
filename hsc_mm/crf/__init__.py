"""Dense CRF: on full images, by presets and backends, and on a small grid."""
from .dense import CRFBackend, DenseCRF, backend_names, build_crf
from .exact import ExactBackend
from .grid import LabelCRF
from .numbers import PRESETS, CRFNumbers, cam_probability, crf_numbers
from .pydense import PyDenseBackend, has_pydensecrf
from .reduced import ReducedBackend

__all__ = [
    'CRFBackend', 'CRFNumbers', 'DenseCRF', 'ExactBackend', 'LabelCRF',
    'PRESETS', 'PyDenseBackend', 'ReducedBackend', 'backend_names',
    'build_crf', 'cam_probability', 'crf_numbers', 'has_pydensecrf'
]
