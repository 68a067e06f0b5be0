"""Pure functions on tensors: the objective of HSC with torch alone.

Nothing here needs OpenMMLab; ``examples/plain_pytorch.py`` trains with it.
Maps have the background first, and colours are in [0, 255].
"""
from .cam import *  # noqa: F403
from .cam import __all__ as _cam
from .class_contrast import *  # noqa: F403
from .class_contrast import __all__ as _class_contrast
from .contrast_maps import *  # noqa: F403
from .contrast_maps import __all__ as _contrast_maps
from .equivariance import *  # noqa: F403
from .equivariance import __all__ as _equivariance
from .grid_crf import *  # noqa: F403
from .grid_crf import __all__ as _grid_crf
from .pixel_contrast import *  # noqa: F403
from .pixel_contrast import __all__ as _pixel_contrast
from .positions import *  # noqa: F403
from .positions import __all__ as _positions
from .prototypes import *  # noqa: F403
from .prototypes import __all__ as _prototypes
from .refinement import *  # noqa: F403
from .refinement import __all__ as _refinement
from .resize import *  # noqa: F403
from .resize import __all__ as _resize
from .roi_contrast import *  # noqa: F403
from .roi_contrast import __all__ as _roi_contrast
from .similarity import *  # noqa: F403
from .similarity import __all__ as _similarity
from .supervision import *  # noqa: F403
from .supervision import __all__ as _supervision

__all__ = [
    *_cam, *_class_contrast, *_contrast_maps, *_equivariance, *_grid_crf,
    *_pixel_contrast, *_positions, *_prototypes, *_refinement, *_resize,
    *_roi_contrast, *_similarity, *_supervision
]
