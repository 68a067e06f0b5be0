"""Transforms that a wrapper adds to those of the data set in it."""
import copy
import re
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import (
    BaseDataset,
    ClassBalancedDataset,
    ConcatDataset,
    RepeatDataset,
)
from tiny_configs import cam_config, hsc_config, seg_config

from hsc_mm.datasets.sampler import ReproducibleSampler, SeedBySampler
from hsc_mm.doctor import examine
from hsc_mm.doctor.case import Case, draw_labels
from hsc_mm.engine.draws import draws_note
from hsc_mm.engine.runner import build_runner
from hsc_mm.inference import load_config, use_tta, without_truth
from hsc_mm.inference.inputs import array_pipeline
from hsc_mm.pipeline.inputs import with_pseudo_dir
from hsc_mm.registry import MODELS
from hsc_mm.utils.wrappers import leaves, split_datasets, wrapped

SEEDED = SeedBySampler()


def _mixed(path, count):
    """Move all transforms but the first into a MultiImageMixDataset."""
    cfg = Config.fromfile(path)
    leaf = cfg.train_dataloader.pop('dataset').to_dict()
    steps = leaf['pipeline']
    leaf['pipeline'] = steps[:count]
    cfg.train_dataloader.dataset = dict(
        type='MultiImageMixDataset', dataset=leaf, pipeline=steps[count:])
    cfg.dump(str(path))
    return path


def test_transforms_of_wrappers_follow_those_of_the_data_set():
    leaf = dict(type='A', pipeline=[1])
    assert [*wrapped(leaf)] == [leaf]
    assert next(wrapped(dict(dataset=leaf))) is leaf
    cfg = dict(train_dataloader=dict(dataset=dict(pipeline=[3], dataset=dict(
        datasets=[leaf, dict(type='B', dataset=dict(type='C'), pipeline=[2])]
    ))))
    assert [*split_datasets(cfg)] == [
        ('train', dict(type='A', pipeline=[1, 3])),
        ('train', dict(type='C', pipeline=[2, 3]))]
    assert leaf == dict(type='A', pipeline=[1])


@pytest.mark.slow
@pytest.mark.parametrize('count', [0, 2])
def test_a_wrapper_with_the_transforms_is_checked_and_trained(
        shared_voc, tmp_path, count):
    cfg = load_config(_mixed(cam_config(
        shared_voc, tmp_path / 'cam.py', 2), count), None,
        str(tmp_path / 'run'))
    found = examine(cfg, False)
    assert [one.text for one in found if one.level == 'error'] == []
    assert 'view 1: 32 x 32 pixels' in ' '.join(one.text for one in found)
    cfg.update(log_level='ERROR', experiment_name=f'mixed_{count}')
    build_runner(cfg).train()
    assert (tmp_path / 'run' / 'iter_2.pth').is_file()


def test_a_loader_of_maps_in_a_wrapper_lets_maps_be_absent(
        shared_voc, tmp_path):
    path = _mixed(hsc_config(shared_voc, tmp_path / 'cam.py'), 2)
    key = 'train_dataloader.dataset.dataset.aux_maps.saliency'
    notices = [[hook.get('text', '') for hook in load_config(
        path, options).get('custom_hooks') or []]
        for options in (None, {key: None})]
    assert ['saliency-free' in ' '.join(one) for one in notices] == [
        False, True]


def _twice(path, split):
    """Put the data set of a split into wrappers of mmengine, two times."""
    cfg = Config.fromfile(path)
    leaf = cfg[f'{split}_dataloader'].pop('dataset').to_dict()
    cfg[f'{split}_dataloader'].dataset = dict(
        type='RepeatDataset', times=1, dataset=dict(
            type='ConcatDataset', datasets=[leaf, copy.deepcopy(leaf)]))
    cfg.dump(str(path))
    return path


@pytest.mark.parametrize('tta', [False, True])
def test_wrapped_data_are_tested_and_their_pipeline_predicts(
        shared_voc, tmp_path, tta):
    path = _twice(cam_config(shared_voc, tmp_path / 'cam.py'), 'test')
    cfg = load_config(path, None, str(tmp_path / 'run'))
    cfg = use_tta(cfg) if tta else cfg
    steps = array_pipeline(cfg)[0].transforms
    assert type(steps[0]).__name__ == 'LoadImageFromNDArray'
    assert (type(steps[1]).__name__ == 'TestTimeAug') == tta
    for leaf in leaves(without_truth(cfg).test_dataloader.dataset):
        assert 'seg_map_path' not in leaf.data_prefix
        assert 'LoadAnnotations' not in str(leaf.pipeline)
    cfg.update(log_level='ERROR', experiment_name=f'tested_{tta}',
               load_from=str(tmp_path / 'weights.pth'))
    model = cfg.model.module if tta else cfg.model
    torch.save(dict(
        state_dict=MODELS.build(model).state_dict(),
        meta=dict(dataset_meta=dict(classes=('background', 'cat', 'dog')))),
        cfg.load_from)
    assert 'seed/mIoU' in build_runner(cfg).test()


def test_pseudo_labels_are_set_wherever_they_are_loaded(
        shared_voc, tmp_path):
    for wrap in (lambda path: _twice(path, 'train'),
                 lambda path: _mixed(path, 2)):
        cfg = load_config(wrap(seg_config(shared_voc, tmp_path / 'seg.py')))
        found = with_pseudo_dir(cfg, tmp_path / 'labels')
        text = str(found.train_dataloader)
        assert f"'pseudo_dir': '{tmp_path / 'labels'}'" in text
        assert 'work_dirs/pseudo_labels' not in text
        assert 'work_dirs/pseudo_labels' in str(cfg.train_dataloader)


def test_the_doctor_draws_labels_for_wrapped_data(shared_voc, tmp_path):
    cam, seg = (
        Case(load_config(path, None, str(tmp_path / 'run'))) for path in (
            cam_config(shared_voc, tmp_path / 'cam.py'),
            _twice(seg_config(shared_voc, tmp_path / 'seg.py'), 'train')))
    drawn = draw_labels(seg, cam, str(tmp_path / 'drawn'))
    assert len([*(tmp_path / 'drawn').glob('*.png')]) == 8
    assert [one.indices for one in leaves(
        drawn.cfg.train_dataloader.dataset)] == [[*range(8)]] * 2


class _Items(BaseDataset):

    def load_data_list(self):
        return [dict(labels=[number % 2]) for number in range(6)]

    def get_cat_ids(self, index):
        return self.get_data_info(index)['labels']


def _leaf(first):
    return _Items(pipeline=[first])


@pytest.mark.parametrize(('dataset', 'said'), [
    (lambda: _leaf(SEEDED), '$'),
    (lambda: ConcatDataset([_leaf(SEEDED), _leaf(SEEDED)]), '$'),
    (lambda: RepeatDataset(_leaf(dict), 2), '.*without hsc_mm.SeedBySampler'),
    (lambda: ConcatDataset([_leaf(SEEDED), _leaf(dict)]),
     '.*without hsc_mm.SeedBySampler'),
    (lambda: SimpleNamespace(dataset=_leaf(dict), pipeline=[SEEDED]), '$'),
    (lambda: ClassBalancedDataset(_leaf(SEEDED), 0.9),
     '.*ClassBalancedDataset.*hsc_mm.ClassBalancedSampler')])
def test_draws_that_a_wrapper_does_not_repeat_are_said(dataset, said):
    loader = SimpleNamespace(
        dataset=dataset(), sampler=ReproducibleSampler(range(6), seed=0))
    assert re.match(said, draws_note(SimpleNamespace(train_dataloader=loader)))
