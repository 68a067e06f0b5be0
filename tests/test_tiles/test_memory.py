"""Memory that a picture in windows takes, whatever its size."""
import tracemalloc

import numpy as np
import pytest
import torch
from format_pictures import write_picture
from PIL import Image

from hsc_mm.tiles import MaskWriter, Scan, Tiles
from hsc_mm.tiles.large import cam_blocks, survey, write_blocks
from hsc_mm.utils import voc_palette
from hsc_mm.utils.limits import MEGAPIXELS

rasterio = pytest.importorskip('rasterio')
MB = 1 << 20


def _brightness(window):
    """Be a network: the first class is what is bright."""
    grey = window[..., 0].astype(np.float32)
    return np.stack([grey, 255 - grey]), torch.tensor([0.9, 0.1])


def _seed(path, out, tiles):
    with Scan(str(path), None, {}) as scan:
        assert scan.large
        found = survey(scan, tiles, _brightness)
        blocks = cam_blocks(scan, tiles, _brightness, found,
                            torch.tensor([1., 0.]), 'max')
        with MaskWriter(out, scan.shape, voc_palette()) as writer:
            seen = write_blocks(writer, blocks, lambda cam: cam[0] > 0.5, None)
    assert np.flatnonzero(seen).tolist() == [0, 1]
    return found


def test_memory_follows_the_window_not_the_picture(tmp_path, monkeypatch):
    monkeypatch.setenv(MEGAPIXELS, '0.5')
    tiles, peaks = Tiles(256, 64), []
    _seed_path = tmp_path / 'a.tif'
    for side in (900, 2200):
        write_picture(_seed_path, side)
        tracemalloc.start()
        found = _seed(_seed_path, tmp_path / 'a.png', tiles)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Six times the pixels, whose maps alone are 38 megabytes.
    assert found.high[0] == 249 and found.scores[0] == 0.9
    assert peaks[1] < 3 * peaks[0] < 3 * 12 * MB
    mask = np.array(Image.open(tmp_path / 'a.png'))
    with rasterio.open(_seed_path) as file:
        grey = file.read(1)
    assert np.array_equal(mask, grey / (249 + 1e-5) > 0.5)
