"""Label-free threshold rules: a background threshold from the CAMs alone.

A rule takes a histogram of the highest CAM of each pixel, (B,) counts over
[0, 1], and returns the edge of a bin, 1..B - 1: what lies below is background.
It sees no mask. Register another one with ``THRESHOLD_RULES``::

    @THRESHOLD_RULES.register_module(name='mine')
    def mine(counts):
        return len(counts) // 2
"""
from collections.abc import Callable, Sequence

import numpy as np

from hsc_mm.registry import THRESHOLD_RULES
from hsc_mm.utils.numbers import check_number, nearest

__all__ = [
    'AUTO', 'BINS', 'SUFFICIENCY', 'NoThresholdError', 'find_choice',
    'find_rule', 'kapur', 'li', 'otsu', 'rule_names', 'stable', 'threshold_by',
    'triangle', 'twice_mean'
]

#: Bins of a histogram of CAMs; edges are multiples of 0.01.
BINS = 100
#: Rule that ``auto`` stands for.
AUTO = 'otsu'
#: No rule on a histogram: see :mod:`hsc_mm.pseudo_labels.sufficiency`.
SUFFICIENCY = 'sufficiency'


class NoThresholdError(ValueError):
    """A label-free rule finds no threshold in the images."""


def rule_names() -> list[str]:
    """Return the names of all rules."""
    return sorted(THRESHOLD_RULES.module_dict)


def find_rule(name: str, beside: Sequence[str] = ()
              ) -> tuple[str, Callable[[np.ndarray], int]]:
    """Return name and function of a rule; ``'auto'`` is :data:`AUTO`.

    Args:
        name (str): What the user wrote.
        beside (sequence[str]): What the option takes beside rules, for the
            message.

    Raises:
        ValueError: There is no such rule.
    """
    name = AUTO if name == 'auto' else name
    if name == SUFFICIENCY:
        raise ValueError(
            f'threshold: expected a number or a rule on CAMs, found "{name}", '
            'which looks at the pictures. make_pseudo_labels, pipeline and '
            'run_matrix take it as --threshold.')
    rule = THRESHOLD_RULES.get(name)
    if not callable(rule):  # mmengine imports modules of that name
        known = [*beside, 'auto', *rule_names()]
        raise ValueError(f'threshold: expected a number in (0, 1) or one of '
                         f'{known}, found "{name}".{nearest(name, known)}')
    return name, rule


def find_choice(name: str, beside: Sequence[str] = ()) -> str:
    """Return the name of what chooses a threshold without masks.

    As :func:`find_rule`, but ``'sufficiency'`` is one, too.
    """
    if name == SUFFICIENCY:
        return name
    return find_rule(name, (*beside, SUFFICIENCY))[0]


def threshold_by(name: str, counts: np.ndarray) -> float:
    """Apply a rule to a histogram.

    Args:
        name (str): See :func:`find_rule`.
        counts (np.ndarray): Pixels in each of B equal bins of [0, 1], (B,).

    Returns:
        float: The background threshold, in (0, 1).

    Raises:
        NoThresholdError: No pixel was counted.
        ValueError: There is no such rule, or it returns no edge between two
            bins.
    """
    name, rule = find_rule(name)
    counts = np.asarray(counts, dtype=np.float64)
    if not counts.sum():
        raise NoThresholdError(
            f'threshold rule "{name}": expected CAMs of images that show a '
            'class, found none. Name a number.')
    edge = check_number(f'threshold rule "{name}": edge of a bin that it '
                        'returns', rule(counts), least=1,
                        most=len(counts) - 1)
    return round(float(edge) / len(counts), 6)


