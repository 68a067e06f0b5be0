"""Losses of CAM, SEAM and EPS on the views of a batch."""
from torch import Tensor

from hsc_mm.functional.equivariance import (
    equivariance_cross_loss,
    equivariance_loss,
)
from hsc_mm.functional.resize import resize_bilinear
from hsc_mm.functional.supervision import (
    class_scores,
    label_prior_loss,
    min_pooling_loss,
    multilabel_soft_margin_loss,
    saliency_loss,
)
from hsc_mm.registry import MODELS
from hsc_mm.utils import check_number
from ..views import Targets, View
from .base import ViewLoss, two_views

__all__ = [
    'ClassificationLoss', 'EquivarianceCrossLoss', 'EquivarianceLoss',
    'MinPoolingLoss', 'SaliencyLoss'
]


@MODELS.register_module()
class ClassificationLoss(ViewLoss):
    """Multi-label soft-margin loss of the pooled CAMs, averaged over views.

    See :func:`hsc_mm.functional.multilabel_soft_margin_loss`.
    """

    def forward(self, views: list[View], targets: Targets) -> Tensor:
        """Return the weighted loss of the raw CAMs."""
        losses = [
            multilabel_soft_margin_loss(
                class_scores(view.cam), targets.labels) for view in views
        ]
        return self.loss_weight * sum(losses) / len(losses)

    def prior_loss(self, labels: Tensor) -> float:
        """See :func:`hsc_mm.functional.label_prior_loss`."""
        return self.loss_weight * label_prior_loss(labels)


@MODELS.register_module()
class EquivarianceLoss(ViewLoss):
    """ER between two views; see :func:`hsc_mm.functional.equivariance_loss`.

    The weight of SEAM is 1.
    """
    needs = ('second_view', )

    def forward(self, views: list[View], targets: Targets) -> Tensor:
        """Return the weighted loss of the raw CAMs."""
        first, second = two_views(views, type(self).__name__)
        return self.loss_weight * equivariance_loss(first.cam, second.cam,
                                                    targets.labels)


@MODELS.register_module()
class EquivarianceCrossLoss(ViewLoss):
    """ECR between the raw and the refined CAMs of two views.

    See :func:`hsc_mm.functional.equivariance_cross_loss`.

    Args:
        skip_first (bool): As HSC's release does.
        loss_weight (float): Factor on the loss.
    """
    needs = ('refined', 'second_view')

    def __init__(self,
                 skip_first: bool = False,
                 loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        self.skip_first = skip_first

    def forward(self, views: list[View], targets: Targets) -> Tensor:
        """Return the weighted loss."""
        first, second = two_views(views, type(self).__name__)
        return self.loss_weight * equivariance_cross_loss(
            first.source, second.source, first.refined, second.refined,
            targets.labels, self.skip_first)


@MODELS.register_module()
class MinPoolingLoss(ViewLoss):
    """Min-pooling of the refined CAMs, averaged over views.

    See :func:`hsc_mm.functional.min_pooling_loss`.
    """
    needs = ('refined', )

    def forward(self, views: list[View], targets: Targets) -> Tensor:
        """Return the weighted loss."""
        return self.loss_weight * sum(
            min_pooling_loss(view.refined, targets.labels)
            for view in views) / len(views)


@MODELS.register_module()
class SaliencyLoss(ViewLoss):
    """Saliency loss of EPS on the raw CAMs, averaged over views.

    The map is resized as its view was, bilinearly with corners aligned.
    Images without a map count as zero, so that the loss does not depend on
    how a batch is spread over devices. See
    :func:`hsc_mm.functional.saliency_loss`.

    Args:
        refined (bool): Whether the loss of the refined CAMs is added, as in
            the release of HSC. These lie in [0, 1], so that the softmax over
            C = 21 channels is nowhere above 0.12: no class counts as
            salient, and the loss lowers the CAM on objects.
        threshold (float): Share of overlap with the saliency map above
            which a present class is salient, in [0, 1].
        alpha (float): Weight of the foreground in [0, 1].
        loss_weight (float): Factor on the loss.
    """
    needs_maps = ('saliency', )

    def __init__(self,
                 threshold: float = 0.5,
                 alpha: float = 0.5,
                 refined: bool = False,
                 loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        self.needs = ('refined', ) if refined else ()
        self.threshold = check_number('threshold of SaliencyLoss', threshold,
                                      least=0, most=1)
        self.alpha = check_number('alpha of SaliencyLoss', alpha, least=0,
                                  most=1)

    def forward(self, views: list[View], targets: Targets) -> Tensor:
        """Return the weighted loss."""
        pairs = [(view, view.cam) for view in views]
        if self.needs:
            pairs += [(view, view.refined) for view in views]
        found = targets.maps.get('saliency')
        if found is None:
            return sum(cam.sum() for _, cam in pairs) * 0
        labels = targets.labels
        share = len(found.rows) / len(labels)
        if share < 1:
            pairs = [(view, cam[found.rows]) for view, cam in pairs]
            labels = labels[found.rows]
        loss = share * sum(
            saliency_loss(
                cam,
                resize_bilinear(found.data.float(), view.image.shape[2:]),
                labels, self.threshold, self.alpha) for view, cam in pairs)
        return self.loss_weight * loss / len(views)
