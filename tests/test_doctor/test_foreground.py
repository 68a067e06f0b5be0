"""Share of the foreground in the contrast, beside what objects cover."""
import cv2
import numpy as np
import pytest
from mmengine.config import Config
from tiny_configs import cam_config, hsc_config, prototype_config

from hsc_mm.doctor.case import Case
from hsc_mm.doctor.foreground import foreground


def _look(config, **contrast):
    cfg = Config.fromfile(config)
    cfg.model.decode_head.losses.contrast.update(contrast)
    return list(foreground(Case(cfg)))


def _draw(voc_root, rows):
    """Draw masks of 20 rows: cats, a row of no class, an empty mask."""
    for number, path in enumerate(
            sorted((voc_root / 'SegmentationClass').glob('*.png'))):
        mask = np.zeros((21, 10), np.uint8)
        mask[:rows] = 8 if number else 0
        mask[20] = 255
        cv2.imwrite(str(path), mask)


@pytest.mark.parametrize(('rows', 'level', 'share'), [
    (2, 'warning', '10%'), (3, 'fact', '15%'), (8, 'fact', '40%')])
def test_objects_that_cover_less_than_the_contrast_takes(
        voc_root, tmp_path, rows, level, share):
    _draw(voc_root, rows)
    config = prototype_config(voc_root, tmp_path / 'cam.py')
    found, = _look(config)
    assert found.level == level
    assert found.text == (
        f'val, test: objects cover {share} of the pixels of 7 images that '
        'show a class; the contrast takes 20% of the positions as foreground')
    assert ('background="(0.5, 0.9)"' in found.advice) == (level == 'warning')
    found, = _look(config, background=(0.5, 0.9))
    assert found.level == 'fact'


@pytest.mark.parametrize('shares', [
    (0.5, 1.5), '0.5', (0.5, None), np.float32(1.5)])
def test_shares_that_the_contrast_refuses(voc_root, tmp_path, shares):
    with pytest.raises(ValueError, match='background of HierarchicalContr'):
        _look(prototype_config(voc_root, tmp_path / 'cam.py'),
              background=shares)


@pytest.mark.parametrize(('covered', 'share'), [(5, '0.20'), (1, '0.04')])
def test_small_objects_leave_the_contrast_some_foreground(
        voc_root, tmp_path, covered, share):
    for path in (voc_root / 'SegmentationClass').glob('*.png'):
        mask = np.zeros((50, 50), np.uint8)
        mask[0, :covered] = 8
        cv2.imwrite(str(path), mask)
    found, = _look(prototype_config(voc_root, tmp_path / 'cam.py'))
    assert f'objects cover {share}% of' in found.text
    assert 'background="(0.5, 0.9984)"' in found.advice


@pytest.mark.parametrize(('covered', 'shares', 'advised'), [
    (24, (0.5, 0.8), '(0.5, 0.9)'), (24, (0.3, 0.8), '(0.3, 0.9)'),
    (24, 0.8, '0.9'), (24, (0.8, 0.5), '(0.5, 0.9)'),
    (14, (0.5, 0.8), '(0.5, 0.95)'), (6, (0.5, 0.9), '(0.5, 0.975)')])
def test_the_share_is_halved_until_objects_cover_most_of_it(
        voc_root, tmp_path, covered, shares, advised):
    for path in (voc_root / 'SegmentationClass').glob('*.png'):
        mask = np.zeros((20, 10), np.uint8)
        mask.flat[:covered] = 8
        cv2.imwrite(str(path), mask)
    found, = _look(prototype_config(voc_root, tmp_path / 'cam.py'),
                   background=shares)
    assert f'background="{advised}" (' in found.advice


def test_classes_that_are_not_in_use_are_unknown(voc_root, tmp_path):
    for path in (voc_root / 'SegmentationClass').glob('*.png'):
        mask = np.zeros((20, 10), np.uint8)
        mask[:2], mask[10:] = 8, 1  # a cat; something that has no channel
        cv2.imwrite(str(path), mask)
    found, = _look(prototype_config(voc_root, tmp_path / 'cam.py'))
    assert 'objects cover 20% of' in found.text


def test_scores_and_other_methods_have_no_share(voc_root, tmp_path):
    assert _look(hsc_config(voc_root, tmp_path / 'hsc.py'),
                 background=(0.15, 0.4), background_as='score') == []
    cfg = Config.fromfile(cam_config(voc_root, tmp_path / 'cam.py'))
    assert list(foreground(Case(cfg))) == []


def test_unreadable_masks_are_left_to_their_own_check(voc_root, tmp_path):
    _draw(voc_root, 8)
    paths = sorted((voc_root / 'SegmentationClass').glob('*.png'))
    paths[1].write_bytes(b'none')
    found, = _look(prototype_config(voc_root, tmp_path / 'cam.py'))
    assert '6 images' in found.text
