"""The objective of HSC: contrast at ROI, class and pixel level."""
import torch
from mmseg.utils import OptConfigType
from torch import Tensor, nn

from hsc_mm.functional.contrast_maps import (
    agreed_mask,
    background_scores,
    contrast_cam,
    contrast_mask,
    contrast_weights,
)
from hsc_mm.functional.prototypes import MomentumPrototypes
from hsc_mm.functional.resize import resize_bilinear
from hsc_mm.registry import MODELS

__all__ = ['RECIPES', 'HierarchicalContrast']

#: What a recipe says of each level; a config changes single entries.
RECIPES = dict(
    clean=dict(
        roi=dict(type='hsc_mm.ROIContrastLoss'),
        classes=dict(type='hsc_mm.ClassContrastLoss'),
        pixel=dict(type='hsc_mm.PixelContrastLoss'),
        banks=dict(roi=dict(), classes=dict(), pixel=dict())),
    release=dict(
        roi=dict(
            type='hsc_mm.ROIContrastLoss', normalize='width',
            count_empty=True),
        classes=dict(
            type='hsc_mm.ClassContrastLoss',
            background=False,
            sequential=True),
        pixel=dict(type='hsc_mm.PixelContrastLoss'),
        banks=dict(
            roi=dict(init='random', normalize='none'),
            classes=dict(init='random', normalize='new'),
            pixel=dict(init='random', normalize='new'))))


