"""A subset of VOC: which pictures, their sizes, what a config reads."""
import shutil

import cv2
import numpy as np
import pytest
from conftest import run_here
from PIL import Image

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


def test_pictures_of_sbd_without_a_mask_are_told(voc, tmp_path):
    root, ids = voc
    classes = ['--classes', 'cat', 'dog']
    found = run_here('cut_voc', root, tmp_path / 'a', *classes)
    assert found.returncode == 0, found.stderr
    assert 'WARNING' not in found.stderr
    shutil.rmtree(root / 'SegmentationClassAug')
    found = run_here('cut_voc', root, tmp_path / 'b', *classes)
    assert found.returncode == 0, found.stderr
    assert ('WARNING: 1 pictures of train_aug.txt have no mask' in
            found.stderr and ids[7] in found.stderr)


def test_lists_of_other_projects_name_the_same_pictures(voc):
    root, _ = voc
    expected = choose_images(root, ['cat', 'dog'])
    for path in (root / 'ImageSets' / 'Segmentation').glob('*.txt'):
        path.write_text(''.join(
            f'/JPEGImages/{i}.jpg /SegmentationClassAug/{i}.png\n'
            for i in path.read_text().split()))
    assert choose_images(root, ['cat', 'dog']) == expected


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


def test_maps_of_other_formats_are_cut_and_checked(voc, tmp_path):
    root, ids = voc
    old = root / 'SaliencyMaps' / f'{ids[0]}.png'
    grey = Image.open(old).convert('L')
    old.unlink()
    grey.save(old.with_suffix('.jpg'))
    cut_subset(root, tmp_path / 'small', ['cat', 'dog'], long_side=24)
    name = f'SaliencyMaps/{ids[0]}.png'
    assert Image.open(tmp_path / 'small' / name).size[0] <= 24
    _swap_sides(old.with_suffix('.jpg'))
    with pytest.raises(ValueError, match=f'{ids[0]}.jpg: expected a saliency '
                       'map of the size'):
        cut_subset(root, tmp_path / 'other', ['cat', 'dog'], long_side=24)


def _swap_sides(path):
    Image.open(path).transpose(Image.Transpose.TRANSPOSE).save(path)


def _turn(path):
    picture = Image.open(path).convert('RGB')
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(path, exif=exif)


@pytest.mark.parametrize('folder', [
    'SegmentationClass', 'SegmentationClassAug', 'SaliencyMaps',
    'JPEGImages'])
def test_files_of_another_size_are_refused_before_anything_is_written(
        voc, tmp_path, folder):
    root, ids = voc
    place = 7 if folder == 'SegmentationClassAug' else 4
    path = root / folder / f'{ids[place]}.png'
    if folder == 'JPEGImages':  # EXIF turns the picture, not its mask
        _turn(path.with_suffix('.jpg'))
        path = root / 'SegmentationClass' / path.name
    else:
        _swap_sides(path)
    width, height = Image.open(path).size
    kind = 'saliency map' if folder == 'SaliencyMaps' else 'mask'
    with pytest.raises(ValueError, match=(
            rf'Nothing was written.*\n  {path}: expected a {kind} of the '
            f'size of its image, {height} x {width}, '
            f'found {width} x {height}')):
        cut_subset(root, tmp_path / 'small', ['cat', 'dog'], long_side=24)
    assert not (tmp_path / 'small').exists()


def test_a_missing_picture_is_refused_before_anything_is_written(
        voc, tmp_path):
    root, ids = voc
    (root / 'JPEGImages' / f'{ids[6]}.jpg').unlink()
    with pytest.raises(ValueError, match=rf'{ids[6]}\.jpg: missing'):
        cut_subset(root, tmp_path / 'small', ['cat', 'dog'], long_side=24)
    assert not (tmp_path / 'small').exists()


def test_files_that_are_not_taken_may_have_any_size(voc, tmp_path):
    root, ids = voc
    path = root / 'SegmentationClass' / f'{ids[1]}.png'  # with a person
    _swap_sides(path)
    assert cut_subset(root, tmp_path / 'small', ['cat', 'dog'], 24)


def test_a_name_that_is_none_of_vocs(voc):
    with pytest.raises(ValueError, match='--classes lion: expected'):
        choose_images(voc[0], ['cat', 'lion'])
    with pytest.raises(ValueError, match='nothing but train'):
        choose_images(voc[0], ['train'])
