"""ResNet-38d against the names, shapes and outputs of the public release."""
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from parity.network import formula_weights
from torch import nn

from hsc_mm.registry import MODELS

DATA = Path(__file__).resolve().parents[1] / 'data'
SHAPES = json.loads((DATA / 'resnet38d_state_dict_shapes.json').read_text())
HEAD = ('fc8', 'f8_3', 'f8_4', 'f9', 'proj_fc', 'extra_F')


def build(base_channels=2, **kwargs):
    return MODELS.build(
        dict(type='hsc_mm.ResNet38d', base_channels=base_channels, **kwargs))


@pytest.mark.slow
def test_outputs_are_those_of_the_release():
    with torch.device('meta'):
        net = build(base_channels=64).eval()
    found = {key: list(value.shape) for key, value in
             net.state_dict().items()}
    assert found == {key: shape for key, shape in SHAPES.items()
                     if key.split('.')[0] not in HEAD}
    state = {key: value for key, value in formula_weights(SHAPES).items()
             if key in found}
    net.load_state_dict(state, assign=True)
    golden = np.load(DATA / 'resnet38d.npz')
    with torch.no_grad():
        maps = net(torch.from_numpy(golden['image']))
    assert [m.shape[1] for m in maps] == [512, 1024, 4096]
    for name, step, value in zip(('conv4', 'conv5', 'conv6'),
                                 (64, 128, 512), maps):
        expected = golden[name]
        error = np.abs(value[:, ::step].numpy() - expected).max()
        assert error < 1e-4 * np.abs(expected).max(), name


def test_outputs_can_be_chosen():
    net = build().eval()
    image = torch.randn(2, 3, 33, 24, generator=torch.manual_seed(0))
    with torch.no_grad():
        maps = net(image)
        assert [tuple(m.shape) for m in maps] == [
            (2, 16, 5, 3), (2, 32, 5, 3), (2, 128, 5, 3)]
        net.out_indices = (0, 2)
        chosen = net(image)
    assert len(chosen) == 2
    assert torch.equal(chosen[1], maps[2])


@pytest.mark.parametrize('stages', [-1, 0, 1, 6])
def test_frozen_stages_do_not_train(stages):
    net = build(frozen_stages=stages, norm_cfg=dict(type='BN')).train()
    frozen = {name for group in net.stages[:stages + 1] for name in group}
    for name, parameter in net.named_parameters():
        assert parameter.requires_grad == (
            name.split('.')[0] not in frozen), name
    # Dropout is off in frozen stages, too.
    assert net.b7.dropout.training == (stages < 6)


def test_the_default_is_that_of_the_release():
    net = build().train()
    trained = {name for name, p in net.named_parameters() if p.requires_grad}
    convs = {f'{name}.weight' for name, module in net.named_modules()
             if isinstance(module, nn.Conv2d)}
    assert trained == {name for name in convs
                       if not name.startswith(('conv1a', 'b2'))}
    before = {k: v.clone() for k, v in net.state_dict().items()}
    sum(m.sum() for m in net(torch.randn(2, 3, 16, 16))).backward()
    assert all(torch.equal(v, before[k])
               for k, v in net.state_dict().items())
    assert all((p.grad is not None) == p.requires_grad
               for p in net.parameters())


def test_normalisation_can_train():
    net = build(norm_cfg=dict(type='BN'), norm_eval=False).train()
    assert net.bn7.training
    assert net.bn7.weight.requires_grad
    net(torch.randn(2, 3, 16, 16))
    assert net.bn7.num_batches_tracked == 1
    assert net.b2.bn_branch2a.num_batches_tracked == 0
    assert not net.eval().bn7.training


def test_arguments_are_checked():
    with pytest.raises(ValueError, match=r'out_indices: .* found \(3,\)'):
        build(out_indices=(3, ))
    with pytest.raises(ValueError, match=r'frozen_stages: .* to 6, found 7'):
        build(frozen_stages=7)
    with pytest.raises(ValueError, match=r'frozen_stages: .* found False'):
        build(frozen_stages=False)
