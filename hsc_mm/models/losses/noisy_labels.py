"""Segmentation losses for labels that may be wrong."""
from abc import ABC, abstractmethod

import torch
from mmseg.models.losses.utils import weight_reduce_loss
from torch import Tensor, nn

from hsc_mm.functional.distributed import all_sum, world_size
from hsc_mm.registry import MODELS
from hsc_mm.utils import check_number

__all__ = [
    'BootstrappedCrossEntropyLoss', 'PixelLoss', 'SymmetricCrossEntropyLoss'
]

REDUCTIONS = ('none', 'mean', 'sum')


class PixelLoss(nn.Module, ABC):
    """A loss for ``loss_decode`` of any head of mmseg.

    The mean is over the pixels that are not ignored, those of all ranks;
    where there is none it is a zero with gradients.

    Args:
        reduction (str): ``'mean'``, ``'sum'`` or ``'none'``.
        loss_weight (float): Factor on the loss.
        loss_name (str): Name in the log; must begin with ``loss_``.

    Raises:
        ValueError: ``reduction`` is something else.
    """

    def __init__(self, reduction: str, loss_weight: float,
                 loss_name: str) -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ValueError(f'reduction of {type(self).__name__}: expected '
                             f'one of {REDUCTIONS}, found {reduction!r}.')
        self.reduction = reduction
        self.loss_weight = check_number(
            f'loss_weight of {type(self).__name__}', loss_weight, least=0)
        self.loss_name = loss_name

    @abstractmethod
    def per_pixel(self, log_q: Tensor, log_q_label: Tensor) -> Tensor:
        """Return the loss of each pixel, (B, H, W).

        Args:
            log_q (Tensor): Log-softmax of the scores, (B, C, H, W) float32.
            log_q_label (Tensor): That of the label, (B, H, W); at ignored
                pixels, whose loss does not count, that of class 0.
        """

    def forward(self,
                cls_score: Tensor,
                label: Tensor,
                weight: Tensor | None = None,
                avg_factor: float | None = None,
                reduction_override: str | None = None,
                ignore_index: int = 255,
                **kwargs) -> Tensor:
        """Return the weighted loss.

        Args:
            cls_score (Tensor): Scores before softmax, (B, C, H, W).
            label (Tensor): Labels, (B, H, W), 0..C-1 or ``ignore_index``.
            weight (Tensor, optional): Weight of each pixel, (B, H, W), as a
                sampler of mmseg makes it. The mean stays one over all
                pixels that are not ignored, as in mmseg's losses.
            avg_factor (float, optional): What a mean divides by instead.
            reduction_override (str, optional): In place of ``reduction``.
            ignore_index (int): Label of the pixels that do not count.
            **kwargs: Not used.

        Returns:
            Tensor: Scalar in float32, or (B, H, W) for ``'none'``.

        Raises:
            ValueError: There is a single channel: softmax would be 1.
        """
        if cls_score.shape[1] < 2:
            raise ValueError(
                'cls_score: expected one channel per class, at least 2, found '
                f'{cls_score.shape[1]}. With two classes leave out '
                'out_channels=1 of the head.')
        reduction = reduction_override or self.reduction
        log_q = cls_score.float().log_softmax(1)
        counts = label != ignore_index
        index = torch.where(counts, label, torch.zeros_like(label))
        loss = self.per_pixel(
            log_q, log_q.gather(1, index.unsqueeze(1)).squeeze(1))
        loss = torch.where(counts, loss, torch.zeros_like(loss))
        if reduction == 'mean' and avg_factor is None:
            # Of all ranks: DistributedDataParallel averages their gradients.
            avg_factor = all_sum(counts.sum()) / world_size()
        return self.loss_weight * weight_reduce_loss(
            loss, None if weight is None else weight.float(), reduction,
            avg_factor)


@MODELS.register_module()
class BootstrappedCrossEntropyLoss(PixelLoss):
    r"""Bootstrapped cross-entropy.

    .. math:: -\beta \log q_y - (1 - \beta) \sum_k r_k \log q_k

    with q = softmax of the scores, and r = q (soft) or the one-hot vector of
    the most probable class (hard) (Reed et al., *Training Deep Neural
    Networks on Noisy Labels with Bootstrapping*, ICLR workshops 2015). With
    the soft one gradients flow through r too: it is cross-entropy with the
    entropy of the prediction as a penalty.

    Args:
        beta (float, optional): Belief in the labels, in [0, 1]; 1 is
            cross-entropy. By default the paper's, 0.95 for soft and 0.8 for
            hard.
        hard (bool): Believe the most probable class instead of the
            probabilities.
        reduction, loss_weight, loss_name: See :class:`PixelLoss`.

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
        check_number('beta of BootstrappedCrossEntropyLoss', self.beta,
                     least=0, most=1)

    def per_pixel(self, log_q: Tensor, log_q_label: Tensor) -> Tensor:
        """Return the loss of each pixel; see the class."""
        own = log_q.amax(1) if self.hard else (log_q.exp() * log_q).sum(1)
        return -self.beta * log_q_label - (1 - self.beta) * own


@MODELS.register_module()
class SymmetricCrossEntropyLoss(PixelLoss):
    r"""Symmetric cross-entropy.

    .. math:: -\alpha \log q_y - \beta \sum_k q_k \log p_k
              = -\alpha \log q_y - \beta A (1 - q_y)

    with q = softmax of the scores, p the one-hot vector of the label, and A
    in place of log 0 (Wang et al., *Symmetric Cross Entropy for Robust
    Learning with Noisy Labels*, ICCV 2019). The second term, the reverse
    cross-entropy, is at most -A, however sure the network is of another
    class.

    Args:
        alpha (float): Weight of the cross-entropy, not negative. The paper
            has 0.1 for ten classes, 6.0 (with ``beta=0.1``) for a hundred.
        beta (float): Weight of the reverse cross-entropy, not negative.
        log_zero (float): A, below 0.
        reduction, loss_weight, loss_name: See :class:`PixelLoss`.

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
        for name, value in (('alpha', alpha), ('beta', beta)):
            check_number(f'{name} of SymmetricCrossEntropyLoss', value,
                         least=0)
        if alpha + beta == 0:
            raise ValueError('alpha, beta of SymmetricCrossEntropyLoss: '
                             'expected numbers from 0, not both 0, found '
                             f'{alpha}, {beta}.')
        check_number('log_zero of SymmetricCrossEntropyLoss', log_zero,
                     below=0)
        self.alpha, self.beta, self.log_zero = alpha, beta, log_zero

    def per_pixel(self, log_q: Tensor, log_q_label: Tensor) -> Tensor:
        """Return the loss of each pixel; see the class."""
        # 1 - q, exact also where q is close to 1.
        reverse = self.log_zero * torch.expm1(log_q_label)
        return -self.alpha * log_q_label + self.beta * reverse
