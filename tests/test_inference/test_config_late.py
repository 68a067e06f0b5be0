"""Values of a model that would be read late, and options over None."""
import pytest
from conftest import run_here
from mmengine.config import Config
from tiny_configs import cam_config, seg_config

from hsc_mm.inference import load_config


def load(config, **options):
    return load_config(config, {
        key.replace('__', '.'): value for key, value in options.items()},
        str(config.with_suffix('')))


@pytest.mark.parametrize(('options', 'message'), [
    (dict(mode='slide'), 'crop_size of .*expected two .*found None'),
    (dict(mode='slide', crop_size=(32, 32)), 'stride of .*found None'),
    (dict(mode='slide', crop_size=32, stride=16), 'crop_size of .*found 32'),
    (dict(mode='slide', crop_size=(32, 32), stride=(0, 16)),
     'stride of .*> 0, found 0'),
    (dict(mode='slide', crop_size=(32, 32), stride=(48, 32)),
     'stride of .*at most crop_size.*found .48, 32'),
    (dict(mode='hole'), 'mode of .*"whole" or "slide", found \'hole\''),
])
def test_windows_of_the_test(shared_voc, tmp_path, options, message):
    config = seg_config(shared_voc, tmp_path / 's.py')
    with pytest.raises(ValueError, match=rf'model\.test_cfg\.{message}'):
        load(config, **{f'model__test_cfg__{key}': value
                        for key, value in options.items()})


def test_good_windows(shared_voc, tmp_path):
    config = seg_config(shared_voc, tmp_path / 's.py')
    cfg = load(config, model__test_cfg__mode='slide',
               model__test_cfg__crop_size=(32, 32),
               model__test_cfg__stride=(16, 32))
    assert cfg.model.test_cfg.mode == 'slide'


@pytest.mark.parametrize(('options', 'found'), [
    (dict(model__backbone__init_cfg='w.pth'), "'w.pth'"),
    (dict(model__backbone__init_cfg__checkpoint='w.pth'), "{'checkpoint'"),
])
def test_weights_without_a_type(shared_voc, tmp_path, options, found):
    config = cam_config(shared_voc, tmp_path / 'c.py')
    with pytest.raises(ValueError, match=r'model\.backbone\.init_cfg of .*'
                       rf'expected dict\(type=.*found {found}.*as options'):
        load(config, **options)


@pytest.mark.parametrize('key', [
    'model.decode_head.ignore_index', 'model.auxiliary_head.ignore_index',
    'model.decode_head.loss_decode.ignore_index',
    'model.data_preprocessor.seg_pad_val', 'val_evaluator.ignore_index',
    'test_evaluator.ignore_index'])
def test_ignored_pixels_have_one_index(shared_voc, tmp_path, key):
    config = seg_config(shared_voc, tmp_path / 's.py')
    with pytest.raises(ValueError, match=rf'{key} of .*s\.py: expected 255, '
                       'which marks ignored.*found 0'):
        load_config(config, {key: 0}, str(tmp_path / 's'))
    assert load_config(config, {key: 255}, str(tmp_path / 's'))


def test_masks_may_have_another_index_of_ignored_pixels(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'c.py')
    options = {f'val_{key}.ignore_index': 250
               for key in ('dataloader.dataset', 'evaluator')}
    assert load_config(config, options, str(tmp_path / 'c'))
    config = seg_config(shared_voc, tmp_path / 's.py')
    options = {'train_dataloader.dataset.ignore_index': 250,
               'model.decode_head.ignore_index': 250,
               'model.auxiliary_head.ignore_index': 255}
    assert load_config(config, options, str(tmp_path / 's'))


def test_data_of_others_may_leave_out_one_of_their_classes(
        shared_voc, tmp_path):
    config = seg_config(shared_voc, tmp_path / 's.py')
    options = {f'{split}_dataloader.dataset.type': 'HSIDrive20Dataset'
               for split in ('train', 'val', 'test')}
    options |= {f'{part}.ignore_index': 0 for part in (
        'model.decode_head', 'model.auxiliary_head', 'val_evaluator',
        'test_evaluator')}
    assert load_config(config, options, str(tmp_path / 's'))


def test_joined_data_may_mark_ignored_pixels_each_in_its_way(
        shared_voc, tmp_path):
    config = seg_config(shared_voc, tmp_path / 's.py')
    cfg = Config.fromfile(config)
    data = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dict(type='ConcatDataset', datasets=[
        dict(data, ignore_index=250), data])
    cfg.dump(str(config))
    options = {'model.decode_head.ignore_index': 250}
    assert load_config(config, options, str(tmp_path / 's'))


def test_losses_that_are_logged_alone(shared_voc, tmp_path):
    config = seg_config(shared_voc, tmp_path / 's.py')
    key = 'model.decode_head.loss_decode.loss_name'
    with pytest.raises(ValueError, match=rf'{key} of .*s\.py: expected a name '
                       'that begins with "loss_", found \'ce\'. Others'):
        load_config(config, {key: 'ce'}, str(tmp_path / 's'))
    assert load_config(config, {key: 'loss_x'}, str(tmp_path / 's'))


def test_options_set_keys_of_what_is_none(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'c.py')
    config.write_text(f'{config.read_text()}\nmodel["backbone"]["init_cfg"] = '
                      'None\noptim_wrapper["clip_grad"] = None\n')
    cfg = load(config, model__backbone__init_cfg__type='Pretrained',
               model__backbone__init_cfg__checkpoint='w.pth',
               optim_wrapper__clip_grad__max_norm=5)
    assert cfg.model.backbone.init_cfg == dict(
        type='Pretrained', checkpoint='w.pth')
    assert cfg.optim_wrapper.clip_grad.max_norm == 5


@pytest.mark.parametrize(('key', 'name', 'near'), [
    ('norm', 'GNN', 'GN'), ('conv', 'Conv2dd', 'Conv2d')])
def test_layers_that_mmcv_does_not_have(shared_voc, tmp_path, key, name, near):
    config = cam_config(shared_voc, tmp_path / 'c.py')
    found = run_here('train', config, '--work-dir', tmp_path / 'w',
                     '--cfg-options', f'model.backbone.{key}_cfg.type={name}')
    assert found.returncode == 1
    assert f"error: type '{name}' of the config: mmcv has no such layer. " \
        f'Is "{near}" meant?' in found.stderr
