"""Pseudo labels in windows: of images in memory, and above the limit."""
import re

import numpy as np
import pytest
import torch
from mmengine.config import Config
from tiny_configs import (
    cam_config,
    fill_prototypes,
    prototype_config,
    save_weights,
    untrained,
)

from hsc_mm.evaluation.counts import cam_histogram
from hsc_mm.evaluation.threshold_rules import threshold_by
from hsc_mm.pseudo_labels import (
    RunOptions,
    make_pseudo_labels,
    sufficiency,
    thresholds,
)
from hsc_mm.pseudo_labels.cams import MultiScaleCAM
from hsc_mm.pseudo_labels.files import read_soft_cam
from hsc_mm.pseudo_labels.rules import ThresholdRule
from hsc_mm.tiles import Tiles
from hsc_mm.utils import read_index_png, read_json
from hsc_mm.utils.limits import MEGAPIXELS

pytest.importorskip('rasterio')


@pytest.fixture(scope='module', params=[cam_config, prototype_config])
def stage(request, tmp_path_factory):
    """Return config and checkpoint; images of 64 to 200 pixels."""
    import cv2
    from conftest import make_voc
    root = make_voc(tmp_path_factory.mktemp('voc'))
    for number, path in enumerate(sorted((root / 'JPEGImages').iterdir())):
        if number == 7:
            image = cv2.imread(str(path))
            large = cv2.resize(image, None, fx=4, fy=3)
            path.write_bytes(cv2.imencode('.png', large)[1].tobytes())
    path = request.param(root, root / 'cam.py')
    cfg = Config.fromfile(path)
    cfg.tta_pipeline[1].transforms[0] = [
        dict(type='Resize', scale_factor=f, keep_ratio=True)
        for f in (1.0, 0.5)]
    cfg.dump(path)
    model = untrained(cfg)
    fill_prototypes(model)
    return path, save_weights(model, root / 'cam.pth')


def _labels(stage, out, tiles=None, **options):
    run = make_pseudo_labels(
        *stage, out, options=RunOptions(workers=0, device='cpu', tiles=tiles),
        **options)
    return run, {p.stem: read_index_png(p) for p in out.glob('*.png')}


@pytest.fixture(scope='module')
def tiled(stage, tmp_path_factory):
    """Return a run in windows, its folder, and its labels."""
    out = tmp_path_factory.mktemp('tiled')
    run, masks = _labels(stage, out, Tiles(64, 16), soft='also')
    return run, out, masks


def test_one_window_is_the_whole_image(stage, tiled, tmp_path):
    _, whole = _labels(stage, tmp_path / 'a', soft='also')
    run, folder, tiled = tiled
    assert run.complete and len(run.tiled) == 1 and run.written == 8
    differ = []
    for name, mask in whole.items():
        assert tiled[name].shape == mask.shape
        cams = [read_soft_cam(one / f'{name}.npz')[0]
                for one in (tmp_path / 'a', folder)]
        if max(mask.shape) <= 64:
            assert np.array_equal(*cams) and np.array_equal(mask, tiled[name])
        else:
            differ.append(np.abs(cams[0] - cams[1]).mean())
    assert len(differ) == 1 and 0 < max(differ) < 0.3
    # A window that covers the image, by the path of windows.
    from hsc_mm.pseudo_labels import run as module
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, 'most_pixels', lambda: 1)
        run, one = _labels(stage, tmp_path / 'c', Tiles(512, 16), soft='also')
    assert len(run.tiled) == 8
    for name, mask in whole.items():
        cams = [read_soft_cam(tmp_path / f / f'{name}.npz')[0]
                for f in 'ac']
        np.testing.assert_allclose(*cams, atol=2e-3)
        assert (one[name] == mask).mean() > 0.99


