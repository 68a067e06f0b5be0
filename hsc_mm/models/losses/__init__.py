"""Losses of both stages."""
from .base import LossDict, ViewLoss, training_progress, two_views
from .bootstrapped import (
    BootstrappedCrossEntropyLoss,
    bootstrapped_cross_entropy,
)
from .cam_losses import (
    ClassificationLoss,
    EquivarianceCrossLoss,
    EquivarianceLoss,
    MinPoolingLoss,
    SaliencyLoss,
)
from .symmetric import SymmetricCrossEntropyLoss, symmetric_cross_entropy

__all__ = [
    'BootstrappedCrossEntropyLoss', 'ClassificationLoss',
    'EquivarianceCrossLoss', 'EquivarianceLoss', 'LossDict',
    'MinPoolingLoss', 'SaliencyLoss', 'SymmetricCrossEntropyLoss',
    'ViewLoss', 'bootstrapped_cross_entropy', 'symmetric_cross_entropy',
    'training_progress', 'two_views'
]
