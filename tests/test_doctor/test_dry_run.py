"""Views, and the first iterations of a training, with their times."""
import pytest
from doctor_findings import examined, only_one
from mmengine.config import Config
from tiny_configs import cam_config, hsc_config

from hsc_mm.doctor import dry_run
from hsc_mm.doctor.case import Case
from hsc_mm.doctor.dry_run import spell_time
from hsc_mm.inference import load_config


def test_views_that_are_no_multiple_of_the_patches(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'cam.py')
    cfg = Config.fromfile(config)
    cfg.model.backbone = dict(
        type='mmpretrain.VisionTransformer', arch='deit-tiny', patch_size=14,
        img_size=32, out_type='featmap')
    cfg.model.decode_head.in_channels = 192
    cfg.custom_imports = dict(imports=['hsc_mm', 'mmpretrain.models'])
    cfg.dump(str(config))
    warnings = [f for f in examined(config)
                if f.level == 'warning' and f.check == 'views']
    assert '32 x 32 pixels are not a multiple of the patch size 14' \
        in warnings[0].text
    assert '28' in warnings[0].advice
    assert 'only 3 x 3 positions' in warnings[1].text


def test_views_of_five_bands(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'cam.py')
    cfg = Config.fromfile(config)
    cfg.model.backbone.in_channels = 5
    cfg.model.data_preprocessor.update(mean=[127.5], std=[127.5])
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.pipeline.insert(
            0, dict(type='hsc_mm.LoadImage', bands=(1, 2, 3, 4, 5)))
    said = [f.text for f in dry_run.views(Case(cfg))]
    assert said[0].startswith('view 1: 32 x 32 pixels give ')


def test_schedules_of_several_optimizers_stay_as_they_are_named(
        shared_voc, tmp_path):
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py'))
    poly = dict(type='PolyLR', begin=0, end=2)
    cfg.param_scheduler = dict(one=[dict(poly, by_epoch=False)], two=[poly])
    found = dry_run._shortened(Case(cfg), str(tmp_path)).param_scheduler
    assert found.to_dict() == dict(
        one=[dict(poly, by_epoch=False)],
        two=[dict(poly, convert_to_iter_based=True)])


@pytest.mark.slow
def test_the_dry_run_leaves_nothing_and_says_what_it_costs(
        shared_voc, tmp_path):
    config = hsc_config(shared_voc, tmp_path / 'cam.py')
    findings = examined(config, with_dry_run=True)
    said = [f.text for f in findings if f.check == 'dry run']
    assert said[0].startswith('4 iterations of 2 images: ')
    assert 'MiB' in said[1]
    assert 'for 4 iterations' in said[2]
    assert [path.name for path in tmp_path.iterdir()] == ['cam.py']
    epochs = load_config(config, None, str(tmp_path / 'run'))
    epochs.train_cfg = dict(by_epoch=True, max_epochs=2, val_interval=9)
    epochs.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=True)
    epochs.param_scheduler = [dict(type='PolyLR', begin=0, end=2)]
    said = [f.text for f in dry_run.dry_run(Case(epochs))]
    assert 'for 8 iterations' in said[2]
    broken = examined(config, {'model.decode_head.in_channels': 32},
                      with_dry_run=True)
    assert 'expected 32, found 64' in only_one(broken, 'error', 'dry run').text
    misspelt = load_config(config, None, str(tmp_path / 'run'))
    misspelt.optim_wrapper.paramwise_cfg.custom_keys = dict(
        decode_haed=dict(lr_mult=1.0))
    said, = dry_run.dry_run(Case(misspelt))
    assert said.level == 'error' and 'Is "decode_head" meant?' in said.text


@pytest.mark.slow
def test_the_dry_run_stops_in_time_and_shows_a_broken_start(
        shared_voc, tmp_path, monkeypatch):
    config = cam_config(shared_voc, tmp_path / 'cam.py', iters=300)
    monkeypatch.setattr(dry_run, '_MOST', 3)
    said = [f.text for f in examined(config, with_dry_run=True)
            if f.check == 'dry run']
    assert said[0].startswith('3 iterations of 2 images: ')
    assert 'for 300 iterations' in said[2]
    monkeypatch.setattr(dry_run, '_SECONDS', 0)
    case = Case(load_config(config, None, str(tmp_path / 'run')))
    assert next(dry_run.dry_run(case)).text.startswith('2 iterations')
    # A rate at which the loss jumps: the rule is that of trainings.
    monkeypatch.setattr(dry_run, '_MOST', 14)
    monkeypatch.setattr(dry_run, '_SECONDS', 60)
    found = examined(config, {
        'optim_wrapper.optimizer.lr': 10.,
        'default_hooks.finite_loss.limit': 1e12,
        'train_dataloader.batch_size': 8},
        with_dry_run=True)
    jump = [f for f in found if f.check == 'dry run' and f.level == 'warning']
    assert len(jump) == 1
    assert 'the classification loss jumped from ' in jump[0].text
    assert 'clip_grad' in jump[0].advice


def test_times_are_said_as_people_do():
    assert spell_time(61) == 'about 61 s'
    assert spell_time(600) == 'about 10 min'
    assert spell_time(7200) == 'about 2.0 h'
