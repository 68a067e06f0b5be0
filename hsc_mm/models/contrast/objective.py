"""The objective of HSC: contrast at ROI, class and pixel level."""
import torch
from mmengine.model import ModuleDict
from mmseg.utils import ConfigType, OptConfigType
from torch import Tensor

from hsc_mm.functional.contrast_maps import (
    agreed_mask,
    background_scores,
    contrast_cam,
    contrast_mask,
    contrast_weights,
    foreground_quantiles,
)
from hsc_mm.functional.resize import resize_bilinear
from hsc_mm.registry import MODELS
from hsc_mm.utils import check_number
from hsc_mm.utils.numbers import check_size
from ..losses.base import (
    ViewLoss,
    similarity_source,
    training_progress,
    two_views,
)
from ..losses.named import build_named
from ..views import Targets, View
from .base import Evidence

__all__ = ['HierarchicalContrast']

#: Parts of a view that are no embedding.
_NO_EMBEDDING = ('second_view', 'refined', 'attention')
#: A level of this name would be called as the classification loss is.
_LOG = dict(cls='class')
LEVELS = dict(
    roi=dict(type='hsc_mm.ROIContrast'),
    cls=dict(type='hsc_mm.ClassContrast'),
    pixel=dict(type='hsc_mm.PixelContrast'))


