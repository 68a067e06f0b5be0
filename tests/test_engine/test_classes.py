"""Heads and data sets of one stage have the same classes."""
import pytest
import torch
from conftest import run_here
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.models.decode_heads import FCNHead
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from tiny_configs import cam_config, seg_config

from hsc_mm.doctor import examine
from hsc_mm.engine.classes import check_heads
from hsc_mm.inference import load_config
from hsc_mm.inference.class_names import check_same_classes
from hsc_mm.registry import MODELS

META = dict(classes=('background', 'cat', 'dog'))


STDC = dict(
    type='STDCHead', in_channels=64, channels=4, num_convs=1, num_classes=2,
    boundary_threshold=0.1, in_index=3, concat_input=False,
    norm_cfg=dict(type='BN'))


def _model(head):
    model = torch.nn.Module()
    model.decode_head = torch.nn.Module()
    model.auxiliary_head = torch.nn.ModuleList([head])
    return model


def _head(**sizes):
    return FCNHead(in_channels=4, channels=4, num_convs=1, **sizes)


def test_one_channel_is_of_two_classes():
    head = _head(num_classes=3, out_channels=1, threshold=0.5)
    with pytest.raises(ValueError, match=r'auxiliary_head\.out_channels: '
                       'expected 3.*found 1'):
        check_heads(_model(head), META)
    check_heads(_model(_head(num_classes=3)), META)
    head = _head(num_classes=2, out_channels=1, threshold=0.5)
    check_heads(_model(head), dict(classes=('background', 'cat')))


def test_channels_of_other_heads_are_their_own():
    head = torch.nn.Module()
    head.out_channels = 256  # of features, for example
    check_heads(_model(head), META)


def test_a_head_may_count_no_channels():
    class Depth(BaseDecodeHead):  # as mmseg's VPDDepthHead
        def __init__(self):
            torch.nn.Module.__init__(self)

        def forward(self, inputs):
            return inputs

    check_heads(_model(Depth()), META)


def test_spellings_of_one_class_are_no_other_classes():
    check_same_classes(dict(train=['background', 'traffic light', 'Bus'],
                            val=['Background', 'Traffic Light', 'bus']))
    with pytest.raises(ValueError, match='classes of val'):
        check_same_classes(dict(train=['traffic light', 'Bus'],
                                val=['bus', 'Traffic light']))


def test_a_head_that_learns_borders_has_no_classes(shared_voc, tmp_path):
    init_default_scope('mmseg')
    check_heads(_model(MODELS.build(STDC)), META)
    path = seg_config(shared_voc, tmp_path / 'seg.py')
    cfg = Config.fromfile(path)
    cfg.model.auxiliary_head = [cfg.model.auxiliary_head, STDC]
    cfg.train_dataloader.dataset.pipeline[2].pseudo_dir = str(
        shared_voc / 'SegmentationClass')
    cfg.dump(str(path))
    findings = examine(load_config(path, None, str(tmp_path / 'w')), False)
    assert not [f.text for f in findings if f.level == 'error']


def _other(path, split, classes):
    cfg = Config.fromfile(path)
    cfg[f'{split}_dataloader'].dataset.metainfo = dict(classes=classes)
    cfg.dump(str(path))
    return path


@pytest.mark.parametrize('stage', [cam_config, seg_config])
@pytest.mark.parametrize('classes', [
    ('background', 'dog', 'cat'), ('background', 'cat'),
    ('background', 'cat', 'dog', 'bird')])
def test_a_training_is_validated_on_its_own_classes(
        shared_voc, tmp_path, monkeypatch, stage, classes):
    monkeypatch.chdir(tmp_path)
    path = _other(stage(shared_voc, tmp_path / 'c.py'), 'val', classes)
    found = run_here(
        'train', path, '--work-dir', tmp_path / 'w', '--cfg-options',
        'default_hooks.startup_check.check_weights=False',
        *(['train_dataloader.dataset.pipeline.2.pseudo_dir='
           f'{shared_voc / "SegmentationClass"}'] * (stage is seg_config)))
    assert found.returncode == 1
    said = found.stderr.splitlines()[-1]
    assert 'classes of val_dataloader: expected those of train_datal' in said
    assert f'background, cat, dog, found {", ".join(classes)}.' in said
    assert not list((tmp_path / 'w').glob('*.pth'))


@pytest.mark.parametrize('stage', ['cam', 'seg'])
def test_a_pipeline_is_not_begun_with_tests_of_other_classes(
        shared_voc, tmp_path, stage):
    paths = dict(cam=cam_config(shared_voc, tmp_path / 'cam.py'),
                 seg=seg_config(shared_voc, tmp_path / 'seg.py'))
    _other(paths[stage], 'test', ('background', 'dog', 'cat'))
    found = run_here('pipeline', *paths.values(), '--work-dir',
                     tmp_path / 'w')
    assert found.returncode == 1
    assert f'test_dataloader of {paths[stage]}: expected' in found.stderr
    assert not (tmp_path / 'w' / 'cam').exists()


def test_the_doctor_compares_the_classes_of_the_data_sets(
        shared_voc, tmp_path):
    path = _other(cam_config(shared_voc, tmp_path / 'c.py'), 'val',
                  ('background', 'dog', 'cat'))
    findings = examine(load_config(path, None, str(tmp_path / 'w')), False)
    errors = [f for f in findings if f.level == 'error']
    assert [f.check for f in errors] == ['classes']
    assert 'classes of val: expected those of train' in errors[0].text
    assert 'metainfo.classes' in errors[0].advice
