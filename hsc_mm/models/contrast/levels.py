"""Levels of the contrast: each a loss with its own momentum prototypes.

In one file, though long: the protocol, and the three levels that show it.
"""
from typing import NamedTuple

from mmseg.utils import ConfigType
from torch import Tensor, nn

from hsc_mm.functional.class_contrast import class_contrast
from hsc_mm.functional.pixel_contrast import pixel_contrast
from hsc_mm.functional.prototypes import (
    Bank,
    MomentumPrototypes,
    Observation,
)
from hsc_mm.functional.roi_contrast import roi_contrast
from hsc_mm.functional.similarity import bank_similarity
from hsc_mm.registry import MODELS
from hsc_mm.utils import check_number

__all__ = [
    'ClassContrast', 'ContrastLevel', 'Evidence', 'PixelContrast',
    'ROIContrast'
]


class Evidence(NamedTuple):
    """What a level of the contrast looks at; one entry a view in each list.

    Attributes:
        masks (list[Tensor]): Pseudo masks M, (B, h, w) int64, 0 is
            background and -1 neither.
        class_weights (list[Tensor]): Weights of the classes at each position
            for centres of classes, (B, C, h, w), see
            :func:`hsc_mm.functional.contrast_weights`.
        pixel_weights (list[Tensor]): The same for prototypes of pixels.
        labels (Tensor): y+, labels with the background, (B, C).
        embeddings (dict[str, list[Tensor]]): Name -> embeddings on the grid
            of the masks, (B, D, h, w).
    """
    masks: list[Tensor]
    class_weights: list[Tensor]
    pixel_weights: list[Tensor]
    labels: Tensor
    embeddings: dict[str, list[Tensor]]


class ContrastLevel(nn.Module):
    """A level of :class:`hsc_mm.HierarchicalContrast`, and its two banks.

    A subclass computes :meth:`compare`; this class builds a bank for each
    view when the head is known, hands it snapshots, and stages what the
    batch observed. :class:`hsc_mm.MomentumPrototypeHook` commits it.

    Args:
        bank (dict): Arguments of :class:`hsc_mm.MomentumPrototypes`:
            ``momentum``, ``init``, ``normalize``.
        loss_weight (float): Factor on the loss.

    Attributes:
        embedding (str): The embedding of the head that the level compares.
        log_name (str, optional): Name in the log, behind ``loss_``; by
            default the key in the dict of levels.
        has_similarity (bool): Whether a row of the bank is a class, so that
            :meth:`similarity` means something.
    """
    embedding = 'region'
    log_name: str | None = None
    has_similarity = False

    def __init__(self,
                 bank: ConfigType = dict(),
                 loss_weight: float = 0.1) -> None:
        super().__init__()
        self.bank_cfg = dict(bank)
        self.bank = nn.ModuleList()
        self.loss_weight = check_number(
            f'loss_weight of {type(self).__name__}', loss_weight, least=0)

    @property
    def needs(self) -> tuple[str, ...]:
        """tuple[str]: Parts of the head that the level needs."""
        return (self.embedding, )

    def rows(self, num_classes: int) -> int:
        """Return the number of prototypes of a view: one a class."""
        return num_classes

    def bind(self, num_classes: int, channels: dict[str, int]) -> None:
        """Build the banks; see :meth:`hsc_mm.models.losses.ViewLoss.bind`."""
        self.bank = nn.ModuleList(
            MomentumPrototypes(
                self.rows(num_classes), channels[self.embedding],
                **self.bank_cfg) for _ in range(2))

    def similarity(self, embedding: Tensor) -> Tensor:
        """See :func:`hsc_mm.functional.bank_similarity`, (B, C, h, w)."""
        return bank_similarity(embedding,
                               [bank.snapshot() for bank in self.bank])

    def compare(self, evidence: Evidence,
                banks: list[Bank]) -> tuple[Tensor, list[Observation]]:
        """Return the unweighted loss, and what each view observed.

        The banks are prototypes of earlier iterations.
        """
        raise NotImplementedError

    def forward(self, evidence: Evidence) -> Tensor:
        """Return the weighted loss, and stage the observations."""
        loss, observed = self.compare(
            evidence, [bank.snapshot() for bank in self.bank])
        for bank, one in zip(self.bank, observed, strict=True):
            bank.stage(one)
        return self.loss_weight * loss


