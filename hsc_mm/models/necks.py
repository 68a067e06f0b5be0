"""Necks, between a backbone and the CAM head: feature maps at one scale."""
from collections.abc import Sequence

import torch
from mmengine.dist import all_reduce
from mmengine.model import BaseModule
from torch import Tensor

from hsc_mm.registry import MODELS
from hsc_mm.utils.numbers import check_number
from .features import feature_map

__all__ = ['ScaledFeatures']


@MODELS.register_module()
class ScaledFeatures(BaseModule):
    r"""One feature map, scaled to a root mean square that the config names.

    .. math:: y = \frac{r}{\sqrt{\mathrm{mean}(x_0^2)}} x

    :math:`x_0` is the map of the first training batch, of all ranks. A step
    of a linear classifier moves its logits by the square of the scale of its
    features, and files of weights of one network differ in that scale: a
    learning rate that suits one may be fifty times too small for another.
    The factor is measured once and saved with the weights, as the
    initialisation of ActNorm is (Kingma and Dhariwal, NeurIPS 2018), but one
    number for all channels.

    Args:
        rms (float): r, above 0.
        in_index (int): Which map; the others pass through.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(self, rms: float, in_index: int = -1) -> None:
        super().__init__()
        self.rms = float(check_number(
            'rms of ScaledFeatures', rms, above=0))
        self.in_index = int(check_number(
            'in_index of ScaledFeatures', in_index, whole=True))
        self.register_buffer('factor', torch.zeros(()))  # 0: not measured
        self._looked = False

    def forward(self,
                feats: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Scale a map of a batch, (B, D, h, w) each."""
        feats = [feats] if isinstance(feats, Tensor) else list(feats)
        if not -len(feats) <= self.in_index < len(feats):
            raise ValueError(
                'in_index of ScaledFeatures: expected the index of one of '
                f'{len(feats)} feature maps, found {self.in_index}.')
        feat = feature_map(feats[self.in_index], self.in_index,
                           'ScaledFeatures')
        if self.training and not self._looked:
            self._looked = bool(self.factor) or self._measure(feat)
        feats[self.in_index] = feat * torch.where(
            self.factor > 0, self.factor, 1)
        return tuple(feats)

    @torch.no_grad()
    def _measure(self, feat: Tensor) -> bool:
        """Set the factor; say whether the map had a scale."""
        square = feat.float().square().mean()
        all_reduce(square, 'mean')
        scale = square.sqrt()
        if not (scale.isfinite() and scale > 0):
            return False
        self.factor.copy_(self.rms / scale)
        return True
