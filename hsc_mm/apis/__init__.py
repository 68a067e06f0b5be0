"""What the command-line tools share."""
from .config import load_config, use_crf, use_tta, without_truth

__all__ = ['load_config', 'use_crf', 'use_tta', 'without_truth']
