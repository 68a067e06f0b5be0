"""Evaluation of seeds."""
from .confusion import SeedScores, seed_histogram, sweep_scores
from .mask_metric import MaskMetric
from .seed_metric import SeedMetric

__all__ = [
    'MaskMetric', 'SeedMetric', 'SeedScores', 'seed_histogram', 'sweep_scores'
]
