"""What the benchmarks compare with computes the same."""
import copy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.structures import SegDataSample

from hsc_mm.models import HSCHead

FOLDER = Path(__file__).resolve().parents[1] / 'benchmarks'
HEAD = dict(
    in_channels=10,
    num_classes=5,
    region_channels=256,
    pixel_channels=128,
    contrast=dict(recipe='release', refiner=None),
    pcm=dict(type='hsc_mm.PixelCorrelation', in_channels=(6, 8),
             in_index=(0, 1), reduced=(4, 4), embed_channels=6),
    loss_er=dict(type='hsc_mm.EquivarianceLoss'),
    loss_ecr=dict(type='hsc_mm.EquivarianceCrossLoss', skip_first=True),
    loss_min=dict(type='hsc_mm.MinPoolingLoss'))


@pytest.fixture
def plain(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    sys.modules.pop('plain_head', None)
    import plain_head
    import plain_hsc
    # Masks as they come: the two CRFs are compared elsewhere.
    monkeypatch.setattr(
        plain_hsc.objective, '__defaults__',
        (lambda image, mask, classes: mask, ))
    return plain_head.PlainHSCHead


def test_the_plain_head_has_the_losses_of_the_release_recipe(plain):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    ours = HSCHead(**copy.deepcopy(HEAD))
    ours.init_weights()
    other = plain(**copy.deepcopy(HEAD))
    other.load_state_dict(ours.state_dict())
    views = []
    for size in (12, 8):
        feats = tuple(torch.randn(4, c, size, size) for c in (6, 8, 10))
        views.append((feats, torch.randn(4, 3, size * 4, size * 4)))
    samples = []
    for number in range(4):
        sample = SegDataSample()
        sample.gt_label = torch.eye(4)[number].clone()
        sample.gt_label[(number * 3) % 4] = 1
        samples.append(sample)
    expected = other.loss(views, samples)
    found = ours.loss(views, samples)
    assert set(expected) <= set(found)
    assert len(expected) == 7
    for name, value in expected.items():
        assert value.item() == pytest.approx(
            found[name].item(), rel=1e-4), name
        assert value.item() > 0
