import numpy as np

from hsc_mm.utils import voc_palette
from hsc_mm.visualization import (
    cam_overlay,
    class_bars,
    label_strip,
    mask_overlay,
    threshold_curve,
)


def test_high_activation_is_red_and_low_is_blue():
    image = np.full((4, 6, 3), 100, np.uint8)
    cam = np.zeros((4, 6), np.float32)
    cam[:, 3:] = 1
    painted = cam_overlay(image, cam)
    assert painted.shape == image.shape
    assert painted[0, 5, 0] > painted[0, 5, 2]
    assert painted[0, 0, 2] > painted[0, 0, 0]


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
    tiles = [np.zeros((10, 20, 3), np.uint8), np.zeros((40, 20, 3), np.uint8)]
    strip = label_strip(tiles, height=30, gap=5)
    assert strip.shape == (30, 60 + 5 + 15, 3)
    assert (strip[:, 60:65] == 255).all()


def test_figures_are_pictures():
    point = dict(threshold=0.3, mIoU=40.0)
    seeds = dict(
        own=point, best=dict(threshold=0.4, mIoU=45.0),
        curve=dict(thresholds=[.3, .4], mIoU=[40., 45.], over=[20., 15.],
                   under=[40., None]))
    assert threshold_curve(seeds).startswith(b'\x89PNG')
    bars = class_bars(['bg', 'cat'], dict(seeds=[80.0, None]))
    assert bars.startswith(b'\x89PNG')
