"""Data sets of ours behind mmengine's wrappers, and what names them."""
import json

import pytest
from mmengine.config import Config
from mmengine.dataset import (
    ClassBalancedDataset,
    ConcatDataset,
    RepeatDataset,
)
from mmengine.runner import Runner
from tiny_configs import cam_config

from hsc_mm.datasets import ClassBalancedSampler, VOCImageLabelDataset
from hsc_mm.datasets.facts import data_facts

CLASSES = ('background', 'cat', 'dog')


@pytest.fixture
def split_voc(voc_root):
    lists = voc_root / 'ImageSets' / 'Segmentation'
    for split, part in (('train', range(5)), ('val', range(5, 8))):
        (lists / f'{split}.txt').write_text(
            ''.join(f'img_{n:02d}\n' for n in part))
    return voc_root


def _split(root, split, **kwargs):
    return VOCImageLabelDataset(
        data_root=str(root), label_file='image_labels.json',
        ann_file=f'ImageSets/Segmentation/{split}.txt',
        metainfo=dict(classes=CLASSES), **kwargs)


def test_two_splits_are_one_data_set(split_voc):
    train, val = (_split(split_voc, name) for name in ('train', 'val'))
    both = ConcatDataset([train, val])
    assert len(both) == 8
    assert both[5]['img_id'] == 'img_05'
    assert both.metainfo['classes'] == CLASSES
    assert len(list(zip(ClassBalancedSampler(both, seed=0), range(8)))) == 8


def test_facts_are_those_of_all_parts(split_voc):
    train, val = (_split(split_voc, name) for name in ('train', 'val'))
    one = data_facts(train)
    assert (one['split'], one['size']) == ('train', 5)
    assert data_facts(RepeatDataset(train, 3)) == one
    both = data_facts(ConcatDataset([train, val]))
    assert (both['split'], both['size']) == ('train + val', 8)
    turned = data_facts(ConcatDataset([val, train]))
    assert turned['images'] != both['images']
    again = ConcatDataset([_split(split_voc, 'train'), val])
    assert data_facts(again) == both
    assert data_facts(ConcatDataset([train, train]))['split'] == 'train'
    assert data_facts(object()) == {}


def test_classes_of_an_image_by_its_index(split_voc):
    train = _split(split_voc, 'train')
    assert [train.get_cat_ids(n) for n in range(3)] == [[1], [2], [1, 2]]
    # Both classes are in three or four of five images: r = (0.9 / 0.6)**.5
    assert len(ClassBalancedDataset(train, 0.9)) == 10
    assert len(ClassBalancedDataset(train, 0.5)) == 5
    unread = _split(split_voc, 'train', with_labels=False)
    with pytest.raises(ValueError, match='with_labels of VOCImageLabelData'
                       'set: expected True'):
        ClassBalancedDataset(unread, 0.9)


@pytest.mark.slow
def test_a_run_on_two_splits_names_them(split_voc, tmp_path, capfd):
    """In its result, and where it resumes with another part."""
    cfg = Config.fromfile(cam_config(split_voc, tmp_path / 'cam.py', iters=2))
    cfg.work_dir, cfg.experiment_name = str(tmp_path / 'run'), tmp_path.name
    cfg.param_scheduler[0].end = 9
    parts = {}
    for split in ('train', 'test'):
        loader = cfg[f'{split}_dataloader']
        parts[split] = [
            dict(loader.dataset, ann_file=f'ImageSets/Segmentation/{name}.txt')
            for name in ('train', 'val')]
        loader.dataset = dict(type='ConcatDataset', datasets=parts[split])
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.test_evaluator.out_json = str(tmp_path / 'seeds.json')
    runner = Runner.from_cfg(cfg)
    runner.train()
    runner.test()
    facts = json.loads((tmp_path / 'seeds.json').read_text())['facts']
    assert (facts['split'], facts['images']) == ('train + val', 8)
    cfg.resume = True
    for last, split, told in (
        (3, parts['train'], False), (4, parts['train'][:1], True)):
        cfg.train_dataloader.dataset.datasets = split
        cfg.train_cfg.max_iters = last
        cfg.experiment_name += '_again'
        capfd.readouterr()
        Runner.from_cfg(cfg).train()
        printed = ''.join(capfd.readouterr())
        assert ('resumed with other data: 8 images when the run began, 5 now'
                in printed) is told
        assert 'dataset metainfo from the resumed checkpoint' not in printed
