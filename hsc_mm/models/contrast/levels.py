"""Levels of the contrast, in which HSC compares what the views show."""
from torch import Tensor

from hsc_mm.functional.class_contrast import class_contrast
from hsc_mm.functional.pixel_contrast import pixel_contrast
from hsc_mm.functional.prototypes import Bank, Observation
from hsc_mm.functional.roi_contrast import roi_contrast
from hsc_mm.registry import MODELS
from hsc_mm.utils import check_number
from .base import ContrastLevel, Evidence

__all__ = ['ClassContrast', 'PixelContrast', 'ROIContrast']


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
        share_ties (bool): Whether positions of equal weight share the places
            that are left; False takes them in the order of ``torch.topk``,
            as the release does, and depends on the order of the batch.
        temperature (float): tau, > 0.
        **kwargs: See :class:`ContrastLevel`.
    """

    def __init__(self,
                 top: int = 128,
                 bank_top: int = 16,
                 within: bool = True,
                 cross: bool = True,
                 background: bool = True,
                 sequential: bool = False,
                 share_ties: bool = True,
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
            share_ties=share_ties,
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
        share_ties (bool): Whether positions of equal weight share the places
            that are left; False takes them in the order of ``torch.topk``,
            as the release does, and depends on the order of the batch.
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
                 share_ties: bool = True,
                 temperature: float = 0.1,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        check_number('temperature of PixelContrast', temperature, above=0)
        self.settings = dict(
            within=within,
            cross_prototype=cross_prototype,
            cross_label=cross_label,
            memory=memory,
            share_ties=share_ties,
            temperature=temperature)

    def compare(self, evidence: Evidence,
                banks: list[Bank]) -> tuple[Tensor, list[Observation]]:
        """Return the unweighted loss, and what each view observed."""
        return pixel_contrast(evidence.embeddings[self.embedding],
                              evidence.pixel_weights, evidence.masks, banks,
                              **self.settings)
