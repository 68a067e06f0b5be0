import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.datasets.transforms import RandomFlip

from hsc_mm.datasets.transforms import (
    CropPad,
    LoadAuxMaps,
    PackImageLabelInputs,
    RandomLongSideResize,
)
from hsc_mm.registry import TRANSFORMS


def _results(height=30, width=40):
    """An image whose maps hold what the image says at the same place."""
    ramp = np.arange(height * width, dtype=np.int64).reshape(height, width)
    value = (ramp % 200).astype(np.uint8)
    return dict(
        img=np.repeat(value[..., None], 3, axis=2),
        img_shape=(height, width),
        gt_seg_map=value.copy(),
        aux_saliency=value.copy(),
        aux_maps=dict(saliency=dict(path='s.png', fill=0)),
        seg_fields=['gt_seg_map', 'aux_saliency'])


def _together(results):
    image = results['img'][..., 0]
    assert np.array_equal(image, results['gt_seg_map'])
    assert np.array_equal(image, results['aux_saliency'])


@pytest.mark.parametrize('size', [(20, 24), (30, 40), (30, 20)])
def test_crop_moves_maps_with_the_image(size):
    np.random.seed(0)
    results = CropPad(size)(_results())
    assert results['img'].shape == (*size, 3)
    assert results['img_shape'] == size
    _together(results)


def test_padding_has_a_value_for_each_kind():
    np.random.seed(1)
    results = CropPad((50, 64), pad_val=(1, 2, 3))(_results())
    padded = results['gt_seg_map'] == 255
    assert padded.sum() == 50 * 64 - 30 * 40
    assert (results['aux_saliency'][padded] == 0).all()
    assert (results['img'][padded] == (1, 2, 3)).all()
    inside = ~padded
    assert np.array_equal(results['img'][inside][:, 0],
                          _results()['img'][..., 0].ravel())


@pytest.mark.parametrize('count', [1, 2, 5])
@pytest.mark.parametrize('dtype', [np.uint8, np.int16, np.float32])
def test_pictures_of_any_number_of_bands_are_padded(count, dtype):
    image = np.ones((3, 4, count), dtype)
    for value, found in ((127.5, 127.5 if dtype is np.float32 else 128),
                         (tuple(range(count)), range(count))):
        padded = CropPad((5, 9), pad_val=value, centre=True)(
            dict(img=image))['img']
        assert padded.dtype == dtype
        assert padded.shape == (5, 9, count)
        assert (padded[0] == np.array(found)).all()
        assert (padded[1:4, 2:6] == 1).all()


def test_place_is_random_or_centred():
    np.random.seed(0)
    corners = {
        tuple(np.argwhere(CropPad((50, 64))(_results())['gt_seg_map'] != 255)
              [0]) for _ in range(20)
    }
    assert len(corners) > 10
    results = CropPad((50, 64), centre=True)(_results())
    assert tuple(np.argwhere(results['gt_seg_map'] != 255)[0]) == (10, 12)


def test_long_side_and_aspect():
    init_default_scope('mmseg')
    np.random.seed(0)
    sides = set()
    for _ in range(40):
        results = RandomLongSideResize((60, 80))(_results(30, 60))
        height, width = results['img'].shape[:2]
        assert results['aux_saliency'].shape == (height, width)
        assert abs(width - 2 * height) <= 1
        sides.add(width)
    assert min(sides) >= 60
    assert max(sides) <= 80
    assert len(sides) > 10
    with pytest.raises(ValueError, match='long_side'):
        RandomLongSideResize((80, 60))


def test_flip_takes_saliency_along():
    results = RandomFlip(prob=1.0)(_results())
    _together(results)
    assert results['img'][0, 0, 0] == 39


def _saliency(tmp_path, array):
    path = tmp_path / 's.png'
    cv2.imwrite(str(path), array)
    return dict(
        aux_maps=dict(saliency=dict(path=str(path), fill=0)),
        img_shape=(6, 8), seg_fields=[], img_path='x.jpg')


