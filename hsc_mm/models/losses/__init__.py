"""Losses: one file a term."""
from hsc_mm.models.contrast.class_contrast import (
    ClassContrastLoss,
    class_contrast_loss,
)
from hsc_mm.models.contrast.pixel_contrast import (
    PixelContrastLoss,
    pixel_contrast_loss,
)
from hsc_mm.models.contrast.roi_contrast import (
    ROIContrastLoss,
    roi_contrast_loss,
)
from .bootstrapped import (
    BootstrappedCrossEntropyLoss,
    bootstrapped_cross_entropy,
)
from .classification import (
    MultiLabelSoftMarginLoss,
    multilabel_soft_margin_loss,
)
from .equivariance import (
    EquivarianceCrossLoss,
    EquivarianceLoss,
    equivariance_cross_loss,
    equivariance_loss,
    max_norm,
)
from .min_pooling import MinPoolingLoss, min_pooling_loss
from .saliency import SaliencyLoss, saliency_loss, saliency_prediction
from .symmetric import SymmetricCrossEntropyLoss, symmetric_cross_entropy

__all__ = [
    'BootstrappedCrossEntropyLoss', 'ClassContrastLoss',
    'EquivarianceCrossLoss', 'EquivarianceLoss', 'MinPoolingLoss',
    'MultiLabelSoftMarginLoss', 'PixelContrastLoss', 'ROIContrastLoss',
    'SaliencyLoss', 'SymmetricCrossEntropyLoss', 'bootstrapped_cross_entropy',
    'class_contrast_loss', 'equivariance_cross_loss', 'equivariance_loss',
    'max_norm', 'min_pooling_loss', 'multilabel_soft_margin_loss',
    'pixel_contrast_loss', 'roi_contrast_loss', 'saliency_loss',
    'saliency_prediction', 'symmetric_cross_entropy'
]
