import shutil

import numpy as np
import pytest

from hsc_mm.datasets import VOCImageLabelDataset
from hsc_mm.evaluation.marked import (
    class_shares,
    unlabelled_classes,
    unlearned_classes,
)
from hsc_mm.utils import read_index_png, voc_palette, write_index_png

CLASSES = ('background', 'dog', 'cat')


def _data(root):
    return VOCImageLabelDataset(
        data_root=str(root), ann_file='ImageSets/Segmentation/train.txt',
        metainfo=dict(classes=CLASSES))


def test_shares_are_those_of_labelled_pixels(voc_root, tmp_path):
    data, folder = _data(voc_root), tmp_path / 'masks'
    shutil.copytree(voc_root / 'SegmentationClass', folder)
    pixels = np.concatenate(
        [read_index_png(path).ravel() for path in folder.glob('*.png')])
    known = (pixels != 255).sum()  # VOC: 12 is dog, 8 is cat
    shares = class_shares(str(folder), data)
    assert shares == pytest.approx({
        name: 100 * (pixels == index).sum() / known
        for name, index in zip(CLASSES, (0, 12, 8), strict=True)})
    assert unlabelled_classes(shares, data) == []
    assert unlearned_classes(shares, shares) == []
    # Files that are not there count for nothing.
    (folder / 'img_00.png').unlink()
    assert sum(class_shares(str(folder), data).values()) == pytest.approx(100)
    assert class_shares(str(tmp_path / 'none'), data) == {}


def test_a_class_that_no_pseudo_label_shows_is_named(voc_root, tmp_path):
    data, folder = _data(voc_root), tmp_path / 'masks'
    shutil.copytree(voc_root / 'SegmentationClass', folder)
    for path in folder.glob('*.png'):
        mask = read_index_png(path)
        write_index_png(path, np.where(mask == 12, 0, mask), voc_palette())
    count = sum(data.get_data_info(i)['gt_label'][0]
                for i in range(len(data)))
    line, = unlabelled_classes(class_shares(str(folder), data), data)
    assert line.startswith(
        f'no pseudo label shows dog (in {count:.0f} images). ')
    assert unlabelled_classes({}, data) == []  # soft CAMs have no masks
    shares = dict(zip(CLASSES, (90., 0., 10.), strict=True))
    data._metainfo['classes'] = ('background', 'Dog', 'CAT')
    assert unlabelled_classes(shares, data) == [line]
    assert unlabelled_classes(class_shares(str(folder), data), data) == [line]


def test_a_segmentor_that_learned_less_than_its_labels_is_told():
    labels = dict(background=90.0, dog=8.0, cat=2.0)
    line, = unlearned_classes(dict(background=99.9, dog=0.1, cat=0), labels)
    assert line.startswith(
        'predictions mark 0.1 % of the pixels, pseudo labels 10 %. ')
    line, = unlearned_classes(dict(background=95, dog=5, cat=0), labels)
    assert line.startswith('no prediction shows cat, as pseudo labels do. ')
    assert unlearned_classes(dict(background=97, dog=2, cat=1), labels) == []
    assert unlearned_classes(dict(background=97, Dog=2, cat=1), labels) == []
    line, = unlearned_classes(dict(background=99, dog=0, rat=1), labels)
    assert line.startswith('predictions mark 0 % of the pixels, pseudo labels '
                           '8 %. ')  # the cats are background there
    assert unlearned_classes({}, labels) == unlearned_classes(labels, {}) == []
