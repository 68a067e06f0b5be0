"""Models: segmentors, heads and losses."""
from .backbones import *  # noqa: F403
from .crf import *  # noqa: F403
from .heads import *  # noqa: F403
from .hierarchical_contrast import *  # noqa: F403
from .losses import *  # noqa: F403
from .pcm import *  # noqa: F403
from .prototypes import *  # noqa: F403
from .segmentors import *  # noqa: F403
