"""Transforms that leave maps, masks or image labels where they were."""
from types import SimpleNamespace

import pytest
from mmcv.transforms import LoadAnnotations
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpretrain.datasets.transforms import auto_augment  # noqa: F401
from tiny_configs import cam_config, hsc_config

from hsc_mm.datasets.geometry import check_geometry, check_mixed
from hsc_mm.engine.runner import build_runner
from hsc_mm.inference import load_config
from hsc_mm.registry import DATASETS, TRANSFORMS

TURN = dict(type='mmpretrain.Rotate', angle=90., prob=1.)
POLICIES = [
    dict(type='mmpretrain.Posterize', magnitude_range=(4, 0)),
    dict(type='mmpretrain.Translate', magnitude_range=(0, 0.4))]
RAND = dict(type='mmpretrain.RandAugment', num_policies=1,
            magnitude_level=5, total_level=10)
MOSAIC = dict(type='RandomMosaic', prob=1.0, img_scale=(32, 32))


def _train(path, step, wrapped, work_dir=None):
    """Put a transform before the last one, or into a wrapper round it."""
    cfg = Config.fromfile(path)
    leaf = cfg.train_dataloader.pop('dataset').to_dict()
    *steps, last = leaf['pipeline']
    steps = [one for one in steps if one['type'] != 'RandomFlip']
    leaf['pipeline'] = steps if wrapped else [*steps, step, last]
    cfg.train_dataloader.dataset = dict(
        type='MultiImageMixDataset', dataset=leaf,
        pipeline=[step, last]) if wrapped else leaf
    cfg.dump(str(path))
    return load_config(path, None, work_dir)


@pytest.mark.parametrize('wrapped', [False, True])
@pytest.mark.parametrize(('step', 'name'), [
    (TURN, 'Rotate'), (dict(RAND, policies=POLICIES), 'RandAugment'),
    (dict(type='mmcv.RandomFlip', prob=1.0), 'RandomFlip'),
    (dict(type='mmpretrain.torchvision/RandomAffine', degrees=90),
     'TorchVisonTransformWrapper'),
    (dict(type='RandomApply', transforms=[TURN]), 'Rotate')])
def test_what_moves_the_image_alone_is_refused_beside_maps(
        shared_voc, tmp_path, step, name, wrapped):
    init_default_scope('mmseg')
    cfg = _train(hsc_config(shared_voc, tmp_path / 'cam.py'), step, wrapped)
    with pytest.raises(ValueError, match=rf'^{name}: expected transforms that '
                       r'move what was loaded beside the image, map, .*mmseg'
                       r'.*moves_maps = True'):
        check_mixed(DATASETS.build(cfg.train_dataloader.dataset))


@pytest.mark.parametrize('step', [
    dict(type='RandomFlip', prob=1.0), dict(type='PhotoMetricDistortion'),
    dict(RAND, policies=POLICIES[:1]),
    dict(type='mmpretrain.torchvision/Grayscale')])
def test_others_are_let_through(shared_voc, tmp_path, step):
    init_default_scope('mmseg')
    cfg = _train(hsc_config(shared_voc, tmp_path / 'cam.py'), step, True)
    check_mixed(DATASETS.build(cfg.train_dataloader.dataset))


def test_masks_are_left_behind_too(shared_voc, tmp_path):
    """Of mmcv's flip they are not: it knows them."""
    init_default_scope('mmseg')
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py'))
    dataset = cfg.val_dataloader.dataset
    steps = [*dataset.pipeline]
    assert 'LoadAnnotations' in str(steps[:-1])
    dataset.pipeline = [
        *steps[:-1], dict(type='mmcv.RandomFlip', prob=1.0), steps[-1]]
    DATASETS.build(dataset)
    dataset.pipeline = [*steps[:-1], TURN, steps[-1]]
    with pytest.raises(ValueError, match='beside the image, mask, '):
        DATASETS.build(dataset)
    dataset.pipeline = [steps[0], TURN, *steps[1:]]  # not loaded yet
    DATASETS.build(dataset)


def test_a_class_may_say_that_it_moves_maps(shared_voc, tmp_path, monkeypatch):
    init_default_scope('mmseg')
    cfg = _train(hsc_config(shared_voc, tmp_path / 'cam.py'), TURN, False)
    monkeypatch.setattr(TRANSFORMS.get('mmpretrain.Rotate'), 'moves_maps',
                        True, raising=False)
    DATASETS.build(cfg.train_dataloader.dataset)


def test_a_wrapper_pads_maps_with_their_value(shared_voc, tmp_path):
    init_default_scope('mmseg')
    turn = dict(type='RandomRotate', prob=1.0, degree=45)
    cfg = _train(hsc_config(shared_voc, tmp_path / 'cam.py'), turn, True)
    with pytest.raises(ValueError, match=r'RandomRotate\.seg_pad_val: '):
        check_mixed(DATASETS.build(cfg.train_dataloader.dataset))


def test_a_mosaic_has_no_image_labels(shared_voc, tmp_path):
    path = cam_config(shared_voc, tmp_path / 'cam.py', 2)
    cfg = _train(path, MOSAIC, True, str(tmp_path / 'cam'))
    cfg.update(log_level='ERROR', experiment_name='mosaic_cam')
    runner = build_runner(cfg)
    with pytest.raises(ValueError, match=r'^RandomMosaic: expected transforms '
                       'that keep an image to itself'):
        runner.train()


def test_a_mosaic_of_masks_is_let_through(shared_voc, tmp_path):
    """Of the second stage: its data sets may have image labels, too."""
    init_default_scope('mmseg')
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py'))
    leaf = cfg.val_dataloader.dataset
    assert leaf.get('with_labels', True)
    *steps, last = leaf.pipeline
    leaf.pipeline = steps
    check_mixed(DATASETS.build(dict(
        type='MultiImageMixDataset', dataset=leaf, pipeline=[MOSAIC, last])))


@pytest.mark.parametrize(('keymap', 'targets', 'name', 'good'), [
    (('img', 'gt_seg_map'), ('image', 'mask'), 'mask', True),
    (('img', 'gt_seg_map'), ('image', 'mask'), 'map', False),
    (('img', 'aux_saliency'), ('image', 'mask'), 'map', True),
    (('img', ), ('image', 'mask'), 'mask', False),
    (('img', ), ('image', ), 'mask', True),
    (('img', ), ('image', ), 'map', True)])
def test_albumentations_moves_what_its_keymap_has(keymap, targets, name, good):
    """Wrapped by mmseg and mmpretrain; colours move nothing."""
    albu = SimpleNamespace(
        keymap_to_albu=dict.fromkeys(keymap), aug=SimpleNamespace(transforms=[
            SimpleNamespace(transforms=[SimpleNamespace(targets=targets)])]))
    load = LoadAnnotations() if name == 'mask' else SimpleNamespace(
        loads_aux_maps=True)
    dataset = SimpleNamespace(aux_maps=dict(
        saliency=SimpleNamespace(fill=0)) if name == 'map' else {})
    if good:
        check_geometry([load, albu], dataset)
    else:
        with pytest.raises(ValueError, match=f'beside the image, {name}, as'):
            check_geometry([load, albu], dataset)
    check_geometry([albu, load], dataset)
