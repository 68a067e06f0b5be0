"""Splits of a config, built for another purpose than training."""
from functools import partial

import pytest
from mmcv.transforms import LoadAnnotations, Resize
from mmengine.config import Config
from tiny_configs import hsc_config

from hsc_mm.datasets.build import build_split, loads_truth, without_truth
from hsc_mm.inference.config_changes import use_tta
from hsc_mm.inference.config_changes import without_truth as without_masks
from hsc_mm.inference.inputs import array_pipeline
from hsc_mm.inference.seeds import seed_dataset


@pytest.fixture
def cfg(voc_root, tmp_path):
    return Config.fromfile(hsc_config(voc_root, tmp_path / 'cam.py'))


def _first(dataset):
    return dataset.get_data_info(0)


def test_items_are_as_asked_for(cfg):
    before = cfg.pretty_text
    plain = _first(build_split(cfg, 'train'))
    assert 'aux_maps' not in plain and 'gt_label' in plain
    assert 'saliency' in _first(build_split(cfg, 'train',
                                            maps=True))['aux_maps']
    assert 'seg_map_path' in _first(build_split(cfg, 'val', masks=True))
    assert 'seg_map_path' not in _first(build_split(cfg, 'val', masks=False))
    loaded = build_split(cfg, 'train',
                         pipeline=[dict(type='LoadImageFromFile')])[0]
    assert loaded['img'].ndim == 3
    assert cfg.pretty_text == before


def test_files_are_looked_at_unless_told(cfg, voc_root):
    (voc_root / 'JPEGImages' / 'img_03.jpg').unlink()
    with pytest.raises(ValueError, match=r'img_03\.jpg: missing'):
        build_split(cfg, 'train')
    assert len(build_split(cfg, 'train', check=False)) == 8


def test_images_are_those_of_the_split(cfg):
    cats = dict(classes=('background', 'cat'))
    for split, count in (('train', 5), ('val', 8)):
        cfg[f'{split}_dataloader'].dataset.metainfo = cats
        assert len(build_split(cfg, split)) == count
    cfg.train_dataloader.dataset.keep_empty = True
    assert len(build_split(cfg, 'train')) == 8


def test_what_cannot_be_built_is_said(cfg):
    with pytest.raises(ValueError, match=r'train_dataloader.*seg_map_path'):
        build_split(cfg, 'train', masks=True)
    cfg.train_dataloader.dataset = dict(
        type='RepeatDataset', times=2, dataset=cfg.train_dataloader.dataset)
    with pytest.raises(ValueError, match='a data set of hsc_mm, found Repeat'):
        build_split(cfg, 'train')


def test_a_split_that_the_config_has_not_is_named(cfg):
    cfg.val_dataloader = None
    with pytest.raises(ValueError, match=r'val_dataloader of .*cam\.py: '
                       r'expected the data of the split "val", found none\. '
                       'The config has train, test'):
        build_split(cfg, 'val')


@pytest.mark.parametrize('read', [
    array_pipeline, use_tta, without_masks,
    partial(seed_dataset, split='train')])
def test_who_reads_the_test_split_says_that_there_is_none(cfg, read):
    cfg.test_dataloader = cfg.test_evaluator = cfg.test_cfg = None
    with pytest.raises(ValueError, match=r'test_dataloader of .*found none'):
        read(cfg)


def test_what_loads_truth_is_left_out(cfg):
    types = [step['type'] for step in without_truth(
        cfg.train_dataloader.dataset.pipeline)]
    assert 'hsc_mm.LoadImage' in types
    assert 'hsc_mm.LoadAuxMaps' not in types
    views = without_truth(cfg.tta_pipeline)[-1]['transforms']
    assert len(views) == len(cfg.tta_pipeline[-1]['transforms']) - 1
    for name in ('LoadAnnotations', 'mmseg.LoadAnnotations',
                 'hsc_mm.LoadPseudoLabel'):
        assert loads_truth(dict(type=name))
    assert not loads_truth(dict(type='Resize'))
    assert not loads_truth(dict(type=Resize))
    own = type('OwnMasks', (LoadAnnotations, ), {})
    assert loads_truth(dict(type=own))
    assert not loads_truth(dict(type='NotThere'))
