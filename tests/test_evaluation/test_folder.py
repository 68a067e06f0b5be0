import json
import shutil

import cv2
import numpy as np
import pytest
import torch
from mmseg.evaluation import IoUMetric

from hsc_mm.datasets import VOCImageLabelDataset
from hsc_mm.evaluation import MaskMetric
from hsc_mm.evaluation.confusion import class_areas
from hsc_mm.evaluation.folder import covers, ground_truth, score_folder
from hsc_mm.evaluation.ranking import rank_images
from hsc_mm.pipeline import ScoreRow
from hsc_mm.utils import (
    read_index_png,
    to_classes,
    to_mask_indices,
    voc_palette,
    write_index_png,
)

CLASSES = ('background', 'dog', 'cat')


def _data(root, **kwargs):
    return VOCImageLabelDataset(
        data_root=str(root), ann_file='ImageSets/Segmentation/train.txt',
        data_prefix=dict(seg_map_path='SegmentationClass'), test_mode=True,
        metainfo=dict(classes=CLASSES), **kwargs)


def test_areas_are_those_of_mmseg_and_exact_in_large_pictures():
    torch.manual_seed(0)
    found, truth = (torch.randint(0, 4, (50, 60)) for _ in range(2))
    found[:5], truth[-4:] = 255, 255
    for one, other in zip(
            class_areas(found, truth, 4),
            IoUMetric.intersect_and_union(found, truth, 4, 255), strict=True):
        assert one.tolist() == other.tolist()
    truth = torch.zeros(4100, 4100, dtype=torch.uint8)  # above 2 ** 24
    found = truth.clone()
    found[0, :70] = 1
    hit, union, one, other = class_areas(found, truth, 2)
    assert hit.tolist() == [4100**2 - 70, 0]
    assert union.tolist() == [4100**2, 70]
    assert one.tolist() == [4100**2 - 70, 70]
    assert other.tolist() == [4100**2, 0]
    assert MaskMetric.intersect_and_union is class_areas


def test_indices_go_there_and_back(shared_voc):
    data = _data(shared_voc)
    mask = read_index_png(shared_voc / 'SegmentationClass' / 'img_02.png')
    assert set(np.unique(mask)) == {0, 8, 12, 255}
    classes = to_classes(mask, data.metainfo['label_map'])
    assert set(np.unique(classes)) == {0, 1, 2, 255}
    assert np.array_equal(
        to_mask_indices(classes, data.metainfo['label_map']), mask)
    assert np.array_equal(ground_truth(data.get_data_info(2)), classes)


def test_the_masks_themselves_are_right(voc_root, tmp_path):
    data, folder = _data(voc_root), tmp_path / 'found'
    shutil.copytree(voc_root / 'SegmentationClass', folder)
    assert covers(folder, data, data)
    found = score_folder(str(folder), data)
    assert found['mIoU'] == 100
    assert found['split'] == 'train'
    assert found['images'] == 8
    pixels = np.bincount(np.concatenate([
        read_index_png(path).ravel() for path in folder.glob('*.png')
    ]), minlength=256)
    empty = 100 * pixels[0] / pixels[[0, 8, 12]].sum()
    assert found['background_only']['iou'] == [round(empty, 2), 0, 0]
    assert found['background_only']['mIoU'] == pytest.approx(
        empty / 3, abs=0.01)
    # One picture wrong: compared with counts by hand.
    name = 'img_00.png'
    mask = read_index_png(folder / name)
    write_index_png(folder / name, np.zeros_like(mask), voc_palette())
    total = sum((read_index_png(p) == 8).sum()
                for p in (voc_root / 'SegmentationClass').glob('*.png'))
    lost = (mask == 8).sum()
    assert score_folder(str(folder), data)['iou'][2] == pytest.approx(
        100 * (total - lost) / total, abs=0.01)


def test_false_pixels_of_images_that_show_no_class(voc_root, tmp_path):
    data, folder = _data(voc_root), tmp_path / 'found'
    shutil.copytree(voc_root / 'SegmentationClass', folder)
    assert 'false_pixel_rate' not in score_folder(str(folder), data)
    path = voc_root / 'SegmentationClass' / 'img_01.png'
    found = read_index_png(path)
    truth = np.where(found == 255, 255, 0)
    truth[0, :] = 255
    write_index_png(path, truth, voc_palette())
    expected = 100 * np.isin(found, (8, 12))[truth == 0].mean()
    assert score_folder(str(folder), data)[
        'false_pixel_rate'] == pytest.approx(expected, abs=0.01)


def test_what_cannot_be_scored(voc_root, tmp_path):
    data, folder = _data(voc_root), tmp_path / 'found'
    shutil.copytree(voc_root / 'SegmentationClass', folder)
    (folder / 'img_01.png').unlink()
    assert not covers(folder, data, data)
    cv2.imwrite(str(folder / 'img_01.png'), np.zeros((2, 2), np.uint8))
    with pytest.raises(ValueError, match=r'img_01\.png: expected the size'):
        score_folder(str(folder), data)


@pytest.mark.parametrize('whose', ['SegmentationClass', 'found'])
def test_an_index_that_is_no_class_is_named(voc_root, tmp_path, whose):
    # The data set reads 32 masks when it is built; scoring reads all.
    data = _data(voc_root)
    folders = {'SegmentationClass': voc_root / 'SegmentationClass',
               'found': tmp_path / 'found'}
    shutil.copytree(folders['SegmentationClass'], folders['found'])
    path = folders[whose] / 'img_02.png'
    mask = read_index_png(path).copy()
    mask[:3] = 77
    write_index_png(path, mask, voc_palette())
    for score in (score_folder, rank_images):
        with pytest.raises(ValueError, match=rf'{whose}/img_02\.png: expected '
                           r'indices 0\.\.2 and 255, found \[77\]'):
            score(str(folders['found']), data)


def test_nothing_scored_is_no_number(voc_root):
    data, folder = _data(voc_root), voc_root / 'SegmentationClass'
    everything = {data.get_data_info(i)['img_id'] for i in range(len(data))}
    found = score_folder(str(folder), data, skip=everything)
    assert found['mIoU'] is None and found['images'] == 0
    json.dumps(found, allow_nan=False)
    assert ScoreRow.of('segmentation', found) == []