def _sides(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum values below and above each inner edge, (B - 1,) each."""
    below = np.cumsum(values)[:-1]
    return below, values.sum() - below


def _best_edge(score: np.ndarray) -> int:
    """Return the edge of the highest score; the middle one of equals.

    Edges in a gap of the histogram part the pixels alike.
    """
    score = np.where(np.isfinite(score), score, -np.inf)
    best = np.flatnonzero(score >= score.max() - 1e-12 * abs(score.max()))
    return int(best[len(best) // 2]) + 1


def _centres(counts: np.ndarray) -> np.ndarray:
    return (np.arange(len(counts)) + 0.5) / len(counts)


@THRESHOLD_RULES.register_module(name='otsu')
def otsu(counts: np.ndarray) -> int:
    r"""Maximise the variance between two classes of pixels.

    .. math:: \omega_0 \omega_1 (\mu_0 - \mu_1)^2

    N. Otsu, A threshold selection method from gray-level histograms, IEEE
    Trans. SMC 9(1), 1979.
    """
    below, above = _sides(counts)
    low, high = _sides(counts * _centres(counts))
    with np.errstate(divide='ignore', invalid='ignore'):
        return _best_edge(below * above * (low / below - high / above)**2)


@THRESHOLD_RULES.register_module(name='li')
def li(counts: np.ndarray) -> int:
    r"""Minimise the cross entropy of the CAM and its two-valued version.

    .. math:: - m_0 \log \mu_0 - m_1 \log \mu_1

    with the sums :math:`m_i` of the values on either side and their means.
    C. H. Li and C. K. Lee, Minimum cross entropy thresholding, Pattern
    Recognition 26(4), 1993. All edges are tried.
    """
    below, above = _sides(counts)
    low, high = _sides(counts * _centres(counts))
    with np.errstate(divide='ignore', invalid='ignore'):
        return _best_edge(low * np.log(low / below)
                          + high * np.log(high / above))


@THRESHOLD_RULES.register_module(name='kapur')
def kapur(counts: np.ndarray) -> int:
    """Maximise the sum of the entropies of both sides.

    J. N. Kapur, P. K. Sahoo and A. K. C. Wong, A new method for gray-level
    picture thresholding using the entropy of the histogram, CVGIP 29, 1985.
    """
    share = counts / counts.sum()
    terms = share * np.log(np.where(share > 0, share, 1))
    below, above = _sides(share)
    low, high = _sides(terms)
    with np.errstate(divide='ignore', invalid='ignore'):
        return _best_edge(np.log(below) - low / below
                          + np.log(above) - high / above)


@THRESHOLD_RULES.register_module(name='triangle')
def triangle(counts: np.ndarray) -> int:
    """Take the bin farthest below the line from the peak to the far end.

    G. W. Zack, W. E. Rogers and S. A. Latt, Automatic measurement of sister
    chromatid exchange frequency, J. Histochem. Cytochem. 25(7), 1977. The
    longer tail of the histogram counts.
    """
    filled = np.flatnonzero(counts)
    first, last, peak = filled[0], filled[-1], int(counts.argmax())
    end = last if last - peak >= peak - first else first
    places = np.arange(min(peak, end), max(peak, end) + 1)
    if len(places) < 3:
        return int(np.clip(peak + 1, 1, len(counts) - 1))
    line = np.interp(places, sorted((peak, end)),
                     counts[sorted((peak, end))])
    farthest = int(places[(line - counts[places]).argmax()])
    return int(np.clip(farthest, 1, len(counts) - 1))


@THRESHOLD_RULES.register_module(name='stable')
def stable(counts: np.ndarray) -> int:
    """Take the threshold at which the area of the foreground changes least.

    The criterion of maximally stable extremal regions, applied to the whole
    foreground: ``(A(t - d) - A(t + d)) / A(t)`` with d = 0.05; edges with
    less than 1 % or more than 90 % foreground are left out. J. Matas, O.
    Chum, M. Urban and T. Pajdla, Robust wide-baseline stereo from maximally
    stable extremal regions, BMVC 2002.
    """
    area = np.concatenate([[1], 1 - np.cumsum(counts) / counts.sum()])
    step = max(len(counts) // 20, 1)
    edges = np.arange(step, len(counts) - step + 1)
    edges = edges[(area[edges] >= 0.01) & (area[edges] <= 0.9)]
    if not len(edges):
        return otsu(counts)
    change = (area[edges - step] - area[edges + step]) / area[edges]
    return int(np.clip(edges[change.argmin()], 1, len(counts) - 1))


@THRESHOLD_RULES.register_module(name='twice-mean')
def twice_mean(counts: np.ndarray) -> int:
    """Take twice the mean of the CAM, as of saliency maps.

    R. Achanta, S. Hemami, F. Estrada and S. Suesstrunk, Frequency-tuned
    salient region detection, CVPR 2009.
    """
    mean = (counts * _centres(counts)).sum() / counts.sum()
    return int(np.clip(round(2 * mean * len(counts)), 1, len(counts) - 1))
