"""Steps of the pipeline."""
from .pseudo_labels import MakePseudoLabels
from .report import WriteReport
from .scores import EvaluateSegmentor, ScoreSeeds
from .training import TrainCAM, TrainSegmentor

__all__ = [
    'EvaluateSegmentor', 'MakePseudoLabels', 'ScoreSeeds', 'TrainCAM',
    'TrainSegmentor', 'WriteReport'
]
