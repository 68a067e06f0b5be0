"""Checks of one stage or both: as text, as JSON, as a command."""
import json
import shutil
from collections import namedtuple
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from conftest import run_here
from doctor_findings import errors_of, examined, only_one
from mmengine.runner import Runner
from tiny_configs import ROOT, cam_config, hsc_config, seg_config

import hsc_mm.doctor
from hsc_converters.new_configs import write_configs
from hsc_converters.new_dataset import NewDataset
from hsc_mm.cli import common as cli
from hsc_mm.cli import doctor
from hsc_mm.doctor import as_json, as_text, case, dry_run, examine, machine
from hsc_mm.doctor.case import Case, draw_labels
from hsc_mm.inference import load_config
from hsc_mm.inference.configs import config_folder
from hsc_mm.utils import read_index_png


def test_a_sound_set_up(shared_voc, tmp_path):
    findings = examined(hsc_config(shared_voc, tmp_path / 'cam.py'))
    assert errors_of(findings) == []
    warnings = {f.check for f in findings if f.level == 'warning'}
    # random numbers, 4 x 4 positions, objects on an eighth of the pixels
    assert warnings == {'weights', 'views', 'foreground'}
    text = as_text('cam.py', findings)
    assert 'train: 8 images' in text
    assert 'train, images of each class: cat 5, dog 5' in text
    assert ('train: 8 of 8 images have a saliency map; 0 are entirely black'
            in text)
    assert 'masks hold indices 0..20 and 255 only' in text
    assert 'view 2: 24 x 24 pixels give 3 x 3 positions' in text
    assert 'training can start' in text
    assert not (tmp_path / 'run').exists()


def test_a_missing_data_root_stops_no_other_check(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'cam.py')
    findings = examined(
        config,
        {f'{s}_dataloader.dataset.data_root': str(tmp_path / 'no')
         for s in ('train', 'val', 'test')}, with_dry_run=True)
    errors = errors_of(findings)
    assert [f.check for f in errors] == ['data', 'data']
    assert errors[0].text.startswith(
        f'train: data_root {tmp_path / "no"}: no such folder')
    facts = {f.check: f.text for f in findings if f.level == 'fact'}
    assert 'positions' in facts['views']
    assert 'GiB free' in facts['disk']
    assert 'because of the errors' in facts['dry run']


def test_data_sets_in_a_wrapper_are_told_apart(shared_voc, tmp_path):
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py'))
    plain = cfg.train_dataloader.dataset.to_dict()
    cfg.train_dataloader.dataset = dict(type='ConcatDataset', datasets=[
        plain, dict(plain, ann_file='no/such.txt')])
    found = examine(cfg, False)
    assert [f.text for f in found if f.text.startswith('train') and
            f.check == 'data' and f.level == 'fact'] == ['train 1: 8 images']
    error = only_one(found, 'error', 'data')
    assert error.text.startswith('train 2: ')
    assert ' of train_dataloader.dataset ' in error.advice


def test_disk(shared_voc, tmp_path, monkeypatch):
    usage = namedtuple('usage', 'total used free')(0, 0, 2**16)
    config = cam_config(shared_voc, tmp_path / 'cam.py')
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage)
    found = only_one(examined(config), 'error', 'disk')
    assert '2 checkpoint(s)' in ' '.join(
        f.text for f in examined(config) if f.check == 'disk')
    assert 'max_keep_ckpts' in found.advice


@pytest.mark.parametrize(('hook', 'train', 'number'), [
    (dict(by_epoch=False), dict(max_iters=20000), 1),
    (dict(by_epoch=False, interval=-1), dict(max_iters=20000), 1),
    (dict(by_epoch=False, interval=3000), dict(max_iters=20000), 7),
    (dict(by_epoch=False, interval=3000, max_keep_ckpts=2),
     dict(max_iters=20000), 2),
    (dict(interval=1), dict(max_iters=20000), 1),
    (dict(interval=1), dict(by_epoch=True, max_epochs=50), 50)])
def test_checkpoints_are_counted_as_they_are_kept(hook, train, number):
    case = SimpleNamespace(cfg=dict(
        default_hooks=dict(checkpoint=hook), train_cfg=train))
    assert machine._kept(case) == number


def test_a_check_that_fails_is_a_finding(shared_voc, tmp_path):
    findings = examined(
        cam_config(shared_voc, tmp_path / 'cam.py'),
        {'model.backbone.type': 'NoSuchNet'})
    failed = [f for f in errors_of(findings)
              if 'could not be finished' in f.text]
    assert [f.check for f in failed] == ['weights', 'views', 'disk']
    assert all('NoSuchNet' in f.text for f in failed)


