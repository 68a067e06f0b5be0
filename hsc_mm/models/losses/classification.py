"""The loss of image-level classification."""
import torch.nn.functional as F
from torch import Tensor, nn

from hsc_mm.registry import MODELS

__all__ = ['MultiLabelSoftMarginLoss', 'multilabel_soft_margin_loss']


def multilabel_soft_margin_loss(score: Tensor, label: Tensor) -> Tensor:
    r"""Multi-label soft-margin loss, in float32.

    .. math:: -\frac{1}{BK} \sum_{bk} y_{bk} \log \sigma(s_{bk})
              + (1 - y_{bk}) \log \sigma(-s_{bk})

    Args:
        score (Tensor): Class scores s, (B, K), any real number.
        label (Tensor): Image labels y, (B, K), 0 or 1.

    Returns:
        Tensor: Scalar.
    """
    return F.multilabel_soft_margin_loss(score.float(), label.float())


@MODELS.register_module()
class MultiLabelSoftMarginLoss(nn.Module):
    """See :func:`multilabel_soft_margin_loss`.

    Args:
        loss_weight (float): Factor on the loss.
        loss_name (str): Name in the log; must begin with ``loss_``.
    """

    def __init__(self,
                 loss_weight: float = 1.0,
                 loss_name: str = 'loss_cls') -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(self, score: Tensor, label: Tensor) -> Tensor:
        """Return the weighted loss of scores and labels, both (B, K)."""
        return self.loss_weight * multilabel_soft_margin_loss(score, label)
