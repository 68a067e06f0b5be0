"""Windows and seams: the same maps as of the whole picture."""
import numpy as np
import pytest
import torch
from torch import nn

from hsc_mm.tiles import Tiles, blend


def _joined(shape, tiles, compute):
    found = None
    for block in blend(shape, tiles, compute):
        if found is None:
            found = np.full((len(block.maps), *shape), np.nan, np.float32)
        _, height, width = block.maps.shape
        part = found[:, block.top:block.top + height,
                     block.left:block.left + width]
        assert np.isnan(part).all()  # each pixel once
        part[:] = block.maps
    assert not np.isnan(found).any()
    return found


@pytest.mark.parametrize('shape', [(64, 64), (65, 200), (300, 97), (30, 500),
                                   (161, 161), (1, 1)])
@pytest.mark.parametrize('tiles', [Tiles(64, 0), Tiles(96, 16),
                                   Tiles(128, 32), Tiles(160, 80)])
def test_pointwise_maps_have_no_seams(shape, tiles):
    picture = np.random.default_rng(0).random((2, *shape)).astype(np.float32)
    boxes = []

    def compute(top, bottom, left, right):
        assert bottom - top <= tiles.size and right - left <= tiles.size
        boxes.append((top, bottom, left, right))
        return picture[:, top:bottom, left:right].copy()

    found = _joined(shape, tiles.check(), compute)
    np.testing.assert_allclose(found, picture, atol=1e-6)
    if max(shape) <= tiles.size:
        assert np.array_equal(found, picture) and len(boxes) == 1
    for first, second in zip(tiles.along(shape[1]), tiles.along(shape[1])[1:]):
        assert first[1] - second[0] >= tiles.overlap
        assert second[0] % 32 == 0


def _network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 4, 3, 2, 1),
        nn.ReLU(), nn.Conv2d(4, 2, 3, 1, 1),
        nn.Upsample(scale_factor=4, mode='nearest')).double().eval()


@torch.no_grad()
def test_convolutions_give_the_maps_of_the_whole_picture():
    # It sees 10 pixels around each position; a quarter of 64 is more.
    network = _network()
    picture = torch.randn(1, 1, 256, 320, dtype=torch.float64)

    def compute(top, bottom, left, right):
        return network(picture[:, :, top:bottom, left:right])[0].numpy()

    whole = network(picture)[0].numpy()
    found = _joined((256, 320), Tiles(160, 48), compute)
    np.testing.assert_allclose(found, whole, atol=1e-6)
    # Too little overlap: the borders of windows are seen.
    seams = _joined((256, 320), Tiles(160, 0), compute)
    assert np.abs(seams - whole).max() > 1e-2


@torch.no_grad()
def test_a_network_that_sees_the_whole_picture_differs_smoothly():
    network = _network()
    picture = torch.randn(1, 1, 256, 256, dtype=torch.float64)
    picture[..., 128:] += 3

    def predict(part):
        return (network(part) + part.mean((2, 3), keepdim=True))[0].numpy()

    found = _joined((256, 256), Tiles(160, 64), lambda a, b, *x: predict(
        picture[:, :, a:b, slice(*x)]))
    whole = predict(picture)
    assert np.abs(found - whole).max() > 0.1  # windows have other means
    # The difference has no step: it rises over the pixels that are shared.
    step = np.diff(found - whole, axis=2)
    assert np.abs(step).max() < 0.1
    one = _joined((256, 256), Tiles(256, 64), lambda a, b, *x: predict(
        picture[:, :, a:b, slice(*x)]))
    assert np.array_equal(one, whole.astype(np.float32))


@pytest.mark.parametrize('tiles', [Tiles(63), Tiles(128, 65), Tiles(128, -1)])
def test_sizes_that_make_no_sense(tiles):
    with pytest.raises(ValueError, match='tile'):
        tiles.check()