@pytest.mark.slow
def test_both_stages_before_there_are_pseudo_labels(
        shared_voc, tmp_path, monkeypatch):
    monkeypatch.setattr(dry_run, '_MOST', 2)
    cam = cam_config(shared_voc, tmp_path / 'cam.py')
    seg = load_config(seg_config(shared_voc, tmp_path / 'seg.py'), {
        'train_dataloader.dataset.pipeline.2.pseudo_dir':
            str(tmp_path / 'no')}, str(tmp_path / 'run'))
    found = examined(cam, with_dry_run=True, seg_cfg=seg)
    assert errors_of(found) == []
    second = [f.text for f in found if f.check == 'stage 2: dry run']
    assert second[0].startswith('2 iterations of 2 images: ')
    assert found[-1].check == 'time'
    assert found[-1].text.startswith('both trainings: about ')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['cam.py', 'seg.py']
    seg.model.decode_head.num_classes = 4
    errors = errors_of(examined(cam, seg_cfg=seg))
    assert {f.check for f in errors} == {'stage 2: classes'}


def test_many_images_without_a_class_leave_room_for_the_others(
        tmp_path, monkeypatch):
    monkeypatch.setattr(case, '_DRAWN', 4)
    root, draw = tmp_path / 'mine', np.random.default_rng(0).integers
    for name, count in dict(_none=5, crack=3, hole=2).items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            cv2.imwrite(str(root / name / f'{number}.png'),
                        draw(0, 255, (40, 50, 3), np.uint8))
    paths, _ = write_configs(NewDataset(str(root), weights='none', iters=2),
                             tmp_path / 'configs', config_folder() / 'own')
    cam, seg = (Case(load_config(path, None, str(tmp_path / 'run')))
                for path in paths[:2])
    tried = draw_labels(seg, cam, str(tmp_path / 'drawn'))
    loader = Runner.build_dataloader(dict(
        tried.cfg.train_dataloader, num_workers=0, persistent_workers=False))
    shown = sorted(loader.dataset.get_data_info(k)['img_id']
                   for k in range(len(loader.dataset)))
    assert len(shown) == 4 and all(
        name.startswith(('crack', 'hole')) for name in shown)


def test_the_next_command_has_the_options(shared_voc, tmp_path, monkeypatch,
                                          capsys):
    configs = [str(make(shared_voc, tmp_path / f'{make.__name__}.py'))
               for make in (cam_config, seg_config)]
    monkeypatch.setattr(hsc_mm.doctor, 'examine', lambda *_: [])
    option, other = 'train_cfg.max_iters=7', 'model.a=[1,2]'
    for number, first in ((1, '--cfg-options'), (2, '--cam-options')):
        monkeypatch.setattr('sys.argv', [
            'doctor', *configs[:number], '--work-dir', 'w', '--cfg-options',
            option, other, *['--seg-options', option] * (number - 1)])
        assert cli.run(doctor.main) == 0
        last = capsys.readouterr().out.splitlines()[-1]
        assert f"{first} {option} '{other}'" in last
        assert last.endswith(f'--seg-options {option}') == (number == 2)


def test_drawn_labels_hold_a_class_of_their_image(shared_voc, tmp_path):
    cam, seg = (
        Case(load_config(make(shared_voc, tmp_path / f'{make.__name__}.py'),
                         None, str(tmp_path / 'run'))) for make in (
                             cam_config, seg_config))
    draw_labels(seg, cam, str(tmp_path / 'drawn'))
    names = {8: 'cat', 12: 'dog'}
    for image_id, present in cam.train[0].labels.items():
        mask = read_index_png(tmp_path / 'drawn' / f'{image_id}.png')
        image = cv2.imread(
            str(shared_voc / 'JPEGImages' / f'{image_id}.jpg'))
        assert mask.shape == image.shape[:2]
        assert mask[0, 0] == 0
        assert names[mask.max()] in present


def test_the_command(voc_root, tmp_path):
    config = cam_config(voc_root, tmp_path / 'cam.py')
    command = ('doctor', config, '--no-dry-run', '--work-dir',
               tmp_path / 'run')
    done = run_here(*command)
    assert done.returncode == 0, done.stderr
    (voc_root / 'JPEGImages' / 'img_03.jpg').unlink()
    out = tmp_path / 'findings.json'
    done = run_here(*command, '--json', out)
    assert done.returncode == 1
    assert '1. error (files): train: 1 of 8 files are missing' in done.stdout
    assert 'img_03.jpg: missing' in done.stdout
    found = json.loads(out.read_text())
    assert {'level', 'check', 'text', 'advice', 'details'} == set(found[0])


def test_json_holds_every_finding(shared_voc, tmp_path):
    findings = examined(cam_config(shared_voc, tmp_path / 'cam.py'))
    assert json.loads(json.dumps(as_json(findings)))[0]['check'] == 'versions'


@pytest.mark.parametrize('name', ['cam_r50_voc', 'hsc_r50_eps_voc'])
def test_configs_without_their_data(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('VOC2012_ROOT', raising=False)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    cfg = load_config(ROOT / 'configs' / f'{name}.py', None, 'run')
    errors = errors_of(examine(cfg))
    assert {f.check for f in errors} == {'data'}
