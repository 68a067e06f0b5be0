"""Weights and pseudo labels of other classes, or that fit in part."""
import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.registry import init_default_scope
from tiny_configs import CLASSES, cam_config
from torch import nn
from toy_runner import Points, toy_runner

from hsc_mm.datasets import VOCImageLabelDataset
from hsc_mm.engine.fitting import check_warm_start
from hsc_mm.inference.class_names import check_class_names
from hsc_mm.inference.seeds import build_model
from hsc_mm.pseudo_labels.folder import PseudoLabelFolder
from hsc_mm.registry import MODELS

CHECK = [dict(type='hsc_mm.StartupCheckHook')]
OTHER = {
    'turned': ('b', 'a'),
    'renamed': ('a', 'c'),
    'more': ('a', 'b', 'c'),
    'fewer': ('a', ),
}


def _checkpoint(classes):
    return dict(meta=dict(dataset_meta=dict(classes=classes)))


@pytest.mark.parametrize('classes', OTHER.values(), ids=OTHER)
def test_classes_of_a_checkpoint_are_compared(classes):
    with pytest.raises(ValueError, match=r'x.pth: expected the 2 classes'):
        check_class_names('x.pth', _checkpoint(classes), ('a', 'b'))


@pytest.mark.parametrize('found', [
    _checkpoint(['a', 'b']), _checkpoint(None), dict(meta={}), {},
    dict(meta=dict(dataset_meta=None))
])
def test_same_or_unknown_classes_pass(found):
    check_class_names('x.pth', found, ('a', 'b'))
    check_class_names('x.pth', _checkpoint(['z']), None)
    check_class_names('x.pth', _checkpoint(['a', 'Two words']),
                      ('A', 'two  words'))


def test_of_many_classes_those_that_differ_are_named():
    names = [f'c{k:03d}' for k in range(100)]
    turned = names[:70] + names[70:72][::-1] + names[72:]
    with pytest.raises(ValueError, match=r'c069, c070, c071') as error:
        check_class_names('x.pth', _checkpoint(turned), names)
    assert len(str(error.value)) < 400


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    work = tmp_path_factory.mktemp('toy')
    toy_runner(work, hooks=dict(checkpoint=dict(type=CheckpointHook))).train()
    return work / 'epoch_1.pth'


@pytest.mark.parametrize('classes', OTHER.values(), ids=OTHER)
def test_a_run_does_not_resume_with_other_classes(trained, tmp_path,
                                                  monkeypatch, classes):
    monkeypatch.setattr(Points, 'metainfo', dict(classes=classes))
    runner = toy_runner(tmp_path, epochs=2, custom_hooks=CHECK,
                        load_from=str(trained), resume=True)
    with pytest.raises(ValueError, match=r'epoch_1.pth: expected the'):
        runner.train()
    assert not list(tmp_path.glob('*.pth'))


def test_a_warm_start_with_other_classes_is_said(trained, tmp_path,
                                                 monkeypatch):
    monkeypatch.setattr(Points, 'metainfo', dict(classes=('b', 'a')))
    runner = toy_runner(tmp_path, custom_hooks=CHECK, load_from=str(trained))
    lines = []
    monkeypatch.setattr(runner.logger, 'warning', lines.append)
    runner.train()
    assert any('load_from' in line and 'expected the 2 classes' in line
               for line in lines)


def test_the_model_of_pseudo_labels_knows_the_classes(shared_voc, tmp_path):
    cfg = Config.fromfile(cam_config(shared_voc, tmp_path / 'c.py'))
    path = tmp_path / 'x.pth'
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model)
    torch.save(dict(_checkpoint(list(CLASSES)),
                    state_dict=model.state_dict()), path)
    build_model(cfg, str(path), 'cpu', CLASSES)
    with pytest.raises(ValueError, match=r'background, dog, cat'):
        build_model(cfg, str(path), 'cpu', ('background', 'dog', 'cat'))


class Net(nn.Module):

    def __init__(self, classes=3, extra=False):
        super().__init__()
        self.backbone = nn.Linear(4, 4)
        self.head = nn.Linear(4, classes)
        if extra:
            self.more = nn.Linear(4, 1)


@pytest.mark.parametrize(('model', 'share', 'text'), [
    (Net(), None, None),
    (Net(2), '66.7 %', 'head.weight has shape (3, 4), expected (2, 4)'),
    (Net(extra=True), '87.5 %', 'more.weight is missing; more.bias is'),
])
def test_what_of_a_warm_start_fits_is_said(model, share, text):
    note = check_warm_start('w.pth', model, Net().state_dict())
    assert (note is None) if share is None else (
        share in note and text in note)


@pytest.mark.parametrize('state', [
    {}, dict(a=torch.ones(3)), nn.Linear(4, 4).state_dict(),
    {f'encoder.{k}': v for k, v in Net().state_dict().items()},
    {k: v[:1] for k, v in Net().state_dict().items()},
])
def test_a_warm_start_of_which_nothing_fits_is_refused(state):
    with pytest.raises(ValueError, match=r'only 0 of the 20 numbers'):
        check_warm_start('w.pth', Net(), state)


@pytest.mark.parametrize('manifest', ['pseudo_labels.json',
                                      'imported_seeds.json'])
def test_pseudo_labels_of_other_classes_are_refused(shared_voc, tmp_path,
                                                    manifest):
    loader = dict(type='hsc_mm.LoadPseudoLabel', pseudo_dir=str(tmp_path))
    data = dict(data_root=str(shared_voc), label_file='image_labels.json',
                ann_file='ImageSets/Segmentation/train.txt',
                pipeline=[loader])
    names = VOCImageLabelDataset(**dict(data, pipeline=[])).all_classes
    folder = PseudoLabelFolder(tmp_path, dict(mask_classes=names))
    for path in (shared_voc / 'JPEGImages').iterdir():
        shape = (48, 64) if int(path.stem[-1]) % 2 else (56, 40)
        folder.write(path.stem, np.zeros(shape, np.uint8))
    VOCImageLabelDataset(**data)
    (tmp_path / 'pseudo_labels.json').unlink()
    (tmp_path / manifest).write_text(json.dumps(dict(  # other spellings
        mask_classes=[name.replace('e', 'E') for name in names])))
    VOCImageLabelDataset(**data)
    turned = [names[0], *names[:0:-1]]
    (tmp_path / manifest).write_text(json.dumps(dict(mask_classes=turned)))
    with pytest.raises(ValueError, match=f'{manifest}: expected masks'):
        VOCImageLabelDataset(**data)
