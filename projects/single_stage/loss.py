"""Loss of a single stage: affinity and segmentation from CAMs."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hsc_mm import functional as hsc
from hsc_mm.models.losses import ViewLoss, training_progress
from hsc_mm.models.views import Targets, View
from hsc_mm.registry import MODELS
from .labels import (
    affinity_labels,
    affinity_loss,
    banded_labels,
    local_pairs,
    normalised_maps,
    random_walk,
    segmentation_loss,
)

__all__ = ['AffinityFromAttention']


@MODELS.register_module()
class AffinityFromAttention(ViewLoss):
    r"""AFA (Ru et al., CVPR 2022): affinity and segmentation from CAMs.

    .. code:: text

        attention S -> a = sigmoid(conv(n (S + S^T))), (B, n, n)
        CAM -> PAR -> band -> labels of pairs  -> loss_affinity of a
        CAM -> random walk by a -> PAR -> band -> loss_segmentation

    One loss with two terms, since both need a and PAR's weights. Before
    ``warmup`` both are zero: CAMs mean nothing at first.

    Args:
        maps (int): Maps of attention that the backbone shows: the recorded
            blocks, times their heads with ``attention.heads=True``.
        thresholds (tuple[float, float]): Score of the background, low and
            high: see :func:`banded_labels`.
        radius (int): Of pairs, see :func:`local_pairs`.
        power (float): Of the affinity in the random walk.
        steps (int): Of the random walk.
        warmup (float): Share of the training, in [0, 1], after which the
            terms count.
        walk_from (float): Share of the training after which maps are spread
            by the affinity, for it has to be learned first.
        shrink (int): PAR runs on images this much smaller.
        loss_weight (float): Factor on both terms.

    Raises:
        ValueError: An argument is out of range, or (when run) attention and
            CAM do not fit; when the head is built, the decoder has not C
            channels.
    """
    needs = ('attention', 'segmentation')

    def __init__(self,
                 maps: int,
                 thresholds: tuple[float, float] = (0.35, 0.55),
                 radius: int = 8,
                 power: float = 2.0,
                 steps: int = 1,
                 warmup: float = 0.1,
                 walk_from: float = 0.3,
                 shrink: int = 2,
                 loss_weight: float = 0.1) -> None:
        super().__init__(loss_weight)
        low, high = thresholds
        if not 0 < low <= high < 1:
            raise ValueError('thresholds of AffinityFromAttention: expected '
                             f'0 < low <= high < 1, found {thresholds}.')
        self.affinity = nn.Conv2d(maps, 1, 1)
        self.thresholds, self.radius = (low, high), radius
        self.power, self.steps = power, steps
        self.warmup, self.walk_from = warmup, walk_from
        self.shrink = shrink

    def bind(self, num_classes: int, channels: dict[str, int]) -> None:
        """Refuse a decoder of other classes; see :class:`ViewLoss`."""
        if channels['segmentation'] != num_classes:
            raise ValueError(
                'embeddings.segmentation: expected a channel for each of the '
                f'{num_classes} classes, found {channels["segmentation"]}. '
                'Take hsc_mm.SegmentationDecoder.')

    def forward(self, views: list[View],
                targets: Targets) -> dict[str, Tensor]:
        """Return ``affinity`` and ``segmentation``, averaged over views."""
        found = [self._of_view(view, targets.labels) for view in views]
        return {
            name: self.loss_weight * sum(one[name] for one in found) /
            len(found)
            for name in ('affinity', 'segmentation')
        }

    def predict_affinity(self, view: View) -> Tensor:
        """Return the affinity of the n positions of a view, (B, n, n)."""
        attention, grid = view.attention.float(), tuple(view.cam.shape[2:])
        count = grid[0] * grid[1]
        expected = (self.affinity.in_channels, count, count)
        if tuple(attention.shape[1:]) != expected:
            raise ValueError(
                'AffinityFromAttention: expected attention of the shape '
                f'(maps, n, n) = {expected} for a CAM of {grid}, found '
                f'{tuple(attention.shape[1:])}. Set maps of the loss to the '
                'number of recorded blocks (times heads, with '
                'attention.heads=True), and classify the last feature map.')
        attention = count * (attention + attention.transpose(2, 3))
        return self.affinity(attention).sigmoid()[:, 0]

    @torch.no_grad()
    def pseudo_labels(self, view: View, affinity: Tensor,
                      labels: Tensor) -> tuple[Tensor, Tensor]:
        """Label the pairs and the pixels of a view.

        PAR keeps constants as they are, so that one pass serves both scores
        of the background.

        Args:
            view (View): Its activations and colours.
            affinity (Tensor): (B, n, n).
            labels (Tensor): Image labels, (B, K).

        Returns:
            tuple[Tensor, Tensor]: :func:`affinity_labels` (B, n, n),
            and labels of pixels (B, H / shrink, W / shrink).
        """
        maps = normalised_maps(view.evidence[:, 1:].float(), labels)
        grid = tuple(maps.shape[2:])
        near = local_pairs(grid, self.radius, maps.device)
        walks = self.steps if training_progress() >= self.walk_from else 0
        walked = random_walk(maps, affinity, near, self.power, walks)
        size = [max(side // self.shrink, 1) for side in view.image.shape[2:]]
        # A position of a transformer is the centre of a patch.
        colours, both = (
            F.interpolate(one, size, mode='bilinear', align_corners=False)
            for one in (view.colours, torch.cat([maps, walked], dim=1)))
        both = hsc.pixel_adaptive(both, hsc.pixel_affinity(colours))
        plain, walked = (
            banded_labels(one, *self.thresholds)
            for one in both.chunk(2, dim=1))
        small = F.interpolate(
            plain[:, None].float(), grid, mode='nearest-exact')[:, 0].long()
        return affinity_labels(small, near), walked

    def _of_view(self, view: View, labels: Tensor) -> dict[str, Tensor]:
        affinity = self.predict_affinity(view)
        logits = view.embedding('segmentation').float()
        if training_progress() < self.warmup:
            return dict(
                affinity=affinity.sum() * 0, segmentation=logits.sum() * 0)
        pairs, mask = self.pseudo_labels(view, affinity, labels)
        logits = F.interpolate(
            logits, mask.shape[1:], mode='bilinear', align_corners=False)
        return dict(
            affinity=affinity_loss(affinity, pairs),
            segmentation=segmentation_loss(logits, mask))
