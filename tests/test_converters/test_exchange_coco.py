"""Outlines of masks, and the COCO files that hold them or runs."""
import cv2
import numpy as np
import pytest
from exchange_masks import NAMES, items
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from hsc_converters.exchange.formats import FORMATS
from hsc_converters.exchange.polygons import components, outlines
from hsc_converters.exchange.records import Item, MaskClasses
from hsc_mm.utils import write_json


def exact_component(part: np.ndarray) -> bool:
    runs = coco_mask.merge(
        coco_mask.frPyObjects(outlines(part), *part.shape))
    return np.array_equal(coco_mask.decode(runs).astype(bool), part)


def test_outlines_lose_no_pixel_and_have_no_holes():
    for seed in range(6):
        mask = np.random.default_rng(seed).random((14, 19)) < 0.6
        drawn = np.zeros(mask.shape, bool)
        for part, top, left in components(mask):
            assert exact_component(part)
            runs = coco_mask.merge(coco_mask.frPyObjects(
                outlines(part, top, left), *mask.shape))
            drawn |= coco_mask.decode(runs).astype(bool)
        assert np.array_equal(drawn, mask)
    ring = np.ones((5, 6), bool)
    ring[1:4, 1:5] = False
    ring[2, 2:4] = True     # an island in the hole
    assert [exact_component(p) for p, _, _ in components(ring)] == [True] * 2
    assert outlines(np.ones((2, 3), bool), 5, 7) == [[10, 5, 10, 7, 7, 7, 7,
                                                      5]]


def test_many_holes_do_not_label_the_rest_again_and_again(monkeypatch):
    part, looked = np.ones((257, 3), bool), 0
    part[1::2, 1] = False    # 128 holes, one below another
    label = cv2.connectedComponentsWithStats

    def count(image, **options):
        nonlocal looked
        looked += image.size
        return label(image, **options)

    monkeypatch.setattr(cv2, 'connectedComponentsWithStats', count)
    assert len(outlines(part)) == 129
    assert looked < 40 * part.size  # 8 = log2(128) times, twice, with a frame
    assert exact_component(part)


def test_coco_lists_a_picture_once_whatever_its_dots(tmp_path):
    given = [item._replace(img_id=name, picture=f'{name}.jpg')
             for item, name in zip(items(2), ('a', './a'), strict=True)]
    path = FORMATS['coco'][0](tmp_path, given, NAMES)[0]
    with pytest.raises(ValueError, match=r"'a.jpg', is listed twice"):
        list(FORMATS['coco'][1](path, NAMES))


@pytest.mark.parametrize('form', ['coco', 'coco-polygons'])
def test_pycocotools_sees_the_same(tmp_path, form):
    path = FORMATS[form][0](tmp_path, items(), NAMES)[0]
    coco = COCO(str(path))
    assert [c['name'] for c in coco.loadCats(coco.getCatIds())] == [
        'cat', 'dog, "old" & <big>', 'ignored', '_ignored']
    for image, item in zip(coco.loadImgs(coco.getImgIds()), items()):
        drawn = np.zeros(item.mask.shape, np.uint8)
        for one in coco.loadAnns(coco.getAnnIds(image['id'])):
            pixels = coco.annToMask(one).astype(bool)
            assert not drawn[pixels].any()      # no overlap
            assert pixels.sum() == one['area']
            rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(
                pixels.any(0))
            assert one['bbox'] == [columns[0], rows[0],
                                   np.ptp(columns) + 1, np.ptp(rows) + 1]
            drawn[pixels] = one['category_id']
        assert image['file_name'] == item.picture
        assert np.array_equal(drawn, item.mask)


@pytest.mark.parametrize('form', ['coco', 'coco-polygons'])
def test_coco_finds_a_picture_of_two_suffixes(tmp_path, form):
    given = [items()[0]._replace(img_id=name, picture=f'images/{name}{end}')
             for name, end in (('x.png', '.jpg'), ('y.jpg', '.jpg'),
                               ('w.jpg', '.png'), ('images/a', '.JPG'))]
    path = FORMATS[form][0](tmp_path, given, NAMES)[0]
    found = dict(FORMATS[form][1](path, NAMES))
    assert set(found) == {one.img_id for one in given}


@pytest.mark.parametrize('form', ['coco', 'coco-polygons'])
def test_coco_comes_back_with_as_many_classes_as_masks_hold(tmp_path, form):
    names = MaskClasses(('background', *map(str, range(254))))
    mask = np.arange(256, dtype=np.uint8).reshape(16, 16)
    path = FORMATS[form][0](tmp_path, [Item('a', 'images/a.jpg', mask)],
                            names)[0]
    (_, load), = FORMATS[form][1](path, names)
    assert np.array_equal(load(mask.shape), mask)


@pytest.mark.parametrize('areas', [(0, 0), (36, 36), (4, 36), (None, None),
                                   (0.0, 4)])
def test_fewer_pixels_lie_on_top_whatever_the_area_says(tmp_path, areas):
    def box(low, high):
        return [[low, low, high, low, high, high, low, high]]

    write_json(tmp_path / 'a.json', dict(
        images=[dict(id=1, file_name='a.jpg', height=8, width=8)],
        categories=[dict(id=1, name='cat'), dict(id=2, name='dog')],
        annotations=[
            dict(id=number, image_id=1, category_id=number, area=area,
                 iscrowd=0, bbox=[0, 0, 1, 1], segmentation=outline)
            for number, area, outline in zip(
                (1, 2), areas, (box(1, 7), box(3, 5)))]))
    classes = MaskClasses(('background', 'cat', 'dog'))
    (_, load), = FORMATS['coco'][1](tmp_path / 'a.json', classes)
    assert np.bincount(load((8, 8)).ravel()).tolist() == [28, 32, 4]
