import colorsys

import cv2
import numpy as np
import pytest

from hsc_mm.datasets.transforms import RandomHSV


class _Fixed(RandomHSV):
    """Not random."""

    def __init__(self, amounts):
        super().__init__()
        self.amounts = np.array(amounts)

    def _draw(self):
        return self.amounts


def _image(seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (6, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize('amounts', [(10, 0, 0), (-10, 7, 0), (3, -10, 10),
                                     (0, 0, -10)])
def test_shift_as_python_computes_it(amounts):
    image = _image()
    found = _Fixed(amounts)(dict(img=image.copy()))['img']
    assert found.dtype == np.uint8 and found.shape == image.shape
    for before, after in zip(image.reshape(-1, 3), found.reshape(-1, 3)):
        h, s, v = colorsys.rgb_to_hsv(*(before[::-1] / 255.0))
        h = (h + amounts[0] / 180) % 1
        s, v = (min(max(x + a / 255, 0), 1)
                for x, a in ((s, amounts[1]), (v, amounts[2])))
        expected = np.array(colorsys.hsv_to_rgb(h, s, v))[::-1] * 255
        # Hue has steps of two degrees: 255 / 30 / 2 of a channel, and a bit.
        assert np.abs(after - expected).max() < 6.5


def test_hue_goes_round_and_the_others_stop():
    red, white = np.array([[[0, 0, 255]]]), np.full((1, 1, 3), 255)
    found = _Fixed((-10, 0, 0))(dict(img=red.astype(np.uint8)))['img']
    assert cv2.cvtColor(found, cv2.COLOR_BGR2HSV)[0, 0, 0] == 170
    found = _Fixed((0, -10, 10))(dict(img=white.astype(np.uint8)))['img']
    assert (found == 255).all()


def test_amounts_are_within_delta_and_follow_the_seed():
    transform = RandomHSV((4, 0, 9))
    np.random.seed(0)
    drawn = np.array([transform._draw() for _ in range(400)])
    assert drawn.min(0).tolist() == [-4, 0, -9]
    assert drawn.max(0).tolist() == [4, 0, 9]
    np.random.seed(3)
    one = RandomHSV()(dict(img=_image()))['img']
    other = RandomHSV()(dict(img=_image()))['img']
    np.random.seed(3)
    again = RandomHSV()(dict(img=_image()))['img']
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_no_delta_leaves_the_image_but_for_rounding():
    found = RandomHSV((0, 0, 0))(dict(img=_image()))['img']
    assert np.abs(found.astype(int) - _image()).max() <= 6


@pytest.mark.parametrize('delta', [(10, 10), (-1, 0, 0), (91, 0, 0)])
def test_wrong_delta(delta):
    with pytest.raises(ValueError, match='delta of RandomHSV'):
        RandomHSV(delta)


def test_floats_are_refused():
    with pytest.raises(ValueError, match=r'img.*uint8.*found float32'):
        RandomHSV()(dict(img=_image().astype(np.float32)))


def test_bands_that_are_no_colours_are_refused():
    with pytest.raises(ValueError, match='leave it out for pictures of other'):
        RandomHSV()(dict(img=np.zeros((4, 5, 5), np.uint8)))