@MODELS.register_module()
class HierarchicalContrast(ViewLoss):
    """Masks, levels of contrast, and their momentum prototypes.

    ``forward``: evidence of the views (refined CAMs, or what stands for
    them) -> r_hat -> masks -> mask refiner -> levels. Both views are brought
    to one grid, by default that of view 2. How this differs from the public
    release, and the switches that do as it does, are in docs/method.md.

    Args:
        levels (dict): Name -> config of a :class:`ContrastLevel`; None
            leaves a level out.
        mask_refiner (dict, optional): What refines the masks; None: nothing.
        background (float | tuple[float, float]): Score of the background in
            the masks, in (0, 1). Of two scores each makes a mask, and where
            these differ a position takes no part in ROI and pixel level.
        background_as (str): What ``background`` is: a ``'score'`` of r_hat,
            or a ``'quantile'`` of the batch, the share of its positions that
            the background gets in images that hold a class. Scores suit the
            data on which they were chosen; quantiles follow CAMs that are
            flat or peaked.
        weights (str): Positions that speak for a class: ``'present'``, those
            of images that hold it, or ``'all'``, as in the release, where
            the background has the constant weight ``background``.
        grid (tuple[int, int], optional): Height and width of the grid of the
            contrast; None takes that of view 2.
        warmup (float): Share of the training, in [0, 1], over which the
            weight of the contrast rises from 0: CAMs mean nothing at first.
        loss_weight (float): Factor on all levels.

    Raises:
        ValueError: An argument is out of range, there is no level, or two
            have one name.
    """

    def __init__(self,
                 levels: ConfigType = LEVELS,
                 mask_refiner: OptConfigType = dict(type='hsc_mm.LabelCRF'),
                 background: float | tuple[float, float] = 0.1,
                 background_as: str = 'score',
                 weights: str = 'present',
                 grid: tuple[int, int] | None = None,
                 warmup: float = 0.0,
                 loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        self.background = background_scores(background)
        if background_as not in ('score', 'quantile'):
            raise ValueError(
                'background_as of HierarchicalContrast: expected "score" or '
                f'"quantile", found "{background_as}".')
        self.background_as = background_as
        if weights not in ('present', 'all'):
            raise ValueError('weights of HierarchicalContrast: expected '
                             f'"present" or "all", found "{weights}".')
        if weights == 'all' and (len(self.background) > 1
                                 or background_as != 'score'):
            raise ValueError('background of HierarchicalContrast: expected '
                             'one score with weights="all", found '
                             f'{background_as} {background}.')
        check_number('warmup of HierarchicalContrast', warmup, least=0, most=1)
        self.constant = self.background[0] if weights == 'all' else None
        self.grid = check_size('grid of HierarchicalContrast', grid)
        self.warmup = warmup
        self.mask_refiner = (
            MODELS.build(mask_refiner) if mask_refiner else None)
        self.levels = ModuleDict(build_named('levels', levels, ModuleDict))
        if not self.levels:
            raise ValueError('levels of HierarchicalContrast: expected at '
                             'least one, found none. To train without it, '
                             'set losses=dict(contrast=None) in the head.')
        self.log_names: dict[str, str] = {}
        for name, level in self.levels.items():
            short = getattr(level, 'log_name', None) or _LOG.get(name, name)
            self.log_names[name] = name if short in (
                self.log_names.values()) else short
        if len({*self.log_names.values()}) < len(self.levels):
            raise ValueError('levels of HierarchicalContrast: expected a name '
                             'for the log of each, found '
                             f'{self.log_names}. Rename a level.')

    @property
    def needs(self) -> tuple[str, ...]:
        """tuple[str]: Two views, and the embeddings of the levels."""
        parts = [part for level in self.levels.values()
                 for part in getattr(level, 'needs', ())]
        return ('second_view', *dict.fromkeys(parts))

    @property
    def has_similarity(self) -> bool:
        """bool: Whether a level has a prototype of each class."""
        return similarity_source(self.levels) is not None

    def similarity(self, view: View) -> Tensor:
        """Compare a view with the prototypes of the first such level."""
        level = similarity_source(self.levels)
        return level.similarity(view.embedding(level.embedding))

    def bind(self, num_classes: int, channels: dict[str, int]) -> None:
        """Let the levels build their banks; see :meth:`ViewLoss.bind`."""
        for level in self.levels.values():
            level.bind(num_classes, channels)

    def masks(self,
              cams: list[Tensor],
              label: Tensor,
              colours: Tensor,
              max_labels: int | None = None) -> list[Tensor]:
        """Make the pseudo masks of both views.

        Returns:
            list[Tensor]: (B, h, w) each, int64; -1 where two scores of the
            background disagree.
        """
        scores = self.background
        if self.background_as == 'quantile':
            scores = foreground_quantiles(cams, label, self.background)
        masks = [
            contrast_mask(cam, label, score) for score in scores
            for cam in cams
        ]
        if self.mask_refiner is not None:
            small = resize_bilinear(colours.float(), cams[0].shape[2:])
            # An 8-bit picture; rounding must not make -1 of black.
            small = small.clamp(min=0).floor()
            masks = self.mask_refiner(masks, small, label.shape[1],
                                      max_labels)
        views = len(cams)
        return [agreed_mask(masks[view::views]) for view in range(views)]

    def forward(self, views: list[View],
                targets: Targets) -> dict[str, Tensor]:
        """Compute the losses of both views.

        Returns:
            dict[str, Tensor]: :attr:`log_names` of a level -> its loss;
            ``'class'`` for the level ``cls``.
        """
        views = two_views(views, type(self).__name__)
        grid = tuple(self.grid or views[1].cam.shape[2:])
        label = targets.with_background
        with torch.no_grad():
            cams = [
                contrast_cam(
                    resize_bilinear(view.evidence.detach(), grid))
                for view in views
            ]
            # Colours of the second view: it is on the grid of the contrast.
            masks = self.masks(cams, label, views[1].colours,
                               targets.max_labels)
        embeddings = {
            name: [view.embedding(name) for view in views]
            for name in self.needs if name not in _NO_EMBEDDING
        }
        return self.contrast(cams, masks, embeddings, label)

    def contrast(self, cams: list[Tensor], masks: list[Tensor],
                 embeddings: dict[str, list[Tensor]],
                 label: Tensor) -> dict[str, Tensor]:
        """Compute the losses from r_hat, masks, embeddings and y+."""
        grid = tuple(cams[0].shape[2:])
        classes, pixel = zip(
            *(contrast_weights(cam, label, self.constant) for cam in cams),
            strict=True)
        evidence = Evidence(
            masks, list(classes), list(pixel), label, {
                name: [resize_bilinear(one.float(), grid) for one in both]
                for name, both in embeddings.items()
            })
        factor = self.loss_weight * self.strength
        return {
            self.log_names[name]: factor * level(evidence)
            for name, level in self.levels.items()
        }

    @property
    def strength(self) -> float:
        """float: Factor of the warm-up, in [0, 1]."""
        if not self.warmup:
            return 1.0
        return min(training_progress() / self.warmup, 1.0)