@MODELS.register_module()
class ROIContrast(ContrastLevel):
    """ROI level: foreground against background of images.

    See :func:`hsc_mm.functional.roi_contrast`.

    Args:
        within (bool): Contrast within each view.
        cross (bool): Cross supervision between the views.
        prototype (bool): Pull towards the momentum prototypes.
        normalize (str): ``'channel'``, or ``'width'`` as in the release.
        count_empty (bool): Whether a view that is all foreground or all
            background counts as a zero vector, as in the release.
        **kwargs: See :class:`ContrastLevel`.

    Raises:
        ValueError: ``normalize`` is out of range.
    """

    def __init__(self,
                 within: bool = True,
                 cross: bool = True,
                 prototype: bool = True,
                 normalize: str = 'channel',
                 count_empty: bool = False,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if normalize not in ('channel', 'width'):
            raise ValueError('normalize of ROIContrast: expected "channel" '
                             f'or "width", found "{normalize}".')
        self.settings = dict(
            within=within,
            cross=cross,
            prototype=prototype,
            normalize=normalize,
            count_empty=count_empty)

    def rows(self, num_classes: int) -> int:
        """Return 2: background and foreground."""
        return 2

    def compare(self, evidence: Evidence,
                banks: list[Bank]) -> tuple[Tensor, list[Observation]]:
        """Return the unweighted loss, and what each view observed."""
        return roi_contrast(evidence.embeddings[self.embedding],
                            evidence.masks, banks, **self.settings)


@MODELS.register_module()
class ClassContrast(ContrastLevel):
    """Class level: centres of the strongest positions against the banks.

    See :func:`hsc_mm.functional.class_contrast`.

    Args:
        top (int): Positions that make a centre.
        bank_top (int): Positions that move the bank, at most ``top``.
        within (bool): Contrast with the bank of the same view.
        cross (bool): Cross supervision by the bank of the other view.
        background (bool): Whether the background is a class here; False in
            the release, which leaves its row random.
        sequential (bool): Whether a class sees the rows moved by the classes
            before it, as in the release.
        temperature (float): tau, > 0.
        **kwargs: See :class:`ContrastLevel`.
    """
    log_name = 'class'

    def __init__(self,
                 top: int = 128,
                 bank_top: int = 16,
                 within: bool = True,
                 cross: bool = True,
                 background: bool = True,
                 sequential: bool = False,
                 temperature: float = 0.1,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        check_number('top of ClassContrast', top, above=0, whole=True)
        check_number('bank_top of ClassContrast', bank_top, above=0, most=top,
                     whole=True)
        check_number('temperature of ClassContrast', temperature, above=0)
        self.settings = dict(
            tops=(top, bank_top),
            within=within,
            cross=cross,
            background=background,
            sequential=sequential,
            temperature=temperature)

    def compare(self, evidence: Evidence,
                banks: list[Bank]) -> tuple[Tensor, list[Observation]]:
        """Return the unweighted loss, and what each view observed."""
        return class_contrast(evidence.embeddings[self.embedding],
                              evidence.class_weights, evidence.labels, banks,
                              **self.settings)


@MODELS.register_module()
class PixelContrast(ContrastLevel):
    """Pixel level: pixels against prototypes of classes.

    See :func:`hsc_mm.functional.pixel_contrast`.

    Args:
        within (bool): Contrast within each view.
        cross_prototype (bool): Prototypes of the other view.
        cross_label (bool): Pseudo mask of the other view.
        memory (bool): Contrast with the momentum prototypes.
        temperature (float): tau, > 0.
        **kwargs: See :class:`ContrastLevel`.
    """
    embedding = 'pixel'
    has_similarity = True

    def __init__(self,
                 within: bool = True,
                 cross_prototype: bool = True,
                 cross_label: bool = True,
                 memory: bool = True,
                 temperature: float = 0.1,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        check_number('temperature of PixelContrast', temperature, above=0)
        self.settings = dict(
            within=within,
            cross_prototype=cross_prototype,
            cross_label=cross_label,
            memory=memory,
            temperature=temperature)

    def compare(self, evidence: Evidence,
                banks: list[Bank]) -> tuple[Tensor, list[Observation]]:
        """Return the unweighted loss, and what each view observed."""
        return pixel_contrast(evidence.embeddings[self.embedding],
                              evidence.pixel_weights, evidence.masks, banks,
                              **self.settings)
