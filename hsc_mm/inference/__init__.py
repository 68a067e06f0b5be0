"""Models and splits from configs, and predictions for single pictures."""
from .configs import load_config, use_crf, use_tta, without_truth
from .inferencer import HSCInferencer

__all__ = [
    'HSCInferencer', 'load_config', 'use_crf', 'use_tta', 'without_truth'
]
