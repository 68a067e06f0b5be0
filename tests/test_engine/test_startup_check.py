"""Weights that may lack some tensors, and what a test loads."""
import re

import pytest
import torch
from conftest import run_here
from mmengine.config import Config
from mmengine.registry import init_default_scope
from tiny_configs import ROOT, cam_config, prototype_config
from toy_runner import toy_runner

from hsc_mm.engine.fitting import check_pretrained
from hsc_mm.engine.hooks import StartupCheckHook
from hsc_mm.engine.hooks.startup_check_hook import NO_CHECKPOINT
from hsc_mm.engine.runner import build_runner
from hsc_mm.inference.missing_maps import idle_maps
from hsc_mm.registry import MODELS


def _swin(checkpoint=None):
    cfg = Config.fromfile(ROOT / 'configs' / 'upernet_swin-t_voc-pseudo.py')
    init_default_scope('mmseg')
    cfg.model.backbone.update(embed_dims=8, depths=[1, 1, 1, 1],
                              num_heads=[1, 2, 2, 2], init_cfg=None)
    if checkpoint is not None:
        cfg.model.backbone.init_cfg = dict(
            type='Pretrained', checkpoint=str(checkpoint))
    return MODELS.build(cfg.model.backbone), \
        cfg.default_hooks.startup_check.may_lack


def test_swin_takes_the_weights_of_a_classifier(tmp_path):
    path = tmp_path / 'swin.pth'
    state = {
        key: value for key, value in _swin()[0].state_dict().items()
        if not key.startswith('norm')
        and not key.endswith('relative_position_index')
    }
    torch.save(dict(state, **{'norm.weight': torch.ones(64)}), path)
    model, may_lack = _swin(path)
    check_pretrained(model, may_lack)
    with pytest.raises(ValueError, match='is missing'):
        check_pretrained(model)
    for gone in ('stages.1.blocks.0.norm1.weight', 'patch_embed.norm.weight'):
        less = {key: value for key, value in state.items() if key != gone}
        torch.save(less, path)
        with pytest.raises(ValueError, match=f'{gone}.*is missing'):
            check_pretrained(model, may_lack)
    torch.save(dict(state, **{'norm3.weight': torch.ones(2)}), path)
    with pytest.raises(ValueError, match=r'norm3\.weight has shape \(2,\)'):
        check_pretrained(model, may_lack)


def test_may_lack_is_a_list():
    with pytest.raises(ValueError, match=r"may_lack.*found 'norm'"):
        StartupCheckHook(may_lack='norm')


def test_the_config_of_a_resumed_run_tests_weights_alone(
        shared_voc, tmp_path):
    cfg = Config.fromfile(cam_config(shared_voc, tmp_path / 'cam.py'))
    init_default_scope('mmseg')
    path = tmp_path / 'best.pth'
    state = MODELS.build(cfg.model).state_dict()
    torch.save(dict(state_dict=state, meta=dict()), path)
    cfg.update(work_dir=str(tmp_path / 'run'), log_level='ERROR', resume=True,
               load_from=str(path), experiment_name=tmp_path.name)
    assert 'seed/mIoU' in build_runner(cfg).test()


def test_a_test_needs_the_prototypes_that_make_its_seeds(
        shared_voc, tmp_path):
    cfg = Config.fromfile(prototype_config(shared_voc, tmp_path / 'hsc.py'))
    init_default_scope('mmseg')
    path = tmp_path / 'converted.pth'
    torch.save({name: value for name, value in MODELS.build(
        cfg.model).state_dict().items() if '.bank.' not in name}, path)
    cfg.update(work_dir=str(tmp_path / 'run'), log_level='ERROR',
               load_from=str(path), experiment_name=tmp_path.name)
    with pytest.raises(ValueError, match=r'bank.* is missing\. Make seeds of '
                       r'the CAM alone: .*seed_from=refined'):
        build_runner(cfg).test()
    cfg.model.decode_head.seed_from = 'refined'
    cfg.experiment_name += '_refined'
    assert 'seed/mIoU' in build_runner(cfg).test()