def test_saliency_grey_in_any_form(tmp_path):
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
    for array in (grey, cv2.merge([grey] * 3), grey.astype(np.uint16) * 257):
        results = LoadAuxMaps()(_saliency(tmp_path, array))
        assert np.array_equal(results['aux_saliency'], grey)
        assert results['seg_fields'] == ['aux_saliency']


def test_saliency_errors_name_the_file(tmp_path):
    colour = np.random.default_rng(0).integers(0, 255, (6, 8, 3))
    with pytest.raises(ValueError, match=r's\.png: .*found colours'):
        LoadAuxMaps()(_saliency(tmp_path, colour.astype(np.uint8)))
    with pytest.raises(ValueError, match=r's\.png: .*found \(3, 4\)'):
        LoadAuxMaps()(_saliency(tmp_path, np.zeros((3, 4), np.uint8)))
    nothing = dict(seg_fields=[], img_path='x.jpg')
    with pytest.raises(ValueError, match=r'aux_maps=dict\(saliency='):
        LoadAuxMaps(['saliency'])(dict(nothing))
    assert LoadAuxMaps()(dict(nothing)) == nothing
    optional = dict(nothing, optional_maps=('saliency', ))
    assert LoadAuxMaps(['saliency'])(dict(optional)) == optional


def test_packing():
    results = _results()
    results.update(
        gt_label=np.array([0, 1, 1]), img_path='p/x.jpg', img_id='x')
    packed = PackImageLabelInputs()(results)
    sample = packed['data_samples']
    assert packed['inputs'].shape == (3, 30, 40)
    assert sample.gt_label.tolist() == [0, 1, 1]
    assert sample.gt_label.dtype == torch.float32
    assert sample.gt_saliency.data.shape == (1, 30, 40)
    assert sample.gt_saliency.data.max() == pytest.approx(199 / 255)
    assert sample.gt_sem_seg.data.dtype == torch.int64
    assert sample.metainfo['img_id'] == 'x'


def test_a_picture_one_pixel_wide_is_packed_mirrored():
    init_default_scope('mmseg')
    results = dict(_results(5, 1), ori_shape=(5, 1))
    results = RandomFlip(prob=1.0)(results)
    for key in ('img', 'gt_seg_map', 'aux_saliency'):
        results[key] = results[key][:, ::-1]
    packed = PackImageLabelInputs(meta_keys=())(results)
    assert packed['inputs'].shape == (3, 5, 1)
    assert packed['inputs'][0].flatten().tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize('shape', [(1000, 4), (4, 1000), (1, 90), (100, 1)])
def test_a_strip_keeps_two_pixels(shape):
    init_default_scope('mmseg')
    height, width = RandomLongSideResize((60, 60))(_results(*shape))[
        'img'].shape[:2]
    assert (min(height, width), max(height, width)) == (2, 60)


def test_a_side_alone_and_what_is_no_size():
    assert CropPad(size=20).size == (20, 20)
    for wrong in ('20', (20, 0), (1, 2, 3)):
        with pytest.raises(ValueError, match='size of CropPad: expected'):
            CropPad(size=wrong)
    with pytest.raises(ValueError, match='long_side: expected'):
        RandomLongSideResize(long_side=160)


@pytest.mark.parametrize('size', [(100, 40), (100, 120), (40, 50)])
def test_two_pictures_share_a_crop(size):
    init_default_scope('mmseg')
    crop = TRANSFORMS.build(dict(
        type='TransformBroadcaster', mapping=dict(img=['a', 'b']),
        auto_remap=True, share_random_params=True,
        transforms=[dict(type='hsc_mm.CropPad', size=64)]))
    image = np.random.default_rng(0).integers(1, 255, (*size, 3), np.uint8)
    for _ in range(3):
        found = crop(dict(a=image, b=255 - image))
        assert found['a'].shape == (64, 64, 3)
        inside = found['a'] > 0
        assert np.array_equal(found['b'][inside], 255 - found['a'][inside])


def test_soft_labels_are_counted_by_what_they_may_show():
    results = dict(_results(), gt_label=[0.9, 0.9, 0.05, 0.0],
                   ori_shape=(30, 40), img_path='a.jpg')
    results.pop('aux_maps')
    sample = PackImageLabelInputs()(results)['data_samples']
    assert sample.num_labels == 3
