"""What losses of pixels with labels that may be wrong have in common."""
from abc import ABC, abstractmethod

import torch
from mmseg.models.losses.utils import weight_reduce_loss
from torch import Tensor, nn

__all__ = ['PixelLoss', 'log_probabilities']

REDUCTIONS = ('none', 'mean', 'sum')


def log_probabilities(score: Tensor, label: Tensor,
                      ignore_index: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return log probabilities in float32, those of the labels, and a mask.

    Args:
        score (Tensor): Scores before softmax, (B, C, H, W).
        label (Tensor): Labels, (B, H, W), 0..C-1 or ``ignore_index``.
        ignore_index (int): Label of the pixels that do not count.

    Returns:
        tuple[Tensor, Tensor, Tensor]: log q (B, C, H, W); log q of the
        label, (B, H, W), at ignored pixels that of class 0; whether a pixel
        counts, bool (B, H, W).

    Raises:
        ValueError: There is a single channel: softmax would be 1.
    """
    if score.shape[1] < 2:
        raise ValueError('cls_score: expected one channel a class, at least '
                         f'2, found {score.shape[1]}. With two classes leave '
                         'out out_channels=1 of the head.')
    log_q = score.float().log_softmax(1)
    counts = label != ignore_index
    index = torch.where(counts, label, torch.zeros_like(label))
    return log_q, log_q.gather(1, index.unsqueeze(1)).squeeze(1), counts


class PixelLoss(nn.Module, ABC):
    """A loss for ``loss_decode`` of any head of mmseg.

    The mean is over the pixels that are not ignored; where there is none it
    is a zero with gradients.

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
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    @abstractmethod
    def per_pixel(self, cls_score: Tensor, label: Tensor,
                  ignore_index: int) -> Tensor:
        """Return the loss of each pixel, (B, H, W), 0 where ignored."""

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
        """
        reduction = reduction_override or self.reduction
        loss = self.per_pixel(cls_score, label, ignore_index)
        if reduction == 'mean' and avg_factor is None:
            avg_factor = (label != ignore_index).sum()
        return self.loss_weight * weight_reduce_loss(
            loss, None if weight is None else weight.float(), reduction,
            avg_factor)
