"""Losses of both stages."""
from .base import LossDict, ViewLoss, training_progress, two_views
from .cam_losses import (
    ClassificationLoss,
    EquivarianceCrossLoss,
    EquivarianceLoss,
    MinPoolingLoss,
    SaliencyLoss,
)
from .noisy_labels import (
    BootstrappedCrossEntropyLoss,
    SymmetricCrossEntropyLoss,
    bootstrapped_cross_entropy,
    symmetric_cross_entropy,
)

__all__ = [
    'BootstrappedCrossEntropyLoss', 'ClassificationLoss',
    'EquivarianceCrossLoss', 'EquivarianceLoss', 'LossDict',
    'MinPoolingLoss', 'SaliencyLoss', 'SymmetricCrossEntropyLoss',
    'ViewLoss', 'bootstrapped_cross_entropy', 'symmetric_cross_entropy',
    'training_progress', 'two_views'
]
