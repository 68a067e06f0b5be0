"""Batches of one, ranks on CPUs, views in memory, weights that timm loads."""
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.structures import SegDataSample
from tiny_configs import CLASSES, ROOT, cam_config, seg_config
from torch import nn

from hsc_mm.doctor.case import Case
from hsc_mm.doctor.files import contents
from hsc_mm.doctor.labels import labels
from hsc_mm.doctor.weights import batch
from hsc_mm.engine.norms import guard_batch_norms
from hsc_mm.evaluation.mask_metric import MaskMetric
from hsc_mm.inference import load_config, use_tta
from hsc_mm.inference.inferencer import HSCInferencer
from hsc_mm.registry import MODELS
from hsc_mm.utils.checkpoint_sources import check_named
from hsc_mm.visualization.pictures import titled_strip


@pytest.mark.slow
def test_two_ranks_on_a_cpu_by_the_real_launcher(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'c.py', iters=2)
    done = subprocess.run([
        sys.executable, '-m', 'torch.distributed.run', '--standalone',
        '--nproc_per_node', '2', str(ROOT / 'tools' / 'train.py'),
        str(config), '--work-dir', str(tmp_path / 'w'), '--launcher',
        'pytorch'], capture_output=True, text=True, check=False)
    if torch.cuda.is_available():
        pytest.skip('ranks take GPUs here')
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / 'w' / 'iter_2.pth').is_file()
    assert 'GPU number: 2' in done.stdout + done.stderr


@pytest.mark.parametrize('batch_size', [1, 2])
def test_the_doctor_warns_of_a_batch_of_one(shared_voc, tmp_path,
                                            batch_size):
    cfg = load_config(cam_config(shared_voc, tmp_path / 'c.py'),
                      {'train_dataloader.batch_size': batch_size})
    found = [f for f in batch(Case(cfg)) if f.level == 'warning']
    assert len(found) == (batch_size == 1)


def test_a_batch_norm_of_one_value_is_named():
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 4, 1),
                          nn.BatchNorm2d(4))
    guard_batch_norms(model)
    model(torch.ones(2, 3, 5, 5))
    with pytest.raises(ValueError, match=r'^2: .*batch_size=2 or more'):
        model(torch.ones(1, 3, 5, 5))
    model.eval()(torch.ones(1, 3, 5, 5))


def test_views_one_by_one_make_what_all_at_once_make(shared_voc, tmp_path):
    init_default_scope('mmseg')
    cfg = use_tta(Config.fromfile(
        cam_config(shared_voc, tmp_path / 'c.py')))
    model = MODELS.build(cfg.model).eval()
    meta = dict(ori_shape=(40, 48), img_shape=(40, 48), pad_shape=(40, 48))

    def data():
        views = dict(inputs=[], data_samples=[])
        for flip in (False, True):
            sample = SegDataSample(metainfo=dict(
                meta, flip=flip, flip_direction='horizontal'))
            sample.gt_label = torch.ones(2)
            views['inputs'].append([image.flip(2) if flip else image])
            views['data_samples'].append([sample])
        return views

    image = torch.randint(0, 255, (3, 40, 48), dtype=torch.uint8)
    with torch.no_grad():
        found, = model.test_step(data())
        listed = data()
        every = [model.module.test_step({k: v[i] for k, v in listed.items()})
                 for i in range(2)]
        expected, = model.merge_preds(list(zip(*every, strict=True)))
    for name in ('activation', 'seg_logits', 'pred_sem_seg'):
        assert torch.equal(found.get(name).data, expected.get(name).data)
    assert torch.equal(found.cls_scores, expected.cls_scores)
    assert found.metainfo['views'] == expected.metainfo['views'] == 2


@pytest.mark.parametrize(('content', 'match'), [
    (dict(a=torch.tensor([float('nan')])), 'finite weights'),
    (dict(a=torch.ones(2), b=print), 'would run code'), (None, 'no such')])
def test_weights_that_timm_loads_go_through_the_door(
        tmp_path, content, match):
    path = tmp_path / 'w.pth'
    if content:
        torch.save(content, path)
    model = dict(backbone=dict(type='TIMMBackbone', model_name='resnet18',
                               checkpoint_path=str(path)))
    with pytest.raises((ValueError, OSError), match=match):
        check_named(dict(type='X', module=[model]))
    with pytest.raises((ValueError, OSError), match=match):
        MODELS.build(dict(type='hsc_mm.TIMMBackbone', model_name='resnet18',
                          pretrained_cfg_overlay=dict(file=str(path))))
    torch.save(dict(a=torch.ones(2)), path)
    check_named(model)


def test_the_doctor_on_dull_images_and_classes_everywhere(voc_root,
                                                          tmp_path):
    images = voc_root / 'JPEGImages'
    for path in sorted(images.iterdir())[:3]:
        cv2.imwrite(str(path), np.full_like(cv2.imread(str(path)), 12))
    path = voc_root / 'image_labels.json'
    found = json.loads(path.read_text())
    found['images'] = {k: ['cat', 'dog'] for k in found['images']}
    path.write_text(json.dumps(found))
    cfg = load_config(cam_config(voc_root, tmp_path / 'c.py'))
    for name in ('train', 'val', 'test'):
        cfg[f'{name}_dataloader'].dataset.label_file = path.name
    case = Case(cfg)
    dull = [f for f in contents(case) if f.text.startswith('train')]
    assert len(dull) == 1
    assert len(dull[0].details) == 3
    assert any('every image shows cat, dog' in f.text for f in labels(case))
    half = list(found['images'])[::2]
    found['images'].update({k: ['person'] for k in half})
    found['classes'].append('person')
    path.write_text(json.dumps(found))
    assert any(f'every image shows cat, dog, but for {len(half)} that are '
               'left out' in f.text for f in labels(Case(cfg)))
    found['images'].update({k: [] for k in half})
    path.write_text(json.dumps(found))
    texts = [f.text for f in labels(Case(cfg))]
    assert not any('every image' in text for text in texts)
    assert any('occur only together: cat and dog' in text for text in texts)


def test_maps_that_are_not_finite_are_no_masks(shared_voc, tmp_path):
    init_default_scope('mmseg')
    for build in (cam_config, seg_config):
        cfg = Config.fromfile(build(shared_voc, tmp_path / 'c.py'))
        model = MODELS.build(cfg.model).eval()
        for weight in model.parameters():  # each is finite, sums are not
            weight.data.fill_(3e38)
        torch.save(dict(state_dict=model.state_dict(), meta=dict(
            dataset_meta=dict(classes=CLASSES))), tmp_path / 'w.pth')
        predict = HSCInferencer(cfg, tmp_path / 'w.pth')
        with pytest.raises(ValueError, match='expected finite maps'):
            predict(np.full((40, 48, 3), 99, np.uint8))
    broken = dict(img_path='a.jpg', seg_logits=dict(
        data=torch.full((3, 2, 2), torch.nan)))
    with pytest.raises(ValueError, match=r'a\.jpg: expected finite maps'):
        MaskMetric().process({}, [broken])


def test_wide_pictures_are_squeezed():
    wide = np.zeros((1, 3000, 3), np.uint8)
    assert titled_strip([('', wide)], 256).shape == (274, 16 * 256, 3)
