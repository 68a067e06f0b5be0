"""Label rules, from a soft CAM to a mask: threshold, band, agreement.

In one file, though long: the rules share the check of what they return.
"""
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from hsc_mm.registry import LABEL_RULES, build_part
from hsc_mm.utils import check_number
from hsc_mm.utils.part_types import parameter_of
from hsc_mm.utils.shapes import described
from .identity import part_identity
from .refiners import Refiner, build_refiner
from .soft_cam import IGNORED, SoftCAM, agree, band_label, best_label

__all__ = [
    'AgreementRule', 'BandRule', 'LabelRule', 'ThresholdRule', 'build_rule'
]


class LabelRule(ABC):
    """Makes a mask of a soft CAM.

    A subclass is registered in :data:`hsc_mm.registry.LABEL_RULES` and
    writes :meth:`label` and :meth:`identity`. It holds no state that a call
    changes and can be pickled: worker processes have copies.

    Attributes:
        refiners (tuple[Refiner, ...]): Those that the rule itself runs.
        per_pixel (bool): Whether :meth:`label` looks at each pixel alone. A
            class says so for its own :meth:`label`: images above the limit
            of megapixels are labelled part by part.
    """
    refiners: tuple[Refiner, ...] = ()
    per_pixel = False

    def __call__(self, soft: SoftCAM) -> np.ndarray:
        """Label the pixels of an image.

        Returns:
            np.ndarray: Class indices, (H, W) uint8, 255 = ignored. An image
            without a class is background.

        Raises:
            ValueError: The soft CAM lacks what the rule reads, or
                :meth:`label` returns no mask of the image and its classes.
        """
        if not len(soft.cam):
            return np.zeros(soft.cam.shape[1:], dtype=np.uint8)
        return _checked(self.label(soft), soft, type(self).__name__)

    def reads_threshold(self, background: bool) -> bool:
        """Say whether the rule's ``threshold`` decides about pixels.

        Args:
            background (bool): Whether soft CAMs have a map of the background.
        """
        return parameter_of(type(self), 'threshold') is not None

    def labels_parts(self) -> bool:
        """Say whether parts of an image get the labels of the whole."""
        for one in type(self).__mro__:
            if 'per_pixel' in vars(one) or 'label' in vars(one):
                return vars(one).get('per_pixel', False)
        return False

    @abstractmethod
    def label(self, soft: SoftCAM) -> np.ndarray:
        """Label the pixels of an image with at least one class.

        Returns:
            np.ndarray: (H, W), integers: 0, 255, or one of ``classes``.
        """

    @abstractmethod
    def identity(self) -> dict:
        """Return JSON values that tell two settings of the class apart."""


def _checked(mask: np.ndarray, soft: SoftCAM, name: str) -> np.ndarray:
    """Return the mask of a rule as bytes, or raise ValueError."""
    size = soft.cam.shape[1:]
    if not isinstance(mask, np.ndarray) or mask.shape != size \
            or mask.dtype.kind not in 'iu':
        raise ValueError(
            f'{soft.img_id}: {name}: expected a mask from it, an ndarray of '
            f'integers {size}, found {described(mask)}.')
    labels = mask.astype(np.uint8, copy=False)
    known = [0, *map(int, soft.classes), IGNORED]
    table = np.ones(256, dtype=bool)
    table[known] = False
    wrong = table[labels]
    if labels is not mask:
        wrong |= labels != mask
    if wrong.any():
        raise ValueError(
            f'{soft.img_id}: {name}: expected a mask from it of {known} '
            '(background, classes of the image, ignored), found '
            f'{np.unique(mask[wrong]).tolist()}.')
    return labels


