import cv2
import numpy as np

from hsc_mm.inference.class_names import ClassNames
from hsc_mm.inference.predictions import draw_prediction
from hsc_mm.utils import voc_palette
from hsc_mm.visualization import (
    cam_overlay,
    mask_overlay,
    threshold_curve,
    titled_strip,
)
from hsc_mm.visualization.pictures import class_colours, qualitative_palette


def test_high_activation_is_light_without_hues():
    image = np.full((2, 256, 3), 100, np.uint8)
    cam = np.linspace(0, 1, 256, dtype=np.float32)[None].repeat(2, axis=0)
    painted = cam_overlay(image, cam, alpha=1.0)
    assert painted.shape == image.shape
    assert len(np.unique(painted[0], axis=0)) > 200
    lightness = cv2.cvtColor(painted, cv2.COLOR_RGB2LAB)[0, :, 0].astype(int)
    assert (np.diff(lightness[::16]) > 0).all()
    assert lightness[-1] - lightness[0] > 150


def test_colours_are_those_of_voc_where_classes_are():
    voc = dict(
        classes=('background', 'cat', 'dog'),
        palette=voc_palette()[[0, 8, 12]].tolist())
    assert np.array_equal(class_colours(voc), voc['palette'])
    # Names of VOC without its indices: cat would look like an aeroplane.
    for name in ('scratch', 'dog'):
        other = dict(
            classes=('background', 'cat', name),
            palette=voc_palette()[:3].tolist())
        assert np.array_equal(class_colours(other), qualitative_palette(3))
    own = dict(other, palette=[[0, 0, 0], [1, 2, 3], [4, 5, 6]])
    assert np.array_equal(class_colours(own), own['palette'])


def test_a_prediction_has_colours_of_voc_only_for_its_classes():
    image = np.full((64, 64, 3), 100, np.uint8)
    result = dict(task='segmentation', mask=np.ones((64, 64), np.uint8))
    for name, colour in (('aeroplane', voc_palette()[1]),
                         ('scratch', qualitative_palette(2)[1])):
        names = ClassNames(('background', name), voc_palette()[:2], None)
        drawn = draw_prediction(image, result, names, 64)
        expected = 0.4 * 100 + 0.6 * colour.astype(float)
        assert np.allclose(drawn[-8, -8], expected, atol=1)


def test_a_first_class_that_is_no_background_is_painted():
    image = np.full((64, 64, 3), 100, np.uint8)
    result = dict(task='segmentation', mask=np.zeros((64, 64), np.uint8))
    for first, colour, painted in (('wall', (120, 0, 0), True),
                                   ('background', (255, 255, 255), False),
                                   ('other', (0, 0, 0), False)):
        palette = np.array([colour, (6, 230, 230)], np.uint8)
        names = ClassNames((first, 'sky'), palette, None)
        drawn = draw_prediction(image, result, names, 64)[-8, -8]
        expected = 0.4 * 100 + 0.6 * np.array(colour) if painted else 100
        assert np.allclose(drawn, expected, atol=1)
    # Colours of ours do not begin with black, for what is shown.
    names = ClassNames(('wall', 'sky'), voc_palette()[1:3], {1: 0, 2: 1})
    drawn = draw_prediction(image, result, names, 64)[-8, -8]
    expected = 0.4 * 100 + 0.6 * qualitative_palette(2)[1].astype(float)
    assert np.allclose(drawn, expected, atol=1)
    names = ClassNames(('bg', 'sky'), np.full((2, 3), 200, np.uint8), None)
    seed = dict(result, task='cam', cam=[], classes=[], class_indices=[],
                scores=[], bg_threshold=0.3)
    assert (draw_prediction(image, seed, names, 64)[-8, -8] == 100).all()


def test_large_pictures_are_drawn_as_if_painted_in_full():
    y, x = np.mgrid[:1030, :700]
    image = np.stack([x // 3, y // 5, (x + y) // 8], 2).astype(np.uint8)
    cam = np.stack([x / 700, y / 1030]).astype(np.float32)
    mask = ((x // 90 + y // 70) % 3).astype(np.uint8)
    names = ClassNames(('background', 'a', 'b'), voc_palette()[:3], None)
    result = dict(task='cam', cam=cam, mask=mask, classes=['a', 'b'],
                  class_indices=[1, 2], scores=[1, 1], bg_threshold=0.3)
    drawn = draw_prediction(image, result, names, 64)  # a quarter first
    rgb, colours = image[..., ::-1], qualitative_palette(3)
    slow = titled_strip(
        [('image', rgb), ('a 1.00', cam_overlay(rgb, cam[0])),
         ('b 1.00', cam_overlay(rgb, cam[1])),
         ('seed > 0.30', mask_overlay(rgb, mask, colours))], 64)
    assert drawn.shape == slow.shape
    assert np.abs(drawn.astype(int) - slow).mean() < 0.5
    same = draw_prediction(image, result, names, 1030 // 7)  # at full size
    slow = mask_overlay(rgb, mask, colours)
    assert np.array_equal(same[18:, -99:], cv2.resize(
        slow, (100, 147), interpolation=cv2.INTER_AREA)[:, 1:])


def test_the_qualitative_palette_repeats_no_colour():
    palette = qualitative_palette(81)
    assert palette.shape == (81, 3)
    assert len(np.unique(palette, axis=0)) == 81
    assert (palette[0] == 0).all() and (palette[1:].max(axis=1) > 90).all()


def test_masks_take_the_colours_of_the_palette():
    image = np.full((2, 3, 3), 50, np.uint8)
    mask = np.array([[0, 1, 2], [255, 0, 0]], np.uint8)
    palette = voc_palette()[:3]
    painted = mask_overlay(image, mask, palette, alpha=1.0)
    assert (painted[0, 0] == 50).all()  # background stays
    assert (painted[0, 1] == palette[1]).all()
    assert (painted[0, 2] == palette[2]).all()
    assert (painted[1, 0] == 255).all()  # ignored


def test_strips_have_one_height():
    tiles = [('', np.zeros((h, 20, 3), np.uint8)) for h in (10, 40)]
    strip = titled_strip(tiles, height=30)
    assert strip.shape == (18 + 30, 60 + 4 + 15, 3)
    assert (strip[:, 60:64] == 255).all()


def test_the_curve_is_a_picture():
    point = dict(threshold=0.3, mIoU=40.0)
    seeds = dict(
        own=point, best=dict(threshold=0.4, mIoU=45.0),
        curve=dict(thresholds=[.3, .4], mIoU=[40., 45.], over=[20., 15.],
                   under=[40., None]))
    assert threshold_curve(seeds).startswith(b'\x89PNG')


def test_classes_of_another_list_keep_their_colours():
    def meta(*classes):
        return dict(classes=('background', *classes),
                    palette=voc_palette()[:len(classes) + 1].tolist())

    first = meta('cat', 'cow', 'dog')
    known = dict(zip(first['classes'], class_colours(first).tolist()))
    for names in (('dog', ), ('dog', 'Cat', 'cow'), ('horse', 'dog', 'ape')):
        found = class_colours(meta(*names), first).tolist()
        assert found[0] == [0, 0, 0] and len({*map(tuple, found)}) == len(
            names) + 1
        for name, colour in zip(names, found[1:]):
            if name.lower() in known:
                assert colour == known[name.lower()]
            else:
                assert colour not in known.values()
