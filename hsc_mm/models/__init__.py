"""Models: segmentors, heads and losses."""
from .heads import *  # noqa: F403
from .losses import *  # noqa: F403
from .segmentors import *  # noqa: F403
