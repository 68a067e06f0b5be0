"""What a training depends on."""
import shutil
import sys
from importlib import import_module
from itertools import combinations

import pytest
from mmengine.hooks import EarlyStoppingHook
from tiny_configs import cam_config, seg_config

from hsc_mm.datasets.build import build_split
from hsc_mm.inference import load_config
from hsc_mm.pipeline.contents import split_hash
from hsc_mm.pipeline.inputs import config_hash, stage_inputs
from hsc_mm.utils import read_json, write_json
from hsc_mm.version import RECIPE


def test_a_start_from_another_checkpoint_is_another_training(
        tmp_path, shared_voc):
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py'))
    assert 'start' not in stage_inputs(cfg, 'train')
    cfg.load_from = str(tmp_path / 'start.pth')
    with pytest.raises(FileNotFoundError, match=r'cam\.py.*start\.pth'):
        stage_inputs(cfg, 'train')
    (tmp_path / 'start.pth').write_bytes(b'one')
    first = stage_inputs(cfg, 'train')
    (tmp_path / 'start.pth').write_bytes(b'another')
    second = stage_inputs(cfg, 'train')
    assert first['start'] != second['start']
    assert 'start' not in stage_inputs(cfg, 'test')
    cfg.load_from = 'https://host/start.pth'
    assert 'start' not in stage_inputs(cfg, 'train')


def test_copied_data_are_the_same_training(tmp_path, shared_voc):
    copy = tmp_path / 'copy'
    shutil.copytree(shared_voc, copy, copy_function=shutil.copyfile)
    first, second = (
        load_config(cam_config(root, tmp_path / f'cam{i}.py'))
        for i, root in enumerate([shared_voc, copy]))
    assert f"'{copy}'" in second.pretty_text
    for split in ('train', 'test'):
        assert stage_inputs(first, split) == stage_inputs(second, split)
    image = next((copy / 'JPEGImages').iterdir())
    image.write_bytes(image.read_bytes() + b'0')
    assert stage_inputs(first, 'train') != stage_inputs(second, 'train')


def test_exchanged_labels_and_mapped_masks_are_another_training(
        tmp_path, shared_voc):
    root = tmp_path / 'voc'
    shutil.copytree(shared_voc, root)
    cfg = load_config(cam_config(root, tmp_path / 'cam.py'))
    found = [stage_inputs(cfg, 'train')['data']]
    path = root / 'image_labels.json'
    content = read_json(path)
    one, other = next(
        pair for pair in combinations(sorted(content['images']), 2)
        if content['images'][pair[0]] != content['images'][pair[1]])
    labels = content['images']
    labels[one], labels[other] = labels[other], labels[one]
    write_json(path, content)
    found.append(stage_inputs(cfg, 'train')['data'])
    assert found[0] != found[1]
    data = build_split(cfg, 'train', maps=True)
    assert split_hash(data) == found[1]
    data._metainfo['label_map'] = {0: 0, 1: 2, 2: 1}
    assert split_hash(data) != found[1]


@pytest.mark.parametrize('changes', [
    {'train_dataloader.num_workers': 3}, {'env_cfg.cudnn_benchmark': False},
    {'default_hooks.checkpoint.max_keep_ckpts': 7}, {'resume': True},
    {'default_hooks.logger.interval': 3}, {'log_level': 'ERROR'},
    {'train_dataloader.pin_memory': True}, {'launcher': 'pytorch'},
    {'a_helper.pseudo_dir': 'elsewhere'}, {'train_cfg.val_interval': 77},
    {'model.decode_head.seed_from': 'refined'},
    {'model.test_cfg.bg_threshold': 0.7}])
def test_what_changes_no_result_changes_no_hash(tmp_path, shared_voc, changes):
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py'))
    cfg.a_helper = dict(pseudo_dir='x')
    before = config_hash(cfg, 'train')
    cfg.merge_from_dict(changes)
    assert config_hash(cfg, 'train') == before
    cfg.merge_from_dict({'train_dataloader.batch_size': 3})
    assert config_hash(cfg, 'train') != before


