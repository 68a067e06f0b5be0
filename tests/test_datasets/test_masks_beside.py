"""Masks beside the pictures, in folders of classes."""
from collections import defaultdict

import cv2
import numpy as np
import pytest

from hsc_mm.datasets.labels import read_labels
from hsc_mm.inference.inputs import list_inputs


def _photo(path, size=(40, 50)):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([*path.name.encode()])
    cv2.imwrite(str(path), rng.integers(0, 256, (*size, 3), np.uint8))


def _mask(path, size=(40, 50), colour=1):
    mask = np.zeros((*size, np.size(colour)), np.uint8)
    mask[5:20, 5:20] = colour
    cv2.imwrite(str(path), mask)


@pytest.mark.parametrize('name', [
    'a.png', 'a_mask.png', 'a-mask.PNG', 'a_gt.bmp', 'mask_a.png',
    'a_labelIds.png', 'a.seg.tif', 'a ground truth.png'])
@pytest.mark.parametrize('colour', [1, 255, (0, 0, 128)])
def test_masks_beside_pictures_are_no_pictures(tmp_path, name, colour):
    _photo(tmp_path / 'cat' / 'a.jpg')
    _photo(tmp_path / 'dog' / 'b.jpg')
    _mask(tmp_path / 'cat' / name, colour=colour)
    with pytest.raises(ValueError, match='found a mask, .* beside its '
                       r'picture, a\.jpg .*: 1\)\. Move the masks') as found:
        read_labels(tmp_path)
    assert str(tmp_path / 'cat' / name) in str(found.value)
    assert 'such as a drawing, needs another name' in str(found.value)


def test_a_folder_is_predicted_without_masks_beside_pictures(tmp_path):
    for name in ('a.jpg', 'b.jpg', 'sub/c.jpg', 'd.png'):
        _photo(tmp_path / name)
    (tmp_path / 'masks').mkdir()
    masks = ['a.png', 'b_mask.png', 'masks/d.png', 'sub/c_gt.png']
    for name in masks:
        _mask(tmp_path / name)
    left_out = defaultdict(list)
    found = list_inputs(tmp_path, left_out)
    assert [one.name for one in found] == ['a', 'b', 'd', 'sub/c']
    assert left_out == {'masks, beside their pictures': [
        str(tmp_path / name) for name in masks]}
    one, = list_inputs(tmp_path / 'a.png')  # named, it is predicted
    assert one.path == str(tmp_path / 'a.png')


def test_pictures_that_are_no_masks_are_read(tmp_path):
    for name in ('a.jpg', 'a_label.jpg', 'mask.jpg', 'a_mask.png'):
        _photo(tmp_path / 'cat' / name)
    _photo(tmp_path / 'cat' / 'b.png')
    _mask(tmp_path / 'cat' / 'b_mask.png', size=(50, 40))  # another size
    _mask(tmp_path / 'cat' / 'c_mask.png')  # of no picture
    _photo(tmp_path / 'dog' / 'c.jpg')
    (tmp_path / 'dog' / 'c_mask.png').write_bytes(b'broken')
    assert len(read_labels(tmp_path).images) == 9


@pytest.mark.parametrize(('first', 'second'), [('a.jpg', 'a.png'),
                                               ('5.png', 'label_5.png')])
@pytest.mark.parametrize('kind', ['16 bit', 'float', 'few colours'])
def test_pictures_of_few_colours_are_no_masks(tmp_path, first, second, kind):
    _photo(tmp_path / 'dog' / 'b.jpg')
    rng = np.random.default_rng(0)
    drawing = rng.integers(0, 20, (40, 50), np.uint8)
    if kind == 'few colours':
        first = first.replace('.jpg', '.bmp')
        (tmp_path / 'cat').mkdir()
        cv2.imwrite(str(tmp_path / 'cat' / first), drawing)
    else:
        _photo(tmp_path / 'cat' / first)
        drawing = rng.integers(0, 1 << 16, (40, 50), np.uint16)
    if kind == 'float':
        second = second.replace('.png', '.tif')
        drawing = 1000 * drawing.astype(np.float32)
    cv2.imwrite(str(tmp_path / 'cat' / second), drawing)
    assert len(read_labels(tmp_path).images) == 3


