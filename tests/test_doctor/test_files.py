"""Damage of files: missing, cut, and maps that say nothing."""
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from doctor_findings import errors_of, examined, only_one
from PIL import Image
from tiny_configs import cam_config, hsc_config, seg_config

from hsc_mm.doctor import examine
from hsc_mm.inference import load_config


def test_damage_inside_of_pictures_is_found(voc_root, tmp_path):
    images = voc_root / 'JPEGImages'
    first, second = sorted(images.glob('*.jpg'))[:2]
    data = first.read_bytes()
    start = data.index(b'\xff\xda') + 14
    half = start + (len(data) - start) // 2
    first.write_bytes(data[:half] + data[-2:])  # the end mark is there
    second.write_bytes(second.read_bytes()[:-100])  # and here it is not
    config = cam_config(voc_root, tmp_path / 'cam.py')
    findings = examined(config)
    assert {f.check for f in errors_of(findings)} == {'files'}
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
    assert 'damage' in {f.check for f in errors_of(examined(config))}


@pytest.mark.parametrize('options', [
    dict(format='TIFF', compression='tiff_adobe_deflate'),
    dict(format='TIFF', compression='tiff_lzw'), dict(format='GIF'),
    dict(format='WEBP', lossless=True)], ids=lambda one: '-'.join(
        map(str, one.values())))
def test_damage_inside_of_other_formats_is_found(voc_root, tmp_path, options):
    pixels = np.random.default_rng(0).integers(0, 256, (56, 40, 3), np.uint8)
    first = voc_root / 'JPEGImages' / 'img_00.jpg'
    Image.fromarray(pixels).save(first, **options)
    config = cam_config(voc_root, tmp_path / 'cam.py')
    assert errors_of(examined(config)) == []
    data = first.read_bytes()
    half = len(data) // 2
    first.write_bytes(data[:half] + b'\xff' * 400 + data[half + 400:])
    found = errors_of(examined(config))
    assert {f.check for f in found} == {'damage'}
    assert sorted(one.text.partition(':')[0] for one in found) == [
        'train', 'val, test']
    for one in found:
        assert ': 1 files cannot be read: they are damaged' in one.text
        assert [line.partition(':')[0] for line in one.details] == [str(first)]


def test_a_kind_that_needs_an_option_is_not_called_damaged(voc_root, tmp_path):
    first = voc_root / 'JPEGImages' / 'img_00.jpg'
    Image.fromarray(np.linspace(0, 3000, 56 * 40, dtype=np.float32).reshape(
        56, 40)).save(first, 'TIFF')
    for one in errors_of(examined(cam_config(voc_root, tmp_path / 'cam.py'))):
        assert 'or of a kind that needs an option' in one.text
        assert 'value_range=(LOW, HIGH)' in one.details[0]


def test_a_pipe_among_the_images_ends_no_check(voc_root, tmp_path):
    first = voc_root / 'JPEGImages' / 'img_00.jpg'
    first.unlink()
    os.mkfifo(first)
    found = errors_of(examined(cam_config(voc_root, tmp_path / 'cam.py')))
    assert found
    assert any('found a pipe' in line for f in found for line in f.details)


def test_missing_and_broken_files_are_all_listed(voc_root, tmp_path):
    for number in (1, 2, 4):
        (voc_root / 'JPEGImages' / f'img_0{number}.jpg').unlink()
    for number in (3, 5):
        path = voc_root / 'JPEGImages' / f'img_0{number}.jpg'
        path.write_bytes(path.read_bytes()[:300])
    mask = voc_root / 'SegmentationClass' / 'img_06.png'
    cv2.imwrite(str(mask), np.zeros((9, 7), np.uint8))
    findings = examined(cam_config(voc_root, tmp_path / 'cam.py'))
    errors = [f for f in errors_of(findings) if f.text.startswith('train')]
    assert len(errors) == 2
    assert [line.split('/')[-1] for line in errors[0].details] == [
        f'img_0{n}.jpg: missing' for n in (1, 2, 4)]
    assert [Path(line.split(':')[0]).name for line in errors[1].details
            ] == ['img_03.jpg', 'img_05.jpg']
    assert 'truncated' in errors[1].details[0]
    lines = [line for f in errors_of(findings) if f.text.startswith('val')
             for line in f.details if 'img_06' in line]
    assert len(lines) == 1
    assert 'expected a mask of the size of its image' in lines[0]


def test_a_folder_of_which_nothing_is_there_is_one_line(voc_root, tmp_path):
    shutil.rmtree(voc_root / 'JPEGImages')
    findings = examined(cam_config(voc_root, tmp_path / 'cam.py'))
    details = errors_of(findings)[0].details
    assert len(details) == 1
    assert 'JPEGImages: none of its 8 files' in details[0]


def test_saliency_maps_of_0_and_1_stop_a_training(voc_root, tmp_path):
    for path in (voc_root / 'SaliencyMaps').glob('*.png'):
        cv2.imwrite(str(path), (cv2.imread(str(path), 0) > 99).astype('u1'))
    found = only_one(examined(hsc_config(voc_root, tmp_path / 'cam.py')),
                  'error', 'maps')
    assert found.text == 'train: no saliency map has a value above 1'


@pytest.mark.parametrize(('top', 'kind', 'level'), [
    (4095, np.uint16, 'warning'), (100, np.uint8, 'warning'),
    (65535, np.uint16, None), (255, np.uint8, None)])
def test_saliency_maps_of_another_range_are_doubted(voc_root, tmp_path, top,
                                                    kind, level):
    for path in (voc_root / 'SaliencyMaps').glob('*.png'):
        share = cv2.imread(str(path), 0) / 255
        cv2.imwrite(str(path), (share * top).astype(kind))
    found = [one for one in examined(hsc_config(
        voc_root, tmp_path / 'cam.py')) if one.check == 'maps'
        and one.level != 'fact']
    assert [one.level for one in found] == [level] * bool(level)
    for one in found:
        assert one.text == \
            'train: no saliency map has a value above 127 of 255'


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
    findings = examined(config, {key: False})
    facts = [f.text for f in findings
             if f.level == 'fact' and f.check == 'maps']
    assert facts == ['train: 7 of 8 images have a saliency map; 1 are '
                     'entirely black, 1 entirely white']
    found = only_one(findings, 'error', 'maps')
    assert 'img_04.png: expected a grey' in found.details[0]
    said = [f for f in findings
            if f.level == 'warning' and f.check == 'maps']
    assert '1 images have no saliency map' in said[0].text
    assert [line.partition('img_05.png: ')[2] for line in said[0].details] == [
        f'is {folder / "IMG_05.png"} meant? Its name differs in case or '
        'suffix']
    assert [Path(line).name for line in said[1].details] == [
        'img_00.png', 'img_02.png']
    missing = errors_of(examined(config))[0]
    assert missing.check == 'files'
    assert 'img_05.png: missing (is ' in missing.details[0]
    for path in folder.iterdir():
        path.rename(folder / path.name.upper())
    assert len(only_one(examined(config, {key: False}), 'error',
                     'maps').details) == 8


def test_without_saliency_it_is_said_that_it_is_the_baseline(
        shared_voc, tmp_path):
    config = hsc_config(shared_voc, tmp_path / 'cam.py')
    key = 'train_dataloader.dataset.aux_maps.saliency'
    findings = examined(config, {key: None})
    said = [f for f in findings if f.check == 'maps']
    assert [f.level for f in said] == ['warning']
    assert 'saliency-free baseline' in said[0].text
