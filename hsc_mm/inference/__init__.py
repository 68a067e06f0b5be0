"""Models and splits from configs, and predictions for single pictures."""
from .config_changes import use_crf, use_tta, without_truth
from .configs import load_config
from .inferencer import HSCInferencer

__all__ = [
    'HSCInferencer', 'load_config', 'use_crf', 'use_tta', 'without_truth'
]