def test_images_above_the_limit_and_resuming(stage, tiled, tmp_path,
                                             monkeypatch):
    tiles, (_, _, small) = Tiles(64, 16), tiled
    monkeypatch.setenv(MEGAPIXELS, '0.01')
    run = make_pseudo_labels(
        *stage, tmp_path / 'b',
        options=RunOptions(workers=0, device='cpu', tiles=tiles))
    assert run.complete and not run.failures and run.written == 8
    again = make_pseudo_labels(
        *stage, tmp_path / 'b',
        options=RunOptions(workers=0, device='cpu', tiles=tiles))
    assert len(again.existing) == 8 and again.written == 0
    monkeypatch.delenv(MEGAPIXELS)
    for name, mask in small.items():
        found = read_index_png(tmp_path / 'b' / f'{name}.png')
        assert np.array_equal(found, mask)
    assert run.classes.keys() == {1, 2}
    with pytest.raises(FileExistsError, match='tiles'):
        _labels(stage, tmp_path / 'b')


def test_what_needs_the_whole_image_is_said(stage, tmp_path, monkeypatch):
    monkeypatch.setenv(MEGAPIXELS, '0.01')
    run, _ = _labels(stage, tmp_path / 'a', refiners=[
        dict(type='hsc_mm.PAR', steps=1)])
    assert len(run.failures) == 1 and run.written == 7
    assert 'refiners and soft CAMs need it whole' in run.failures[0].reason


class _Own(ThresholdRule):
    """A rule that extends one of ours, with another label."""

    def label(self, soft):
        """Label the strongest part of what it sees."""
        peak = soft.cam.max(axis=0)
        return np.where(peak > np.median(peak), soft.classes[0], 0)


class _Each(_Own):
    per_pixel = True


class _Renamed(ThresholdRule):
    """A rule that labels as ours does."""


@pytest.mark.parametrize('rule', [_Own, _Each, _Renamed])
def test_a_rule_says_whether_it_labels_parts(stage, tmp_path, monkeypatch,
                                             rule):
    monkeypatch.setenv(MEGAPIXELS, '0.01')
    run = make_pseudo_labels(
        *stage, tmp_path / 'a', rule=rule(0.3),
        options=RunOptions(workers=0, device='cpu'))
    assert len(run.failures) == (rule is _Own)
    if run.failures:
        assert re.search('expected a label rule with per_pixel = True.* '
                         'found _Own', run.failures[0].reason)


def _sizes(monkeypatch):
    """Note the longer sides of what the network sees."""
    sides, run = [], MultiScaleCAM._run

    def noted(self, view, *args):
        sides.append(max(view.shape[2:]))
        return run(self, view, *args)

    monkeypatch.setattr(MultiScaleCAM, '_run', noted)
    return sides


def test_a_rule_looks_at_windows(stage, tmp_path, monkeypatch):
    sides = _sizes(monkeypatch)
    run, _ = _labels(stage, tmp_path / 'a', Tiles(64, 16), threshold='otsu',
                     soft='also')
    assert run.complete and run.tiled and max(sides) <= 64
    counts = sum(cam_histogram(torch.from_numpy(
        read_soft_cam(path)[0].astype(np.float32)))
        for path in (tmp_path / 'a').glob('*.npz'))
    made = read_json(tmp_path / 'a' / 'pseudo_labels.json')
    # Files have half precision.
    assert made['threshold'] == pytest.approx(
        threshold_by('otsu', counts.numpy()), abs=0.011)


@pytest.mark.slow
def test_the_classifier_is_asked_about_small_images(stage, tmp_path,
                                                    monkeypatch):
    sides, lines = _sizes(monkeypatch), []
    monkeypatch.setattr(sufficiency.Kept, 'nothing', 0.0)
    for size, seen in ((64, 7), (300, 8)):
        options = RunOptions(workers=0, device='cpu', tiles=Tiles(size, 16),
                             notify=lines.append)
        run = make_pseudo_labels(*stage, tmp_path / str(size),
                                 threshold='sufficiency', options=options)
        assert run.complete and max(sides) <= size
        assert any(f'from parts of {seen} images' in one
                   for one in lines), lines
        lines.clear()
    monkeypatch.setattr(thresholds, 'in_windows', lambda *_: True)
    with pytest.raises(ValueError, match='and no side above 64 pixels'):
        make_pseudo_labels(
            *stage, tmp_path / 'b', threshold='sufficiency',
            options=RunOptions(workers=0, tiles=Tiles(64, 16)))
