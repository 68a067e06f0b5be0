"""Layers of a picture, of stages that were trained on other lists."""
import copy
import os
import shutil
from io import BytesIO

import cv2
import pytest
from PIL import Image
from tiny_configs import cam_config, save_weights, seg_config, untrained

from hsc_mm.datasets.build import build_split
from hsc_mm.evaluation.folder import covers, unscored_note
from hsc_mm.inference import load_config
from hsc_mm.pipeline import Context
from hsc_mm.pipeline.gallery import training_pictures, validation_pictures
from hsc_mm.utils import read_index_png, voc_palette, write_index_png


@pytest.fixture(scope='module')
def cam(tmp_path_factory, shared_voc):
    """Return config and checkpoint of a network that learnt nothing."""
    folder = tmp_path_factory.mktemp('gallery')
    cfg = load_config(cam_config(shared_voc, folder / 'cam.py'))
    return cfg, str(save_weights(untrained(cfg), folder / 'cam.pth'))


@pytest.mark.parametrize(('other', 'own', 'shown', 'drawn'), [
    ([3, 2, 1, 0], [0, 1, 2, 3], [0, 1, 2, 3], True),
    ([1, 5, 3], [0, 1, 2, 3], [1, 3], True),
    ([4, 5], [0, 1, 2, 3], [0, 1, 2, 3], False),
])
def test_each_layer_is_of_its_image(cam, tmp_path, other, own, shown, drawn):
    stages = {}
    for name, images in (('other', other), ('own', own)):
        cfg = copy.deepcopy(cam[0])
        listed = tmp_path / f'{name}.txt'
        listed.write_text(''.join(f'img_{i:02d}\n' for i in images))
        cfg.train_dataloader.dataset.ann_file = str(listed)
        stages[name] = cfg, cam[1]
    found = training_pictures(stages, build_split(cam[0], 'test'))
    assert sorted(one.name for one in found) == [
        f'img_{i:02d}' for i in shown]
    for one in found:
        assert ('other' in one.layers) == drawn
        assert one.layers.get('other', one.layers['own']) == one.layers['own']
    assert len({one.layers['own'] for one in found}) == len(shown)


@pytest.fixture
def other_voc(voc_root):
    """Other pictures of the same ids."""
    for path in (voc_root / 'JPEGImages').iterdir():
        cv2.imwrite(str(path), 255 - cv2.imread(str(path)))
    return voc_root


@pytest.mark.parametrize('copy_file', [shutil.copyfile, os.link])
def test_a_copy_of_the_data_is_the_same_data(cam, shared_voc, tmp_path,
                                             copy_file):
    cfg, masks = copy.deepcopy(cam[0]), shared_voc / 'SegmentationClass'
    shutil.copytree(shared_voc, tmp_path / 'voc', copy_function=copy_file)
    cfg.test_dataloader.dataset.data_root = str(tmp_path / 'voc')
    assert Context(tmp_path, cfg).score_labels(masks)['mIoU'] == 100
    found = training_pictures(dict(own=(cfg, cam[1])),
                              build_split(cfg, 'test'), str(masks), count=2)
    assert [one.score for one in found] == [100, 100]
    ctx = Context(tmp_path, cfg, select=1)
    other = build_split(cam[0], 'test')
    assert ctx.held_out(other) == {*ctx.selection} != set()


def test_masks_of_other_pictures_of_the_same_ids_score_nothing(
        cam, shared_voc, other_voc, tmp_path):
    cfg, masks = copy.deepcopy(cam[0]), shared_voc / 'SegmentationClass'
    assert Context(tmp_path, cfg).score_labels(masks)['mIoU'] == 100
    cfg.test_dataloader.dataset.data_root = str(other_voc)
    assert Context(tmp_path, cfg).score_labels(masks) == {}
    found = training_pictures(dict(own=(cfg, cam[1])),
                              build_split(cfg, 'test'), str(masks), count=2)
    assert len(found) == 2
    for one in found:
        assert one.score is None
        assert 'ground truth' not in one.layers


def test_a_stage_of_other_pictures_of_the_same_ids_is_not_drawn(
        cam, other_voc):
    other = copy.deepcopy(cam[0])
    other.train_dataloader.dataset.data_root = str(other_voc)
    found = training_pictures(dict(other=(other, cam[1]), own=cam),
                              build_split(cam[0], 'test'), count=2)
    assert all('other' not in one.layers for one in found)


def test_a_segmentor_whose_test_data_are_of_others_is_drawn(
        cam, shared_voc, tmp_path):
    seg = load_config(seg_config(shared_voc, tmp_path / 'seg.py'))
    weights = str(save_weights(untrained(seg), tmp_path / 'seg.pth'))
    seg.test_dataloader.dataset.update(
        _delete_=True, type='mmseg.BaseSegDataset',
        pipeline=seg.test_dataloader.dataset.pipeline)
    found = training_pictures(
        dict(own=cam), build_split(cam[0], 'test'), segmentor=(seg, weights))
    assert found
    assert all('prediction' in one.layers for one in found)


def test_predictions_have_the_colours_of_the_first_stage(shared_voc, cam):
    """Of classes in another order, too."""
    cfg, masks = copy.deepcopy(cam[0]), str(shared_voc / 'SegmentationClass')
    meta = cfg.test_dataloader.dataset.metainfo
    meta.palette = [[0, 0, 0], [1, 200, 3], [100, 5, 6]]
    data = build_split(cfg, 'test')
    meta.classes = ('background', 'dog', 'cat')
    turned = build_split(cfg, 'test')

    def drawn(like):
        return {one.name: Image.open(BytesIO(one.layers['prediction'])
                                     ).convert('RGBA').tobytes()
                for one in validation_pictures(turned, masks, like=like)}

    wanted = {one.name: Image.open(BytesIO(one.layers['prediction'])
                                   ).convert('RGBA').tobytes()
              for one in validation_pictures(data, masks)}
    assert drawn(data.metainfo) == wanted != drawn(None)


def test_pictures_without_a_score_come_last(cam, voc_root, tmp_path):
    cfg = copy.deepcopy(cam[0])
    for split in ('train', 'test'):
        cfg[f'{split}_dataloader'].dataset.data_root = str(voc_root)
    masks = tmp_path / 'labels'
    shutil.copytree(voc_root / 'SegmentationClass', masks)
    path = voc_root / 'SegmentationClass' / 'img_00.png'
    write_index_png(path, read_index_png(path) * 0 + 255, voc_palette())
    path = masks / 'img_05.png'
    write_index_png(path, read_index_png(path) * 0, voc_palette())
    found = training_pictures(dict(own=(cfg, cam[1])),
                              build_split(cfg, 'test'), str(masks))
    assert (found[0].name, found[-1].name) == ('img_05', 'img_00')
    assert found[-1].score is None


def test_labels_of_some_of_the_images_say_why_they_have_no_score(
        cam, shared_voc, tmp_path):
    data = build_split(cam[0], 'test')
    cfg = copy.deepcopy(cam[0])
    assert unscored_note(data, data) == []
    for split in ('train', 'test'):
        cfg[f'{split}_dataloader'].dataset.metainfo.classes = (
            'background', 'dog')
    train, test = (build_split(cfg, split) for split in ('train', 'test'))
    assert len(train) < len(test) == len(data)
    assert not covers(shared_voc / 'SegmentationClass', test, train)
    note, = unscored_note(test, train)
    assert note.startswith(
        f'pseudo labels have no score: {len(test) - len(train)} of the '
        f'{len(test)} images')
