"""A subset of VOC: which pictures, their sizes, what a config reads."""
import shutil

import cv2
import numpy as np
import pytest

from hsc_converters.voc_subset import choose_images, cut_subset
from hsc_mm.datasets import VOCImageLabelDataset
from hsc_mm.utils import read_index_png, read_json


@pytest.fixture
def voc(voc_root):
    """Pictures 0-2 are train, 3-6 val, 7 is one of SBD; 1 has a person."""
    ids = sorted(path.stem for path in (voc_root / 'JPEGImages').iterdir())
    lists = voc_root / 'ImageSets' / 'Segmentation'
    for name, part in (('train', ids[:3]), ('val', ids[3:7]),
                       ('train_aug', [*ids[:3], ids[7]])):
        (lists / f'{name}.txt').write_text('\n'.join(part) + '\n')
    masks = voc_root / 'SegmentationClass'
    (voc_root / 'SegmentationClassAug').mkdir()
    shutil.move(masks / f'{ids[7]}.png', voc_root / 'SegmentationClassAug')
    mask = read_index_png(masks / f'{ids[1]}.png')
    mask[:2] = 15
    cv2.imwrite(str(masks / f'{ids[1]}.png'), mask)
    return voc_root, ids


def test_pictures_of_other_classes_stay_away(voc):
    root, ids = voc
    chosen = choose_images(root, ['cat', 'dog'])
    assert list(chosen['val']) == [ids[3], ids[5]]
    assert list(chosen['train']) == [ids[0], ids[2], ids[4], ids[6]]
    assert list(chosen['train_aug']) == [*chosen['train'], ids[7]]
    few = choose_images(root, ['cat', 'dog'], per_class=1)
    assert few['train_aug'] == few['train']
    with_people = choose_images(root, ['cat', 'dog', 'person'])
    assert ids[1] in with_people['train']
    assert set(with_people['train'][ids[1]]) >= {'person'}


def test_what_is_written_is_what_the_data_set_reads(voc, tmp_path):
    root, ids = voc
    out = tmp_path / 'small'
    sizes = cut_subset(root, out, ['cat', 'dog'], long_side=24)
    assert sizes == dict(train=4, val=2, train_aug=5)
    image = cv2.imread(str(out / 'JPEGImages' / f'{ids[0]}.jpg'))
    before = cv2.imread(str(root / 'JPEGImages' / f'{ids[0]}.jpg'))
    assert max(image.shape) == 24
    mask = read_index_png(out / 'SegmentationClass' / f'{ids[0]}.png')
    assert mask.shape == image.shape[:2]
    truth = read_index_png(root / 'SegmentationClass' / f'{ids[0]}.png')
    assert set(np.unique(mask)) <= set(np.unique(truth))
    assert abs(image.mean() - before.mean()) < 3
    assert (out / 'SaliencyMaps' / f'{ids[0]}.png').is_file()
    data = VOCImageLabelDataset(
        data_root=str(out), label_file='image_labels.json',
        ann_file='ImageSets/Segmentation/train_aug.txt',
        metainfo=dict(classes=('background', 'cat', 'dog')), pipeline=[])
    found = read_json(out / 'image_labels.json')['images']
    assert [data.get_data_info(i)['gt_label'].tolist() for i in range(5)] == [
        [float('cat' in found[i]), float('dog' in found[i])]
        for i in (ids[0], ids[2], ids[4], ids[6], ids[7])]


def test_a_name_that_is_none_of_vocs(voc):
    with pytest.raises(ValueError, match='--classes lion: expected'):
        choose_images(voc[0], ['cat', 'lion'])
    with pytest.raises(ValueError, match='nothing but train'):
        choose_images(voc[0], ['train'])
