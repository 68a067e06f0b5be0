"""Sizes of pictures that vanish when they are resized."""
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmcv.transforms import Compose
from mmengine.config import Config
from PIL import Image
from tiny_configs import ROOT, cam_config

from hsc_mm.doctor import examine
from hsc_mm.doctor.sizes import _least, _resizes, _vanishes
from hsc_mm.inference import load_config
from hsc_mm.registry import TRANSFORMS


@pytest.mark.parametrize('where', ['test', 'tta'])
def test_pictures_that_vanish_when_they_are_resized(
        voc_root, tmp_path, where):
    resize = dict(type='Resize', scale=(64, 64), keep_ratio=True)
    images = voc_root / 'JPEGImages'
    for number, size in enumerate([(1, 900), (900, 1), (1, 100)]):
        Image.new('RGB', size).save(images / f'img_0{number}.jpg')
    cfg = load_config(cam_config(voc_root, tmp_path / 'cam.py'))
    if where == 'tta':
        cfg.tta_pipeline[1].transforms[0].append(resize)
    else:
        for name in ('val', 'test'):
            cfg[f'{name}_dataloader'].dataset.pipeline.insert(1, resize)
    found = [f for f in examine(cfg, False) if f.check == 'sizes']
    assert {f.level for f in found} == {'error'}
    assert [f.text.split(':')[0] for f in found] == ['train', 'val, test']
    assert [Path(line.split(':')[0]).name for line in found[0].details] == [
        'img_00.jpg', 'img_01.jpg']
    assert found[0].details[0].endswith('1 x 900 pixels')


@pytest.mark.parametrize(('step', 'vanishes'), [
    (dict(scale=(256, 256), keep_ratio=True), True),
    (dict(scale=256, keep_ratio=True), True),
    (dict(scale=(256, 256), keep_ratio=False), False),
    (dict(scale_factor=0.2, keep_ratio=False), True),
    (dict(scale_factor=(0.25, 1.0), keep_ratio=False), False),
    (dict(scale_factor=0.25, keep_ratio=True), True),  # mmcv rounds twice
    (dict(scale_factor=1.0, keep_ratio=True), False)])
def test_a_picture_vanishes_where_mmcv_cannot_resize_it(step, vanishes):
    resize = TRANSFORMS.build(dict(type='Resize', **step))
    try:
        resize(dict(img=np.zeros((1481, 2, 3), np.uint8)))
        failed = False
    except cv2.error:
        failed = True
    assert failed == vanishes == _vanishes((2, 1481), step)


@pytest.mark.parametrize('direction', ['horizontal', 'vertical'])
@pytest.mark.parametrize('size', [
    (1, 700), (700, 1), (1, 1000), (1000, 1), (1, 3000), (3000, 1), (1, 1),
    (2, 1000), (1000, 2), (2, 2000), (2000, 2)])
@pytest.mark.parametrize('name', ['voc', 'coco', 'own'])
def test_a_training_pipeline_fails_where_the_doctor_says_it(
        name, size, direction):
    """Strips that are resized to the smallest size, and mirrored."""
    cfg = Config.fromfile(
        ROOT / f'configs/_base_/datasets/{name}_pseudo-labels.py')
    steps = cfg.get('coco_pipeline') or cfg.train_pipeline
    steps = [one for one in steps if one.type in (
        'RandomResize', 'hsc_mm.RandomLongSideResize', 'RandomCrop',
        'RandomFlip', 'PackSegInputs')]
    assert len(steps) == 4
    steps[2].update(prob=1.0, direction=direction)
    said = any(_vanishes(size, one, _least(steps)) for one in _resizes(steps))
    if 'ratio_range' in steps[0]:
        steps[0].ratio_range = (steps[0].ratio_range[0], ) * 2
    else:
        assert not said
        steps[0].long_side = (steps[0].long_side[0], ) * 2
    array = np.zeros((size[1], size[0], 3), np.uint8)
    try:
        Compose([TRANSFORMS.build(one) for one in steps])(dict(
            img=array, gt_seg_map=array[..., 0], seg_fields=['gt_seg_map']))
        failed = False
    except (cv2.error, ValueError):
        failed = True
    assert failed == said


@pytest.mark.parametrize(('scale', 'ratios', 'found'), [
    ((2048, 512), (0.5, 2.0), [1024, 256]),
    ([(64, 30), (32, 48)], None, [32, 30]),
    ([(64, 30), (32, 48)], (0.5, 2.0), [32, 30]),  # as mmcv: no ratio
    (512, (0.5, 2.0), None), ([(64, 64)], None, None), (None, None, None)])
def test_the_smallest_sizes_that_are_drawn(scale, ratios, found):
    steps = [dict(type='mmcv.RandomResize', scale=scale, ratio_range=ratios)]
    assert [one['scale'] for one in _resizes(steps)] == (
        [found] if found else [])


def test_strips_that_the_training_pipeline_cannot_resize(voc_root, tmp_path):
    for number, size in enumerate([(1, 700), (1, 100), (900, 1)]):
        Image.new('RGB', size).save(
            voc_root / 'JPEGImages' / f'img_0{number}.jpg')
    cfg = load_config(cam_config(voc_root, tmp_path / 'cam.py'))
    steps = cfg.train_dataloader.dataset.pipeline
    steps.insert(2, dict(type='RandomResize', scale=[(64, 64), (32, 32)],
                         keep_ratio=True))
    found = [f for f in examine(cfg, False) if f.check == 'sizes']
    assert len(found) == 1
    assert found[0].text.startswith('train: the shorter side of 3 images')
    assert 'RandomLongSideResize' in found[0].advice
    assert found[0].details[0].endswith('img_00.jpg: 1 x 700 pixels')