@LABEL_RULES.register_module()
class ThresholdRule(LabelRule):
    """Background is what no CAM lifts above a threshold.

    Where a refiner has made a background (a CRF does), the highest of
    background and maps is the label, and the threshold is not used.

    Args:
        threshold (float): Background threshold, in [0, 1).

    Raises:
        ValueError: It is out of range.
    """
    per_pixel = True

    def __init__(self, threshold: float) -> None:
        self.threshold = float(check_number(
            'threshold of ThresholdRule', threshold, least=0, below=1))

    def reads_threshold(self, background: bool) -> bool:
        """Say whether there is no background to read instead."""
        return not background

    def label(self, soft: SoftCAM) -> np.ndarray:
        """See :func:`band_label` and :func:`best_label`."""
        if soft.background is None:
            return band_label(soft.cam, soft.classes, self.threshold,
                              self.threshold)
        return best_label(
            np.concatenate([soft.background[None], soft.cam]), soft.classes)

    def identity(self) -> dict:
        """Return JSON values that tell two settings apart."""
        return dict(type='ThresholdRule', threshold=self.threshold)


@LABEL_RULES.register_module()
class BandRule(LabelRule):
    """Ignored is what lies between two thresholds, see :func:`band_label`.

    A background that a refiner has made is not looked at: after a CRF the
    thresholds are those of the probability of the best class.

    Args:
        low (float): Threshold of the background.
        high (float): Threshold of the foreground.

    Raises:
        ValueError: They are not 0 < low <= high < 1.
    """
    per_pixel = True

    def __init__(self, low: float, high: float) -> None:
        check_number('low of BandRule', low, above=0, below=1)
        check_number('high of BandRule', high, least=low, below=1)
        self.low, self.high = float(low), float(high)

    def label(self, soft: SoftCAM) -> np.ndarray:
        """See :func:`band_label`."""
        return band_label(soft.cam, soft.classes, self.low, self.high)

    def identity(self) -> dict:
        """Return JSON values that tell two settings apart."""
        return dict(type='BandRule', low=self.low, high=self.high)


@LABEL_RULES.register_module()
class AgreementRule(LabelRule):
    """Ignored is where two refiners disagree about the background.

    Each refines the same soft CAM and its label is that of
    :class:`ThresholdRule`; :func:`agree` joins the two. Made for two CRFs,
    ``CRFRefiner(alpha=4)`` and ``CRFRefiner(alpha=24)``.

    Args:
        refiners (sequence[dict | Refiner]): The two, first the one that is
            sparing with foreground.
        threshold (float): Of the labels, where a refiner makes no
            background.

    Raises:
        ValueError: There are not two, or an argument is bad.
    """

    def __init__(self,
                 refiners: Sequence[dict | Refiner],
                 threshold: float) -> None:
        if not isinstance(refiners, list | tuple) or len(refiners) != 2:
            raise ValueError('refiners of AgreementRule: expected a list of '
                             f'two, found {refiners!r}.')
        self.refiners = tuple(map(build_refiner, refiners))
        self.rule = ThresholdRule(threshold)
        self.threshold = self.rule.threshold

    def reads_threshold(self, background: bool) -> bool:
        """Say whether a refiner's result has no background."""
        return not all(
            background if one.background is None else one.background
            for one in self.refiners)

    def label(self, soft: SoftCAM) -> np.ndarray:
        """See :func:`agree`."""
        return agree(*(self.rule(refine(soft)) for refine in self.refiners))

    def identity(self) -> dict:
        """Return JSON values that tell two settings apart."""
        return dict(
            type='AgreementRule',
            refiners=[part_identity(one) for one in self.refiners],
            threshold=self.rule.threshold)


def build_rule(cfg: dict | LabelRule, threshold: float) -> LabelRule:
    """Build a label rule of ``dict(type=...)``; a rule comes back as it is.

    ``threshold`` is for one that has such an argument and is not given it.

    Raises:
        ValueError: There is no such rule, or it refuses its arguments.
    """
    if isinstance(cfg, LabelRule):
        return cfg
    return build_part(
        LABEL_RULES, cfg, 'rule', LabelRule, threshold=threshold)
