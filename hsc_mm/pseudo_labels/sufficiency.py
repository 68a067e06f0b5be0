"""Threshold that keeps what the classifier needs to see of a picture.

Rules on a histogram of CAMs part bright pixels from dark ones. This one asks
the network: what lies below a threshold is blurred, and the highest threshold
at which the classes keep most of their probability is taken.
"""
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.evaluation.threshold_rules import NoThresholdError
from hsc_mm.utils.picture_sizes import SizeError
from .cams import MultiScaleCAM
from .view_pipeline import ViewPipeline
from .views import ViewBatch

__all__ = ['Kept', 'SHARE', 'THRESHOLDS', 'blurred', 'keep', 'sufficient']

#: Part of the probability that what is kept has to have.
SHARE = 0.93
#: Thresholds that are tried; between them the share is interpolated.
THRESHOLDS = tuple(round(0.1 * n, 1) for n in range(1, 10))
#: Blurred pictures are resized to this many pixels and back.
_COARSE = 6


class Kept(NamedTuple):
    """Probabilities of one picture, means over the classes that it shows.

    Attributes:
        whole (float): Of the picture as it is, in [0, 1].
        parts (np.ndarray): With what lies below each of :data:`THRESHOLDS`
            blurred, (T,).
        nothing (float): With all of it blurred.
    """
    whole: float
    parts: np.ndarray
    nothing: float = 0.0


def sufficient(kept: Sequence[Kept], share: float = SHARE) -> float:
    r"""Return the highest threshold whose foreground suffices.

    .. math:: \max \{ t : \sum_i p_i(t) \ge s \sum_i p_i \}

    with the probability p of the present classes of picture i, and p(t) where
    everything below t is blurred. The curve is interpolated linearly.
    Sufficiency in the sense of DeYoung et al., ERASER, ACL 2020; pictures are
    blurred as by Petsiuk et al., RISE, BMVC 2018, when pixels are inserted.

    Args:
        kept (sequence[Kept]): Pictures that show a class.
        share (float): s in (0, 1).

    Returns:
        float: In [0.1, 0.9], a multiple of 0.01.

    Raises:
        NoThresholdError: There are no pictures, or the classes keep that
            share even where everything is blurred.
    """
    if not kept:
        raise NoThresholdError(
            'threshold "sufficiency": expected images that can be read whole '
            'and show a class, found none. Name a number.')
    whole, nothing = (sum(one.whole for one in kept),
                      sum(one.nothing for one in kept))
    wanted = share * whole
    if nothing >= wanted:
        raise NoThresholdError(
            'threshold "sufficiency": expected a classifier that needs to see '
            'the objects, found one that is as sure of blurred pictures '
            f'(probability {nothing / len(kept):.2f} of '
            f'{whole / len(kept):.2f}). Train longer, or name a number.')
    curve = sum(one.parts for one in kept) - wanted
    enough = np.flatnonzero(curve >= 0)
    if not len(enough):
        return THRESHOLDS[0]
    last = int(enough[-1])
    if last == len(THRESHOLDS) - 1:
        return THRESHOLDS[-1]
    part = curve[last] / (curve[last] - curve[last + 1])
    low, high = THRESHOLDS[last:last + 2]
    return round(float(low + part * (high - low)), 2)


def keep(engine: MultiScaleCAM, pipeline: ViewPipeline,
         dataset: BaseImageLabelDataset, places: Sequence[int]
         ) -> Iterator[Kept]:
    """Look at pictures of which a part is blurred, at one scale.

    Pictures that cannot be read, those of a size that the network refuses, and
    those that show no class are left out.

    Args:
        engine (MultiScaleCAM): Makes the CAMs.
        pipeline (ViewPipeline): Of the test pipeline.
        dataset (BaseImageLabelDataset): The pictures.
        places (sequence[int]): Which of them.
    """
    once = MultiScaleCAM(engine.model, amp=engine.amp)
    for place in places:
        info = dataset.get_data_info(place)
        try:
            views, image = pipeline(info)
        except Exception:  # any file may be broken in any way
            continue  # the run that makes the labels tells
        label = views[0]['data_samples'].get('gt_label')
        batch = _batch(views, label)
        try:
            soft, = engine(batch)
        except SizeError:
            continue  # so does it of these
        if not len(soft.classes):
            continue
        top, plain = soft.cam.max(0), blurred(image)
        scale = batch.nearest
        parts = (
            pipeline.view_of(np.where(top[..., None] > threshold, image,
                                      plain), info, scale)
            for threshold in (*THRESHOLDS, 1.0))
        found = np.array([
            once(_batch([view], label))[0].scores[soft.classes - 1].mean()
            for view in itertools.chain(views[scale:scale + 1], parts)])
        if np.isfinite(found).all():
            yield Kept(float(found[0]), found[1:-1], float(found[-1]))


def blurred(image: np.ndarray) -> np.ndarray:
    """Return an image, (H, W, N) uint8, of which only colours are left."""
    height, width = image.shape[:2]
    scale = _COARSE / max(height, width)
    size = tuple(max(round(side * scale), 1) for side in (width, height))
    bands = [
        cv2.resize(cv2.resize(band, size, interpolation=cv2.INTER_AREA),
                   (width, height), interpolation=cv2.INTER_LINEAR)
        for band in np.moveaxis(image, -1, 0)
    ]  # cv2 resizes up to four at once
    return np.stack(bands, axis=-1)


def _batch(views: list[dict], label: torch.Tensor | None) -> ViewBatch:
    sample = views[0]['data_samples']
    return ViewBatch(
        [sample.get('img_id', '')], tuple(sample.ori_shape),
        [view['inputs'][None] for view in views],
        None if label is None else label[None], None)