class Patient(EarlyStoppingHook):
    """A hook of others."""


_READ = dict(
    early=dict(custom_hooks=[dict(
        type='EarlyStoppingHook', monitor='seed/mIoU')]),
    own=dict(custom_hooks=[dict(type=Patient, monitor='seed/mIoU')]),
    plateau=dict(param_scheduler=dict(a=[dict(
        type='ReduceOnPlateauLR', monitor='seed/mIoU')])),
    none={})


@pytest.mark.parametrize('name', _READ)
def test_a_training_that_reads_its_validation_depends_on_it(
        tmp_path, shared_voc, name):
    root = tmp_path / 'voc'
    shutil.copytree(shared_voc, root)
    (root / 'few.txt').write_text('img_00\nimg_01\n')
    cfg = load_config(cam_config(root, tmp_path / 'cam.py'))
    cfg.val_dataloader.dataset.ann_file = 'few.txt'
    cfg._cfg_dict.update(_READ[name])
    found = [stage_inputs(cfg, 'train')]
    mask = root / 'SegmentationClass' / 'img_01.png'
    mask.write_bytes(
        (root / 'SegmentationClass' / 'img_03.png').read_bytes())
    found.append(stage_inputs(cfg, 'train'))
    cfg.model.test_cfg.bg_threshold = 0.7
    found.append(stage_inputs(cfg, 'train'))
    cfg.train_cfg.val_interval = 77
    found.append(stage_inputs(cfg, 'train'))
    cfg.val_dataloader.num_workers = 3  # changes no score
    assert stage_inputs(cfg, 'train') == found[-1]
    (root / 'few.txt').write_text('img_00\n')
    found.append(stage_inputs(cfg, 'train'))
    assert 'validation' not in stage_inputs(cfg, 'test')
    if name == 'none':
        assert all(one == found[0] for one in found)
        assert 'validation' not in found[0]
        return
    assert len({one.pop('validation') for one in found}) == 5
    assert all(one == found[0] for one in found)
    cfg.val_dataloader = None
    assert 'validation' not in stage_inputs(cfg, 'train')


@pytest.mark.parametrize('changes', [
    {'model.decode_head.seed_from': 'refined'},
    {'model.test_cfg.bg_threshold': 0.7}])
def test_what_makes_seeds_is_another_test(tmp_path, shared_voc, changes):
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py'))
    before = config_hash(cfg, 'test')
    cfg.merge_from_dict(changes)
    assert config_hash(cfg, 'test') != before


def test_the_spelling_of_the_root_changes_no_hash(tmp_path, shared_voc):
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py'))
    before = stage_inputs(cfg, 'train')
    cfg.train_dataloader.dataset.data_root = f'{shared_voc}/'
    assert stage_inputs(cfg, 'train') == before
    for root in ('a', f'{tmp_path}/b/'):
        cfg.train_dataloader.dataset.update(
            data_root=root, labels=f'{root}/labels.json')
        found = config_hash(cfg, 'train')
        if root == 'a':
            first = found
    assert found == first


def test_changed_code_of_the_user_is_another_training(
        tmp_path, shared_voc, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'a_loss_of_mine.py').write_text('K = 1')
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py'))
    assert 'code' not in stage_inputs(cfg, 'train')
    cfg.custom_imports = dict(imports=['a_loss_of_mine'])
    found = [stage_inputs(cfg, 'train')['code']]
    (tmp_path / 'a_loss_of_mine.py').write_text('K = 2')
    found.append(stage_inputs(cfg, 'train')['code'])
    assert found[0] != found[1]


