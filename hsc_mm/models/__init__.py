"""Models: segmentors, heads and losses."""
from hsc_mm.crf.grid import *  # noqa: F403
from hsc_mm.functional.prototypes import *  # noqa: F403
from hsc_mm.models.contrast.objective import *  # noqa: F403
from hsc_mm.models.refiners.pixel_correlation import *  # noqa: F403
from .backbones import *  # noqa: F403
from .heads import *  # noqa: F403
from .losses import *  # noqa: F403
from .segmentors import *  # noqa: F403
