"""Symmetric cross-entropy: a wrong label costs a bounded amount."""
import torch
from torch import Tensor

from hsc_mm.registry import MODELS
from .pixel_loss import PixelLoss, log_probabilities

__all__ = ['SymmetricCrossEntropyLoss', 'symmetric_cross_entropy']


def symmetric_cross_entropy(score: Tensor,
                            label: Tensor,
                            alpha: float = 0.1,
                            beta: float = 1.0,
                            log_zero: float = -4.0,
                            ignore_index: int = 255) -> Tensor:
    r"""Symmetric cross-entropy of each pixel, in float32.

    .. math:: -\alpha \log q_y - \beta \sum_k q_k \log p_k
              = -\alpha \log q_y - \beta A (1 - q_y)

    with q = softmax of the scores, p the one-hot vector of the label, and A
    in place of log 0 (Wang et al., *Symmetric Cross Entropy for Robust
    Learning with Noisy Labels*, ICCV 2019). The second term, the reverse
    cross-entropy, is at most -A, however sure the network is of another
    class.

    Args:
        score (Tensor): Scores before softmax, (B, C, H, W).
        label (Tensor): Labels y, (B, H, W), 0..C-1 or ``ignore_index``.
        alpha (float): Weight of the cross-entropy.
        beta (float): Weight of the reverse cross-entropy.
        log_zero (float): A, below 0.
        ignore_index (int): Label of the pixels that do not count.

    Returns:
        Tensor: (B, H, W), 0 at ignored pixels.
    """
    _, log_q_label, counts = log_probabilities(score, label, ignore_index)
    # 1 - q, exact also where q is close to 1.
    reverse = log_zero * torch.expm1(log_q_label)
    loss = -alpha * log_q_label + beta * reverse
    return torch.where(counts, loss, torch.zeros_like(loss))


@MODELS.register_module()
class SymmetricCrossEntropyLoss(PixelLoss):
    """See :func:`symmetric_cross_entropy`.

    Args:
        alpha (float): Weight of the cross-entropy, not negative. The paper
            has 0.1 for ten classes, 6.0 (with ``beta=0.1``) for a hundred.
        beta (float): Weight of the reverse cross-entropy, not negative.
        log_zero (float): What stands for log 0, below 0.
        reduction (str): ``'mean'``, ``'sum'`` or ``'none'``.
        loss_weight (float): Factor on the loss.
        loss_name (str): Name in the log; must begin with ``loss_``.

    Raises:
        ValueError: One of the numbers is out of range.
    """

    def __init__(self,
                 alpha: float = 0.1,
                 beta: float = 1.0,
                 log_zero: float = -4.0,
                 reduction: str = 'mean',
                 loss_weight: float = 1.0,
                 loss_name: str = 'loss_sce') -> None:
        super().__init__(reduction, loss_weight, loss_name)
        if min(alpha, beta) < 0 or alpha + beta == 0:
            raise ValueError('alpha, beta of SymmetricCrossEntropyLoss: '
                             'expected numbers from 0, not both 0, found '
                             f'{alpha}, {beta}.')
        if not log_zero < 0:
            raise ValueError('log_zero of SymmetricCrossEntropyLoss: '
                             f'expected a number below 0, found {log_zero}.')
        self.alpha, self.beta, self.log_zero = alpha, beta, log_zero

    def per_pixel(self, cls_score: Tensor, label: Tensor,
                  ignore_index: int) -> Tensor:
        """Return the loss of each pixel, (B, H, W), 0 where ignored."""
        return symmetric_cross_entropy(cls_score, label, self.alpha,
                                       self.beta, self.log_zero, ignore_index)
