"""A stream of CAMs becomes a stream of labels."""
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from hsc_mm.crf import cam_probability, refine_many
from hsc_mm.pseudo_labels.rules import (
    agree,
    band_label,
    best_label,
    threshold_label,
)
from .cams import SoftCAM
from .settings import LabelSettings
from .views import Failure

__all__ = ['Labelled', 'label_stream']


class Labelled(NamedTuple):
    """What is written of an image.

    Attributes:
        soft (SoftCAM): Its CAMs.
        seed (np.ndarray, optional): Class indices, (H, W) uint8, 255 =
            ignored; None when only soft CAMs are wanted.
    """
    soft: SoftCAM
    seed: np.ndarray | None


def label_stream(
        stream: Iterable[SoftCAM | Failure],
        settings: LabelSettings,
        refine: Callable | None = None,
        workers: int = 0) -> Iterator[Labelled | Failure]:
    """Yield the labels of a stream of CAMs, in its order.

    Args:
        stream (iterable): Of :func:`hsc_mm.pseudo_labels.cams.iterate_cams`;
            with a CRF its CAMs have their ``image``.
        settings (LabelSettings): What is made of them.
        refine (callable, optional): The CRF, where the settings have one:
            see :func:`hsc_mm.crf.build_crf`.
        workers (int): Processes of the CRF; 0 = this one.

    Yields:
        Labelled | Failure: Failures of the stream pass through; a CRF adds
        its own.
    """
    if settings.alphas:
        yield from _by_crf(stream, settings, refine, workers)
        return
    for soft in stream:
        if isinstance(soft, Failure):
            yield soft
        elif settings.soft == 'only':
            yield Labelled(soft, None)
        elif settings.band:
            yield Labelled(
                soft, band_label(soft.cam, soft.classes, *settings.band))
        else:
            yield Labelled(
                soft,
                threshold_label(soft.cam, soft.classes, settings.threshold))


def _by_crf(stream: Iterable[SoftCAM | Failure], settings: LabelSettings,
            refine: Callable, workers: int) -> Iterator[Labelled | Failure]:
    """Refine each CAM with each alpha; order is kept."""
    waiting: deque[SoftCAM | Failure] = deque()

    def jobs() -> Iterator[tuple]:
        for soft in stream:
            waiting.append(soft)
            if isinstance(soft, Failure) or not len(soft.cam):
                continue
            for alpha in settings.alphas:
                yield (soft.img_id,
                       cam_probability(soft.cam, alpha), soft.image)

    refined: list = []
    for _, result in refine_many(refine, jobs(), workers):
        yield from _without_crf(waiting)
        refined.append(result)
        if len(refined) == len(settings.alphas):
            yield _refined(waiting.popleft(), refined)
            refined = []
    yield from _without_crf(waiting)


def _without_crf(waiting: deque) -> Iterator[Labelled | Failure]:
    """Pass on what stands in front and needs no CRF."""
    while waiting:
        soft = waiting[0]
        if isinstance(soft, Failure):
            yield waiting.popleft()
        elif not len(soft.cam):
            waiting.popleft()
            yield Labelled(soft, threshold_label(soft.cam, soft.classes, 1))
        else:
            return


def _refined(soft: SoftCAM, results: list) -> Labelled | Failure:
    """Make the label of an image from what its CRFs returned."""
    seeds = []
    for prob in results:
        if isinstance(prob, BaseException):
            return Failure(soft.img_id,
                           f'CRF: {str(prob) or type(prob).__name__}')
        prob = np.asarray(prob)
        expected = (len(soft.cam) + 1, *soft.cam.shape[1:])
        if prob.shape != expected or not np.isfinite(prob).all():
            return Failure(
                soft.img_id, f'CRF: expected finite numbers of shape '
                f'{expected}, found shape {prob.shape}')
        seeds.append(best_label(prob, soft.classes))
    return Labelled(soft, seeds[0] if len(seeds) == 1 else agree(*seeds))
