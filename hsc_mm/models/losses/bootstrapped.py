"""Bootstrapped cross-entropy: the label is believed only in part."""
import torch
from torch import Tensor

from hsc_mm.registry import MODELS
from .pixel_loss import PixelLoss, log_probabilities

__all__ = ['BootstrappedCrossEntropyLoss', 'bootstrapped_cross_entropy']


def bootstrapped_cross_entropy(score: Tensor,
                               label: Tensor,
                               beta: float = 0.95,
                               hard: bool = False,
                               ignore_index: int = 255) -> Tensor:
    r"""Bootstrapped cross-entropy of each pixel, in float32.

    .. math:: -\beta \log q_y - (1 - \beta) \sum_k r_k \log q_k

    with q = softmax of the scores, and r = q (soft) or the one-hot vector of
    the most probable class (hard) (Reed et al., *Training Deep Neural
    Networks on Noisy Labels with Bootstrapping*, ICLR workshops 2015). With
    the soft one gradients flow through r too: it is cross-entropy with the
    entropy of the prediction as a penalty.

    Args:
        score (Tensor): Scores before softmax, (B, C, H, W).
        label (Tensor): Labels y, (B, H, W), 0..C-1 or ``ignore_index``.
        beta (float): Belief in the labels, in [0, 1]; 1 is cross-entropy.
        hard (bool): Which r.
        ignore_index (int): Label of the pixels that do not count.

    Returns:
        Tensor: (B, H, W), 0 at ignored pixels.
    """
    log_q, log_q_label, counts = log_probabilities(score, label, ignore_index)
    own = log_q.amax(1) if hard else (log_q.exp() * log_q).sum(1)
    loss = -beta * log_q_label - (1 - beta) * own
    return torch.where(counts, loss, torch.zeros_like(loss))


@MODELS.register_module()
class BootstrappedCrossEntropyLoss(PixelLoss):
    """See :func:`bootstrapped_cross_entropy`.

    Args:
        beta (float, optional): Belief in the labels, in [0, 1]. By default
            the paper's, 0.95 for soft and 0.8 for hard.
        hard (bool): Believe the most probable class instead of the
            probabilities.
        reduction (str): ``'mean'``, ``'sum'`` or ``'none'``.
        loss_weight (float): Factor on the loss.
        loss_name (str): Name in the log; must begin with ``loss_``.

    Raises:
        ValueError: ``beta`` or ``reduction`` is out of range.
    """

    def __init__(self,
                 beta: float | None = None,
                 hard: bool = False,
                 reduction: str = 'mean',
                 loss_weight: float = 1.0,
                 loss_name: str = 'loss_boot') -> None:
        super().__init__(reduction, loss_weight, loss_name)
        self.beta = (0.8 if hard else 0.95) if beta is None else beta
        self.hard = hard
        if not 0 <= self.beta <= 1:
            raise ValueError('beta of BootstrappedCrossEntropyLoss: expected '
                             f'a number from 0 to 1, found {beta}.')

    def per_pixel(self, cls_score: Tensor, label: Tensor,
                  ignore_index: int) -> Tensor:
        """Return the loss of each pixel, (B, H, W), 0 where ignored."""
        return bootstrapped_cross_entropy(cls_score, label, self.beta,
                                          self.hard, ignore_index)
