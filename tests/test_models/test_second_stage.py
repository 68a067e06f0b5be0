"""The transformers of the second stage, small: training and test."""
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from tiny_configs import ROOT, second_stage_config, train_and_test

from hsc_mm.registry import MODELS

SMALL = {
    'segformer_mit-b2_voc-pseudo': dict(
        backbone=dict(embed_dims=8, num_layers=[1, 1, 1, 1],
                      num_heads=[1, 2, 2, 2], sr_ratios=[4, 2, 1, 1]),
        decode_head=dict(in_channels=[8, 16, 16, 16])),
    'upernet_swin-t_voc-pseudo': dict(
        backbone=dict(embed_dims=8, depths=[1, 1, 1, 1],
                      num_heads=[1, 2, 2, 2]),
        decode_head=dict(in_channels=[8, 16, 32, 64]),
        auxiliary_head=dict(in_channels=32)),
}


@pytest.mark.slow
@pytest.mark.parametrize('name', SMALL)
def test_two_iterations_and_test(name, shared_voc, tmp_path):
    config = second_stage_config(
        shared_voc, tmp_path / 'config.py', name, SMALL[name],
        shared_voc / 'SegmentationClass')
    hub = train_and_test(config).message_hub
    losses = hub.get_scalar('train/loss').data[0]
    assert len(losses) == 2
    assert torch.isfinite(torch.tensor(losses.tolist())).all()


def _groups(name):
    """The optimiser's groups by the name of their parameter."""
    cfg = Config.fromfile(ROOT / 'configs' / f'{name}.py')
    init_default_scope(cfg.default_scope)
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    names = {id(p): n for n, p in model.named_parameters()}
    return {names[id(group['params'][0])]: group
            for group in wrapper.optimizer.param_groups}


def test_deeplab_v2_learns_new_layers_ten_times_as_fast():
    groups = _groups('deeplabv2_r101_voc-pseudo')
    for name, group in groups.items():
        new = name.startswith('decode_head')
        assert group['lr'] == pytest.approx(0.01 if new else 0.001), name
        assert group['momentum'] == 0.9 and group['weight_decay'] == 5e-4
    assert 'decode_head.image_pool.1.bn.bias' in groups


def test_segformer_learns_new_layers_ten_times_as_fast():
    groups = _groups('segformer_mit-b2_voc-pseudo')
    for name, group in groups.items():
        new = name.startswith('decode_head')
        assert group['lr'] == pytest.approx(6e-4 if new else 6e-5), name
        assert group['weight_decay'] == (0 if 'norm' in name else 0.01), name


def test_swin_has_no_decay_on_norms_and_positions():
    groups = _groups('upernet_swin-t_voc-pseudo')
    for name, group in groups.items():
        free = 'norm' in name or 'relative_position_bias_table' in name
        assert group['lr'] == 6e-5
        assert group['weight_decay'] == (0 if free else 0.01), name
