"""What the command-line tools share."""
from .config import load_config, use_tta

__all__ = ['load_config', 'use_tta']