@MODELS.register_module()
class HierarchicalContrast(nn.Module):
    """Masks, three levels of contrast, and their momentum prototypes.

    ``forward``: refined CAMs -> r_hat -> masks -> refiner -> levels; each
    level reads a snapshot of its banks and stages what the batch observed.

    Both views are brought to one grid, by default that of view 2. Where the
    recipes ``'clean'`` and ``'release'`` differ is written in docs/method.md.

    Args:
        num_classes (int): C, background included.
        region_channels (int): D_z, of the region embedding.
        pixel_channels (int): D_u, of the pixel embedding.
        recipe (str): ``'clean'`` or ``'release'``.
        loss_roi (dict, optional): Changes to the recipe's ROI level; None
            switches the level off.
        loss_class (dict, optional): The same for the class level.
        loss_pixel (dict, optional): The same for the pixel level.
        refiner (dict, optional): What refines the masks; None: nothing.
        background (float | tuple[float, float]): Score of the background in
            the masks, in (0, 1). Of two scores each makes a mask, and where
            these differ a position takes no part in ROI and pixel level.
        momentum (float): Weight of a new prototype, in (0, 1].
        grid (tuple[int, int], optional): Height and width of the grid of the
            contrast; None takes that of view 2.
        warmup (float): Share of the training, in [0, 1], over which the
            weight of the contrast rises from 0: CAMs mean nothing at first.

    Raises:
        ValueError: ``recipe`` or ``background`` is out of range.
    """

    def __init__(self,
                 num_classes: int,
                 region_channels: int = 256,
                 pixel_channels: int = 128,
                 recipe: str = 'clean',
                 loss_roi: OptConfigType = dict(),
                 loss_class: OptConfigType = dict(),
                 loss_pixel: OptConfigType = dict(),
                 refiner: OptConfigType = dict(type='hsc_mm.LabelCRF'),
                 background: float | tuple[float, float] = 0.1,
                 momentum: float = 0.5,
                 grid: tuple[int, int] | None = None,
                 warmup: float = 0.0) -> None:
        super().__init__()
        if recipe not in RECIPES:
            raise ValueError('recipe of HierarchicalContrast: expected one '
                             f'of {sorted(RECIPES)}, found "{recipe}".')
        self.scores = background_scores(background, recipe)
        self.num_classes = num_classes
        self.recipe = recipe
        self.background = background
        self.grid = grid
        self.warmup = warmup
        self.progress = 1.0
        self.refiner = MODELS.build(refiner) if refiner else None
        self.levels = nn.ModuleDict()
        self.banks = nn.ModuleDict()
        for name, change, rows, channels in (
            ('roi', loss_roi, 2, region_channels),
            ('classes', loss_class, num_classes, region_channels),
            ('pixel', loss_pixel, num_classes, pixel_channels)):
            if change is None:
                continue
            self.levels[name] = MODELS.build(
                {**RECIPES[recipe][name], **change})
            bank = dict(
                momentum=momentum, **RECIPES[recipe]['banks'][name])
            self.banks[name] = nn.ModuleList(
                MomentumPrototypes(rows, channels, **bank) for _ in range(2))

    def masks(self,
              cams: list[Tensor],
              label: Tensor,
              image: Tensor,
              max_labels: int | None = None) -> list[Tensor]:
        """Make the pseudo masks of both views.

        Args:
            cams (list[Tensor]): r_hat, (B, C, h, w) each.
            label (Tensor): y+, (B, C).
            image (Tensor): Colours in [0, 255], (B, 3, H, W).
            max_labels (int, optional): See :func:`hsc_mm.crf.grid.
                crf_from_labels`.

        Returns:
            list[Tensor]: (B, h, w) each, int64; -1 where two scores of the
            background disagree.
        """
        masks = [
            contrast_mask(cam, label, score) for score in self.scores
            for cam in cams
        ]
        if self.refiner is not None:
            small = resize_bilinear(image.float(), cams[0].shape[2:])
            # An 8-bit picture; rounding must not make -1 of black.
            small = small.clamp(min=0).floor()
            masks = self.refiner(masks, small, self.num_classes, max_labels)
        views = len(cams)
        return [agreed_mask(masks[view::views]) for view in range(views)]

    def forward(self,
                refined: list[Tensor],
                pixels: list[Tensor],
                regions: list[Tensor],
                label: Tensor,
                image: Tensor,
                max_labels: int | None = None) -> dict[str, Tensor]:
        """Compute the losses of both views.

        Args:
            refined (list[Tensor]): Refined (or raw) CAMs, (B, C, h_v, w_v).
            pixels (list[Tensor]): Embeddings u, (B, D_u, h_v, w_v).
            regions (list[Tensor]): Embeddings z, (B, D_z, h_v, w_v).
            label (Tensor): Image labels y, (B, K).
            image (Tensor): Colours in [0, 255], (B, 3, H, W).
            max_labels (int, optional): Largest number of labels of an image,
                the background included; see :meth:`masks`.

        Returns:
            dict[str, Tensor]: ``loss_roi``, ``loss_class``, ``loss_pixel``,
            those that are switched on.
        """
        grid = tuple(self.grid or refined[1].shape[2:])
        label = torch.cat([torch.ones_like(label[:, :1]), label], 1).float()
        with torch.no_grad():
            cams = [
                contrast_cam(resize_bilinear(one.detach().float(), grid))
                for one in refined
            ]
            masks = self.masks(cams, label, image, max_labels)
        return self.contrast(cams, masks, pixels, regions, label)

    def contrast(self, cams: list[Tensor], masks: list[Tensor],
                 pixels: list[Tensor], regions: list[Tensor],
                 label: Tensor) -> dict[str, Tensor]:
        """Compute the losses from r_hat, masks and y+; see :meth:`forward`."""
        grid = tuple(cams[0].shape[2:])
        # What no level needs is None.
        regions, pixels = (
            [one if one is None else resize_bilinear(one.float(), grid)
             for one in embeddings] for embeddings in (regions, pixels))
        weights = [
            contrast_weights(cam, label, self.background, self.recipe)
            for cam in cams
        ]
        classes, pixel = zip(*weights, strict=True)
        inputs = dict(
            roi=(regions, masks),
            classes=(regions, classes, label),
            pixel=(pixels, pixel, masks))
        losses = {}
        for name, level in self.levels.items():
            banks = self.banks[name]
            loss, observed = level(*inputs[name],
                                   [bank.snapshot() for bank in banks])
            for bank, one in zip(banks, observed, strict=True):
                bank.stage(one)
            losses[level.loss_name] = self.strength * loss
        return losses

    @property
    def strength(self) -> float:
        """float: Factor on the losses; :attr:`progress` is set by the hook."""
        if self.progress >= self.warmup:
            return 1.0
        return self.progress / self.warmup
