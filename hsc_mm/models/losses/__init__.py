"""Losses of both stages."""
from .base import ViewLoss, training_progress, two_views
from .cam_losses import (
    ClassificationLoss,
    EquivarianceCrossLoss,
    EquivarianceLoss,
    MinPoolingLoss,
    SaliencyLoss,
)
from .loss_dict import LossDict
from .noisy_labels import (
    BootstrappedCrossEntropyLoss,
    SymmetricCrossEntropyLoss,
)

__all__ = [
    'BootstrappedCrossEntropyLoss', 'ClassificationLoss',
    'EquivarianceCrossLoss', 'EquivarianceLoss', 'LossDict',
    'MinPoolingLoss', 'SaliencyLoss', 'SymmetricCrossEntropyLoss',
    'ViewLoss', 'training_progress', 'two_views'
]