def test_a_mask_of_16_bits_is_a_mask(tmp_path):
    _photo(tmp_path / 'cat' / 'a.jpg')
    _photo(tmp_path / 'dog' / 'b.jpg')
    mask = np.zeros((40, 50), np.uint16)
    mask[5:20, 5:20] = 700
    cv2.imwrite(str(tmp_path / 'cat' / 'a.png'), mask)
    with pytest.raises(ValueError, match='found a mask'):
        read_labels(tmp_path)


@pytest.mark.parametrize(('mask', 'picture'), [
    ('masks/a.png', 'images/a.png'), ('Annotations/a.png', 'a.jpg'),
    ('gt/a_mask.png', 'a.jpg'), ('masks/a.png', 'x/images/a.jpg')])
def test_a_folder_of_masks_in_a_class_folder_is_refused(
        tmp_path, mask, picture):
    found = picture.count('/') < 2
    _photo(tmp_path / 'cat' / picture)
    (tmp_path / 'cat' / mask).parent.mkdir()
    _mask(tmp_path / 'cat' / mask, size=(30, 30))
    _photo(tmp_path / 'dog' / 'b.jpg')
    if not found:  # its picture is not known
        assert len(read_labels(tmp_path).images) == 3
        return
    with pytest.raises(ValueError, match=f'found a mask, .*{mask}, beside'):
        read_labels(tmp_path)


def test_a_class_may_be_called_mask(tmp_path):
    _photo(tmp_path / 'mask' / 'a.jpg')
    _mask(tmp_path / 'mask' / 'b.png')
    _photo(tmp_path / 'other' / 'b.png')
    assert len(read_labels(tmp_path).images) == 3


def _scene(colour):
    """Draw an ellipse with smooth edges, (300, 400, 3)."""
    large = np.zeros((1200, 1600, 3), np.uint8)
    cv2.ellipse(large, (700, 600), (500, 320), 20, 0, 360, colour, -1)
    return cv2.resize(large, (400, 300), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize('name', ['a_mask.png', 'a_mask.jpg'])
@pytest.mark.parametrize('colour', [(255, 255, 255), (0, 0, 128)])
def test_soft_edges_and_jpeg_leave_a_mask_a_mask(tmp_path, name, colour):
    _photo(tmp_path / 'cat' / 'a.jpg', (300, 400))
    _photo(tmp_path / 'dog' / 'b.jpg')
    mask = tmp_path / 'cat' / name
    cv2.imwrite(str(mask), _scene(colour), [cv2.IMWRITE_JPEG_QUALITY, 75])
    with pytest.raises(ValueError, match='found a mask'):
        read_labels(tmp_path)


def test_two_drawings_as_jpeg_are_pictures(tmp_path):
    _photo(tmp_path / 'dog' / 'b.jpg')
    (tmp_path / 'cat').mkdir()
    for name, colour in (('a.jpg', (0, 200, 0)), ('a_mask.jpg', (0, 0, 99))):
        cv2.imwrite(str(tmp_path / 'cat' / name), _scene(colour),
                    [cv2.IMWRITE_JPEG_QUALITY, 75])
    assert len(read_labels(tmp_path).images) == 3


def test_pictures_of_one_stem_are_masks_by_few_colours_alone(tmp_path):
    """Scraped pictures have equal names, sizes and plain backgrounds."""
    _photo(tmp_path / 'cat' / 'a.jpg', (300, 400))
    _photo(tmp_path / 'dog' / 'b.jpg')
    product = np.full((300, 400, 3), 255, np.uint8)
    product[100:200, 150:250] = np.random.default_rng(0).integers(
        0, 256, (100, 100, 3))
    cv2.imwrite(str(tmp_path / 'cat' / 'a.png'), product)
    assert len(read_labels(tmp_path).images) == 3
    (tmp_path / 'cat' / 'a.png').rename(tmp_path / 'cat' / 'a_mask.png')
    with pytest.raises(ValueError, match='or mostly of a few, that is no'):
        read_labels(tmp_path)
