"""Pictures with predictions that ``test --show-dir`` draws."""
import sys

import cv2
import numpy as np
import pytest
from conftest import make_voc
from tiny_configs import cam_config, save_weights, untrained

from hsc_mm.cli import common
from hsc_mm.cli import test as test_command
from hsc_mm.inference import load_config


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """Four pictures, a CAM stage of random weights, and a call of the test."""
    voc = make_voc(tmp_path / 'voc', 4)
    config = cam_config(voc, tmp_path / 'cam.py')
    weights = save_weights(untrained(load_config(config)),
                           tmp_path / 'model.pth')

    def draw(*options):
        monkeypatch.setattr(sys, 'argv', [
            'test', str(config), str(weights), '--work-dir',
            str(tmp_path / 'w'), '--show-dir', str(tmp_path / 'shown'),
            *[one for one in options if one.startswith('--')],
            '--cfg-options', 'model.test_cfg.use_image_labels=False',
            *[one for one in options if not one.startswith('--')]])
        assert common.run(test_command.main) == 0
        return sorted((tmp_path / 'shown').rglob('*.png'))

    return voc, draw


def test_pictures_are_named_by_id_and_those_left_out_go(stage):
    voc, draw = stage
    listed = voc / 'ImageSets' / 'Segmentation' / 'train.txt'
    names = listed.read_text().split()
    first = draw()
    assert [path.name for path in first] == [
        f'test_{name}_0.png' for name in sorted(names)]
    for path in first:  # the prediction beside the true mask
        height, width = cv2.imread(str(path)).shape[:2]
        image = cv2.imread(
            str(voc / 'JPEGImages' / f'{path.stem[5:-2]}.jpg'))
        assert (height, width / 2) == image.shape[:2]
    own = first[0].with_name('my notes.png')
    own.write_bytes(b'not drawn by a test')
    listed.write_text('\n'.join(names[1:]) + '\n')
    assert draw() == sorted([own, *first[1:]])


def test_showing_leaves_what_was_drawn(stage, monkeypatch):
    _, draw = stage
    before = draw()
    shown = []
    monkeypatch.setattr('mmengine.visualization.Visualizer.show',
                        lambda *args, **kwargs: shown.append(args))
    assert draw('--show') == before
    assert len(shown) == 4


def test_parts_of_a_wrapped_set_are_drawn_by_themselves(stage):
    """Two parts of equal ids, and no id where mmseg packs the samples."""
    voc, draw = stage
    cfg = load_config(voc.parent / 'cam.py')
    part = cfg.test_dataloader.dataset
    cfg.test_dataloader.dataset = dict(
        type='ConcatDataset', datasets=[part, part])
    cfg.test_evaluator = dict(type='IoUMetric')
    cfg.dump(str(voc.parent / 'cam.py'))
    assert sorted(path.name[-6:] for path in draw()) == [
        '_0.png'] * 4 + ['_1.png'] * 4


@pytest.mark.parametrize(('kind', 'most', 'options'), [
    (np.float32, 1, ()),
    (np.uint16, 4095,
     ('test_dataloader.dataset.pipeline.0.value_range=(0,4095)', ))])
def test_other_numbers_are_drawn_as_the_network_sees_them(stage, kind, most,
                                                          options):
    voc, draw = stage
    expected = {path.name: cv2.imread(str(path)) for path in draw()}
    for path in (voc / 'JPEGImages').glob('*.jpg'):
        image = cv2.imread(str(path))
        cv2.imwrite(str(path.with_suffix('.tif')),
                    (image / 255 * most).astype(kind))
    drawn = draw('test_dataloader.dataset.img_suffix=.tif', *options)
    assert len(drawn) == 4
    for path in drawn:
        same = expected[path.name]
        assert abs(cv2.imread(str(path)).astype(int) - same).mean() < 2
        assert same.mean() > 10


@pytest.mark.parametrize('visualizer', [
    None, dict(type='Visualizer', name='visualizer',
               vis_backends=[dict(type='LocalVisBackend')])])
def test_a_visualizer_that_draws_nothing_is_replaced(stage, visualizer):
    voc, draw = stage
    cfg = load_config(voc.parent / 'cam.py')
    cfg.visualizer = visualizer
    cfg.dump(str(voc.parent / 'cam.py'))
    assert len(draw()) == 4
