"""The threshold that the classifier chooses by itself."""
from pathlib import Path

import mmcv
import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from torch import nn

from hsc_mm.evaluation.threshold_rules import NoThresholdError, find_rule
from hsc_mm.models import CAMPredictor
from hsc_mm.pseudo_labels.cams import MultiScaleCAM
from hsc_mm.pseudo_labels.sufficiency import (
    SHARE,
    THRESHOLDS,
    Kept,
    blurred,
    keep,
    sufficient,
)
from hsc_mm.pseudo_labels.view_pipeline import ViewPipeline


class Radial(CAMPredictor, nn.Module):
    """A CAM that falls off from the middle; red pixels are the evidence.

    The probability is the part of the red pixels that is still red. They
    alternate with blue ones, so that none is left where it is blurred.
    """
    align_corners = False
    backbone, test_cfg = None, ConfigDict(use_image_labels=True)

    def __init__(self, red: int):
        super().__init__()
        self.red = red
        self.weight = nn.Parameter(torch.zeros(1))
        self.seen = 0

    def data_preprocessor(self, data: dict, training: bool) -> dict:
        return dict(data, inputs=torch.stack(data['inputs']).float())

    def predict_cam(self, inputs, samples):
        self.seen += len(inputs)
        size = inputs.shape[-1]
        line = torch.arange(size) + 0.5 - size / 2
        cam = 1 - torch.hypot(line[:, None], line[None]) / size * 2
        red = (inputs[:, 2] > 200) & (inputs[:, 0] < 50)
        return (cam.clamp(min=0).expand(len(inputs), 1, -1, -1).clone(),
                (red.sum((1, 2)) / self.red).clamp(max=1)[:, None])


class Pictures:
    """A disc of red and blue pixels on grey, and a file that is missing."""

    def __init__(self, folder: Path, radius: float, size: int = 120):
        line = np.arange(size) + 0.5 - size / 2
        disc = np.hypot(line[:, None], line[None]) < radius
        image = np.full((size, size, 3), 128, np.uint8)
        red = disc & ((np.indices(disc.shape).sum(0) % 2) == 0)
        image[disc], image[red] = (255, 0, 0), (0, 0, 255)
        self.path, self.red = folder / 'disc.png', int(red.sum())
        mmcv.imwrite(image, str(self.path))

    def get_data_info(self, place: int) -> dict:
        path = self.path if place else self.path.with_name('none.png')
        return dict(img_path=str(path), img_id=str(place),
                    gt_label=np.ones(1, np.float32))


@pytest.mark.parametrize('radius', [18.0, 36.0, 48.0])
def test_what_is_kept_is_the_evidence(tmp_path, radius):
    data = Pictures(tmp_path, radius)
    pipeline = ViewPipeline([
        dict(type='hsc_mm.LoadImage'),
        dict(type='hsc_mm.PackImageLabelInputs')])
    model = Radial(data.red)
    kept = list(keep(MultiScaleCAM(model), pipeline, data, [0, 1, 1]))
    assert len(kept) == 2  # the file that is missing is left out
    # The CAM, once more whole, once for each threshold, and all blurred.
    assert model.seen == 2 * (3 + len(THRESHOLDS))
    assert kept[0].whole == pytest.approx(1, abs=1e-4)
    assert (np.diff(kept[0].parts) <= 0).all()
    # Above t lies the disc of radius 60 (1 - t), in pixels.
    shares = [min((60 * (1 - t) / radius)**2, 1) for t in THRESHOLDS]
    assert kept[0].parts == pytest.approx(shares, abs=0.06)
    assert sufficient(kept) == pytest.approx(
        1 - SHARE**0.5 * radius / 60, abs=0.03)


def test_the_highest_sufficient_threshold_is_interpolated():
    parts = np.array([1.0, 1.0, 0.7, 0.95, 0.75, 0.5, 0.4, 0.3, 0.2])
    one = Kept(1.0, parts)
    assert sufficient([one], 0.85) == pytest.approx(0.45)
    # Pictures count as much as their probability.
    assert sufficient([one, Kept(0.0, 0 * parts)], 0.85) == pytest.approx(0.45)
    assert sufficient([Kept(0.5, parts / 2)], 0.85) == pytest.approx(0.45)
    assert sufficient([one]) == pytest.approx(0.41)  # where 93 % are kept
    assert sufficient([Kept(1.0, 0 * parts)]) == 0.1
    assert sufficient([Kept(1.0, 0 * parts + 1)]) == 0.9
    with pytest.raises(NoThresholdError, match='and show a class, found none'):
        sufficient([])


def test_a_classifier_that_needs_no_object_chooses_nothing():
    flat = np.full(len(THRESHOLDS), 0.5)
    for found in (Kept(0.45, flat, 0.5), Kept(0.5, flat, 0.5 * SHARE),
                  Kept(0.0, 0 * flat, 0.0)):
        with pytest.raises(NoThresholdError, match='as sure of blurred'):
            sufficient([found])
    assert sufficient([Kept(0.5, flat, 0.4)]) == 0.9


@pytest.mark.parametrize('bands', [1, 3, 6])
def test_a_blurred_picture_has_its_colours(bands):
    rng = np.random.default_rng(0)
    flat = np.full((40, 64, bands), 90, np.uint8)
    assert (blurred(flat) == 90).all()
    noise = rng.integers(0, 255, (400, 64, bands), dtype=np.uint8)
    found = blurred(noise)
    assert found.shape == noise.shape and found.dtype == np.uint8
    assert found.mean() == pytest.approx(noise.mean(), abs=3)
    assert found.std() < 20 < noise.std()
    assert blurred(noise[:1, :1]).shape == (1, 1, bands)


def test_no_rule_on_cams_has_that_name():
    with pytest.raises(ValueError, match='make_pseudo_labels, pipeline and'):
        find_rule('sufficiency')
