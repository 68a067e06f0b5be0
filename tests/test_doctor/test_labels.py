"""Labels, masks and pseudo labels, and the classes of every head."""
import json
import shutil

import cv2
import numpy as np
import pytest
from doctor_findings import errors_of, examined, only_one
from PIL import Image
from tiny_configs import cam_config, seg_config


def test_labels(voc_root, tmp_path):
    path = voc_root / 'image_labels.json'
    content = json.loads(path.read_text())
    del content['images']['img_04']
    content['images']['img_05'] = ['unicorn']
    content['images']['img_06'] = ['unicorn', 'cat']
    content['classes'].append('unicorn')
    path.write_text(json.dumps(content))
    findings = [f for f in examined(cam_config(voc_root, tmp_path / 'cam.py'))
                if f.check == 'labels' and f.text.startswith('train')]
    errors = errors_of(findings)
    assert errors[0].details == ['img_04']
    assert errors[1].details == ['img_05: "unicorn"', 'img_06: "unicorn"']


def test_balance_of_the_classes(voc_root, tmp_path):
    classes = ('background', 'cat', 'dog', 'sheep')
    options = {f'{s}_dataloader.dataset.metainfo.classes': classes
               for s in ('train', 'val', 'test')}
    options['model.decode_head.num_classes'] = 4
    lines = voc_root / 'ImageSets' / 'Segmentation' / 'train_aug.txt'
    lines.write_text('img_00\nimg_02\nimg_03\n')
    findings = examined(cam_config(voc_root, tmp_path / 'cam.py'), options)
    assert 'no image shows sheep' in only_one(findings, 'error', 'labels').text
    few = next(f for f in findings
               if f.level == 'warning' and f.check == 'labels')
    assert 'cat (3), dog (1)' in few.text


@pytest.mark.slow
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
    found = [f for f in examined(config, size) if f.check == 'labels']
    assert not errors_of(found)
    assert any('5 of 8 images (62%) show no class; so do 15% of the batches '
               'of 4 whole' in f.text for f in found)
    warnings = [f for f in found if f.level == 'warning']
    assert 'classes occur only together: cat and dog' in warnings[1].text
    assert 'At most 56% are sensible with batches of 4' in warnings[2].advice
    content['images'] = {name: ['cat', 'dog'][:1 + n % 2]
                         for n, name in enumerate(names)}
    path.write_text(json.dumps(content))
    found = examined(config, size)
    assert any(f.level == 'warning' and 'every image shows cat' in f.text
               for f in found)


@pytest.mark.slow
def test_a_sampler_limits_the_draws_that_show_no_class(voc_root, tmp_path):
    path = voc_root / 'image_labels.json'
    content = json.loads(path.read_text())
    content['images'] = {
        name: [] if number < 6 else [['cat'], ['dog']][number % 2]
        for number, name in enumerate(content['images'])}
    path.write_text(json.dumps(content))
    config = cam_config(voc_root, tmp_path / 'cam.py')

    def said(size=4, **sampler):
        cfg = {'train_dataloader.batch_size': size}
        if sampler:
            cfg |= {f'train_dataloader.sampler.{key}': value
                    for key, value in sampler.items()}
        found = [f for f in examined(config, cfg) if f.check == 'labels'
                 and 'show no class' in f.text]
        return {f.level: f for f in found}

    plain = said()
    assert '6 of 8 images (75%) show no class; so do 32% of the batches' in (
        plain['fact'].text)
    assert 'negatives=0.5' in plain['warning'].advice
    kind = dict(type='hsc_mm.ClassBalancedSampler', threshold=0)
    limited = said(negatives=0.5, **kind)
    assert '(75%) show no class, and 50% of the draws; so do 6% of the ' in (
        limited['fact'].text)
    assert 'warning' not in limited
    assert '75% of the draws show no class' in said(**kind)['warning'].text
    assert 'negatives=0.31' in said(size=2)['warning'].advice
    assert 'warning' not in said(size=2, negatives=0.31, **kind)


def test_a_class_that_is_not_chosen_is_named(voc_root, tmp_path):
    path = voc_root / 'image_labels.json'
    content = json.loads(path.read_text())
    names = list(content['images'])
    content['images'].update({name: ['sheep'] for name in names[:3]})
    content['classes'].append('sheep')
    path.write_text(json.dumps(content))
    found = next(f.text for f in examined(cam_config(
        voc_root, tmp_path / 'cam.py')) if f.text.startswith('train: 8'))
    assert found.startswith('train: 8 images, 5 of them with one of the '
                            'chosen classes; not chosen: sheep 3 (metainfo')
    assert 'new_dataset --force' in found


def test_a_label_file_with_an_unknown_class(voc_root, tmp_path):
    path = voc_root / 'image_labels.json'
    content = json.loads(path.read_text())
    content['images']['img_04'] = ['unicorn']
    path.write_text(json.dumps(content))
    findings = examined(cam_config(voc_root, tmp_path / 'cam.py'))
    assert 'the label "unicorn"' in errors_of(findings)[0].text


def test_masks_in_colour_and_out_of_range(voc_root, tmp_path):
    folder = voc_root / 'SegmentationClass'
    size = Image.open(folder / 'img_01.png').size
    Image.new('RGBA', size).save(folder / 'img_01.png')
    cv2.imwrite(str(folder / 'img_03.png'),
                np.full(size[::-1], 77, np.uint8))
    found = only_one(examined(cam_config(voc_root, tmp_path / 'cam.py')),
                  'error', 'masks')
    assert 'val, test: 2 of 8 masks' in found.text
    assert 'RGBA' in found.details[0]
    assert '[77]' in found.details[1]


@pytest.mark.slow
def test_pseudo_labels(voc_root, tmp_path):
    folder = tmp_path / 'pseudo'
    config = seg_config(voc_root, tmp_path / 'seg.py')
    options = {
        'train_dataloader.dataset.pipeline.2.pseudo_dir': str(folder)}
    found = only_one(examined(config, options), 'error', 'pseudo labels')
    assert f'make_pseudo_labels CAM_CONFIG CAM_CHECKPOINT --out {folder}' \
        in found.advice
    shutil.copytree(voc_root / 'SegmentationClass', folder)
    assert errors_of(examined(config, options)) == []
    (folder / 'img_02.png').unlink()
    (folder / 'img_04.png').unlink()
    (folder / 'img_06.png').write_bytes(b'')
    errors = errors_of(examined(config, options))
    assert [len(f.details) for f in errors] == [2, 1]
    assert 'img_06.png' in errors[1].details[0]


def test_num_classes_of_every_head(shared_voc, tmp_path):
    pseudo = 'train_dataloader.dataset.pipeline.2.pseudo_dir'
    findings = examined(
        seg_config(shared_voc, tmp_path / 'seg.py'), {
            pseudo: str(shared_voc / 'SegmentationClass'),
            'model.auxiliary_head.num_classes': 21
        })
    errors = errors_of(findings)
    assert {f.check for f in errors} == {'classes'}
    assert 'auxiliary_head: expected 3' in errors[0].text
    assert 'found 21' in errors[0].text
