"""Protocol of a level of the contrast: what it looks at, and its two banks."""
from typing import NamedTuple

from mmengine.model import BaseModule
from mmseg.utils import ConfigType
from torch import Tensor, nn

from hsc_mm.functional.prototypes import (
    Bank,
    MomentumPrototypes,
    Observation,
)
from hsc_mm.functional.similarity import bank_similarity
from hsc_mm.utils import check_number
from hsc_mm.utils.shapes import described

__all__ = ['ContrastLevel', 'Evidence']


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


class ContrastLevel(BaseModule):
    """A level of :class:`hsc_mm.HierarchicalContrast`, and its two banks.

    A subclass computes :meth:`compare`; this class builds a bank for each
    view when the head is known, hands it snapshots, and stages what the
    batch observed. :class:`hsc_mm.MomentumPrototypeHook` commits it.

    Args:
        bank (dict): Arguments of
            :class:`hsc_mm.functional.prototypes.MomentumPrototypes`:
            ``momentum``, ``init``, ``normalize``.
        loss_weight (float): Factor on the loss.

    Attributes:
        embedding (str): The embedding of the head that the level compares.
        log_name (str, optional): Name in the log, behind ``loss_``; by
            default the key in the dict of levels, ``'class'`` for ``cls``.
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
        """Build the banks; see :meth:`hsc_mm.models.losses.ViewLoss.bind`.

        Raises:
            ValueError: The head has no such embedding.
        """
        if self.embedding not in channels:
            raise ValueError(
                f'embedding of {type(self).__name__}: expected one of the '
                f'head, {sorted(channels)}, found {self.embedding!r}. Name it '
                'in needs, so that the head builds it.')
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
        raise NotImplementedError(
            f'{type(self).__name__}: expected a method compare(evidence, '
            'banks), found none.')

    def forward(self, evidence: Evidence) -> Tensor:
        """Return the weighted loss, and stage the observations.

        Raises:
            ValueError: :meth:`compare` returned something else, or observed
                something of another size.
        """
        found = self.compare(
            evidence, [bank.snapshot() for bank in self.bank])
        owner = f'compare of {type(self).__name__}'
        if not (isinstance(found, tuple) and len(found) == 2
                and isinstance(found[0], Tensor)
                and isinstance(found[1], list | tuple)
                and all(isinstance(one, Observation) for one in found[1])):
            raise ValueError(f'{owner}: expected the loss and a list of '
                             f'Observations, found {described(found)}.')
        loss, observed = found
        if len(observed) != len(self.bank):
            raise ValueError(f'{owner}: expected an Observation of each of '
                             f'{len(self.bank)} views, found '
                             f'{len(observed)}.')
        for bank, one in zip(self.bank, observed, strict=True):
            try:
                bank.stage(one)
            except ValueError as error:
                raise ValueError(f'{owner}: {error}') from error
        return self.loss_weight * loss