@pytest.mark.parametrize('as_class', [True, False])
def test_code_of_a_type_counts_without_an_import(
        tmp_path, shared_voc, monkeypatch, as_class):
    """As configs in mmengine's python style name it."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'typed_loss_of_mine', raising=False)
    file = tmp_path / 'typed_loss_of_mine.py'
    file.write_text('class Loss:\n    weight = 1\n')
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py'))
    cfg.model.decode_head.losses.cls.type = import_module(
        'typed_loss_of_mine').Loss if as_class else 'typed_loss_of_mine.Loss'
    found = [stage_inputs(cfg, 'train')['code']]
    file.write_text('class Loss:\n    weight = 2\n')
    found.append(stage_inputs(cfg, 'train')['code'])
    assert found[0] != found[1]


def test_weights_are_their_contents(tmp_path, shared_voc, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py'))
    found = []
    for name, key in (('a', 'pretrained'), ('b', 'pretrained'),
                      ('b', 'checkpoint_path')):
        (tmp_path / f'{name}.pth').write_bytes(b'weights')
        cfg.model.backbone.pop('pretrained', None)
        cfg.model.backbone[key] = f'~/{name}.pth'
        found.append(stage_inputs(cfg, 'train'))
    assert found[0] == found[1]
    assert found[2]['start'] == found[0]['start']
    (tmp_path / 'b.pth').write_bytes(b'others')
    assert stage_inputs(cfg, 'train')['start'] != found[0]['start']


def test_other_pretrained_weights_are_another_training(tmp_path, shared_voc):
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py'))
    weights = tmp_path / 'weights.pth'
    cfg.model.backbone.init_cfg = dict(
        type='Pretrained', checkpoint=str(weights))
    found = [stage_inputs(cfg, 'train').get('start')]
    for content in (b'one', b'another'):
        weights.write_bytes(content)
        found.append(stage_inputs(cfg, 'train')['start'])
    assert found[0] is None
    assert found[1] != found[2]
    before = stage_inputs(cfg, 'test')
    assert 'start' not in before
    weights.unlink()  # its checkpoint holds all weights
    assert stage_inputs(cfg, 'test') == before


@pytest.mark.parametrize('key', ['class_weight', 'table'])
def test_files_that_a_model_reads_are_their_contents(tmp_path, shared_voc,
                                                     key):
    cfg = load_config(seg_config(shared_voc, tmp_path / 'seg.py'))
    cfg.train_dataloader.dataset.pipeline[2].pseudo_dir = str(tmp_path)
    file = tmp_path / 'numbers.json'
    cfg.model.decode_head.loss_decode[key] = str(file)
    found = [stage_inputs(cfg, 'train')]
    for text in ('[1, 1, 1]', '[1, 5, 5]'):
        file.write_text(text)
        found.append(stage_inputs(cfg, 'train'))
    assert len({one.get('start') for one in found}) == 3
    assert 'start' not in stage_inputs(cfg, 'test')


def test_another_trusted_mask_is_another_training(tmp_path, shared_voc):
    cfg = load_config(seg_config(shared_voc, tmp_path / 'seg.py'))
    assert 'trusted' not in stage_inputs(cfg, 'train')
    step = cfg.train_dataloader.dataset.pipeline[2]
    assert step.type == 'hsc_mm.LoadPseudoLabel'
    step.trusted_dir = str(tmp_path / 'trusted')
    with pytest.raises(FileNotFoundError, match='trusted_dir'):
        stage_inputs(cfg, 'train')
    found = []
    for name in ('img_01', 'sub/img_02'):
        path = tmp_path / 'trusted' / f'{name}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'mask')
        found.append(stage_inputs(cfg, 'train')['trusted'])
    assert found[0] != found[1]
    assert 'trusted' not in stage_inputs(cfg, 'test')
    before = stage_inputs(cfg, 'train')
    step.trusted_dir = str(tmp_path / 'there')
    (tmp_path / 'trusted').rename(step.trusted_dir)
    assert stage_inputs(cfg, 'train') == before


def test_another_recipe_of_the_code_is_another_step(
        tmp_path, shared_voc, monkeypatch):
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py'))
    before = [stage_inputs(cfg, split) for split in ('train', 'test')]
    monkeypatch.setattr('hsc_mm.pipeline.inputs.RECIPE', RECIPE + 1)
    for old, split in zip(before, ('train', 'test')):
        new = stage_inputs(cfg, split)
        assert {key for key in new if new[key] != old[key]} == {'versions'}