def test_a_checkpoint_of_version_1_has_other_names(shared_voc, tmp_path):
    cfg = Config.fromfile(prototype_config(shared_voc, tmp_path / 'hsc.py'))
    init_default_scope('mmseg')
    path = tmp_path / 'old.pth'
    torch.save({
        re.sub(r'losses\.contrast\.levels\.(\w+)\.bank', r'contrast.banks.\1',
               name.replace('.refiner.', '.pcm.')): value
        for name, value in MODELS.build(cfg.model).state_dict().items()
    }, path)
    cfg.update(work_dir=str(tmp_path / 'run'), log_level='ERROR',
               load_from=str(path), experiment_name=tmp_path.name)
    assert 'seed/mIoU' in build_runner(cfg).test()


@pytest.mark.parametrize(('options', 'said'), [
    (['checkpoint=None'], True),
    (['checkpoint.save_last=False', 'checkpoint.interval=9'], True),
    (['checkpoint.interval=9'], False)])
def test_a_training_that_would_leave_nothing_says_so(
        shared_voc, tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    config = cam_config(shared_voc, tmp_path / 'cam.py', 2)
    found = run_here('train', config, '--work-dir', tmp_path / 'w',
                     '--cfg-options', *(f'default_hooks.{one}'
                                        for one in options))
    assert found.returncode == 0, found.stderr
    log = next((tmp_path / 'w').glob('*/*.log')).read_text()
    assert (NO_CHECKPOINT in log) == said
    assert ('found no checkpoint of this training' in found.stderr) == said


def test_a_renamed_checkpoint_is_not_resumed(tmp_path):
    toy_runner(tmp_path, hooks=dict(checkpoint=dict(
        type='CheckpointHook'))).train()
    check = [dict(type='hsc_mm.StartupCheckHook')]
    with pytest.raises(FileExistsError, match=r'found epoch_1\.pth\. Resume'):
        toy_runner(tmp_path, custom_hooks=check).train()
    (tmp_path / 'epoch_1.pth').rename(tmp_path / 'best.pth')
    with pytest.raises(FileExistsError, match=r'found best\.pth\. No run wri'
                       '.* give it back its own'):
        toy_runner(tmp_path, custom_hooks=check).train()


def test_a_transformer_resizes_its_positions_itself(tmp_path):
    init_default_scope('mmseg')
    small = dict(type='VisionTransformer', img_size=32, patch_size=8,
                 embed_dims=16, num_layers=1, num_heads=2, out_indices=[0])
    path = tmp_path / 'vit.pth'
    saved = MODELS.build(small).state_dict()
    torch.save(saved, path)
    init = dict(type='Pretrained', checkpoint=str(path))
    model = MODELS.build(dict(small, img_size=64, init_cfg=init))
    check_pretrained(model)
    model.init_weights()
    found = model.state_dict()
    assert torch.equal(found['cls_token'], saved['cls_token'])
    assert torch.equal(found['pos_embed'][:, 0], saved['pos_embed'][:, 0])
    assert found['pos_embed'].shape == (1, 65, 16)
    wider = MODELS.build(dict(small, img_size=64, embed_dims=32,
                              init_cfg=init))
    with pytest.raises(ValueError, match='has shape'):
        check_pretrained(wider)


@pytest.mark.parametrize('small', [
    dict(type='mmpretrain.BEiTViT', use_abs_pos_emb=True,
         use_rel_pos_bias=False, layer_scale_init_value=0.1),
    dict(type='mmpretrain.RevVisionTransformer')])
def test_transformers_of_mmpretrain_resize_theirs(tmp_path, small):
    small = dict(small, patch_size=8, arch=dict(
        embed_dims=16, num_layers=1, num_heads=2, feedforward_channels=32))
    path = tmp_path / 'vit.pth'
    saved = MODELS.build(dict(small, img_size=32)).state_dict()
    saved['pos_embed'].fill_(0.5)
    torch.save(saved, path)
    model = MODELS.build(dict(small, img_size=48, init_cfg=dict(
        type='Pretrained', checkpoint=str(path))))
    check_pretrained(model)
    model.init_weights()
    assert model.pos_embed.shape[1] in (36, 37)  # with a class token
    assert torch.allclose(model.pos_embed, torch.tensor(0.5))


@pytest.mark.parametrize('scope', ['mmpretrain', 'mmseg'])
def test_mmpretrain_resizes_absolute_positions_of_swin(tmp_path, scope):
    small = dict(embed_dims=16, depths=[1], num_heads=[2]) if (
        scope == 'mmseg') else dict(arch=dict(
            embed_dims=16, depths=[1], num_heads=[2]))
    size, small = ('pretrain_img_size' if scope == 'mmseg' else 'img_size',
                   dict(small, type=f'{scope}.SwinTransformer',
                        window_size=2, use_abs_pos_embed=True,
                        out_indices=[0]))
    if scope == 'mmseg':
        small.update(strides=(4, ), mlp_ratio=2)
    path = tmp_path / 'swin.pth'
    torch.save(MODELS.build({**small, size: 32}).state_dict(), path)
    model = MODELS.build({**small, size: 64, 'init_cfg': dict(
        type='Pretrained', checkpoint=str(path))})
    if scope == 'mmseg':
        with pytest.raises(ValueError, match='absolute_pos_embed has shape'):
            check_pretrained(model)
    else:
        check_pretrained(model)
        model.init_weights()


def test_transformers_that_keep_their_positions_are_refused(tmp_path):
    init_default_scope('mmseg')
    small = dict(
        type='BEiT', img_size=32, patch_size=8, embed_dims=16, num_layers=1,
        num_heads=2, out_indices=[0], init_values=0.1)
    path = tmp_path / 'beit.pth'
    torch.save(MODELS.build(small).state_dict(), path)
    init = dict(type='Pretrained', checkpoint=str(path))
    check_pretrained(MODELS.build(dict(small, init_cfg=init)))
    with pytest.raises(ValueError, match='bias_table has shape'):
        check_pretrained(MODELS.build(dict(
            small, img_size=64, init_cfg=init)))


def test_a_transformer_of_timm_takes_its_own_positions_alone(tmp_path):
    pytest.importorskip('timm')
    net = dict(type='hsc_mm.TIMMBackbone', model_name='vit_tiny_patch16_224',
               features_only=True, pretrained=False, out_indices=[0])
    path = tmp_path / 'vit.pth'
    torch.save(MODELS.build(dict(net, img_size=32)).state_dict(), path)
    init = dict(type='Pretrained', checkpoint=str(path))
    check_pretrained(MODELS.build(dict(net, img_size=32, init_cfg=init)))
    with pytest.raises(ValueError, match='pos_embed has shape'):
        check_pretrained(MODELS.build(dict(net, img_size=64, init_cfg=init)))


@pytest.mark.parametrize(('declared', 'told'), [
    (dict(saliency=dict(path='SaliencyMaps')), True),
    (dict(saliency=None), False), ({}, False)])
def test_maps_that_no_loss_reads_are_told(shared_voc, tmp_path, declared,
                                          told):
    """A loss of one's own that misspells needs_maps gets none."""
    cfg = Config.fromfile(cam_config(shared_voc, tmp_path / 'cam.py', 1))
    cfg.work_dir = str(tmp_path / 'w')
    cfg.train_dataloader.dataset.aux_maps = declared
    runner, said = build_runner(cfg), []
    runner.logger.addFilter(
        lambda record: said.append(record.getMessage()) or True)
    runner.train()
    found = [text for text in said if 'no loss reads saliency' in text]
    assert len(found) == told
    if told:
        assert 'needs_maps of the losses: []' in found[0]


def test_maps_that_a_loss_reads_are_not_idle():
    cfg = dict(train_dataloader=dict(dataset=dict(
        type='ConcatDataset',
        datasets=[dict(aux_maps=dict(edges='e', saliency='s'))])))
    assert idle_maps(cfg, ('saliency', 'edges')) is None
    assert 'no loss reads edges;' in idle_maps(cfg, ('saliency', ))
    assert idle_maps(dict(train_dataloader=None), ()) is None
