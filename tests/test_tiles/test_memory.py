"""Memory that a picture in windows takes, whatever its size."""
import errno
import resource
import signal
import tracemalloc

import numpy as np
import pytest
import torch
from format_pictures import scene, write_picture
from PIL import Image

from hsc_mm.functional import normalize_cam
from hsc_mm.tiles import MaskWriter, Scan, Tiles
from hsc_mm.tiles import scan as scan_module
from hsc_mm.tiles.large import cam_blocks, survey, write_blocks
from hsc_mm.utils import read_image, voc_palette
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
                            torch.tensor([1., 0.]),
                            lambda maps, present, extremes: normalize_cam(
                                maps, present, 'max', extremes))
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


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('kind', ['jpg', 'tif'])
def test_turned_pictures_are_read_as_they_are_seen(tmp_path, monkeypatch,
                                                   orientation, kind):
    path = tmp_path / f'a.{kind}'
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(scene(300, 520)).save(path, exif=exif)
    whole = read_image(path)
    monkeypatch.setenv(MEGAPIXELS, '0.1')
    with Scan(str(path), None, {}) as scan:
        assert scan.large and scan.shape == whole.shape[:2]
        assert scan.image is None
        for _ in range(2):
            for top in range(0, scan.shape[0], 70):
                bottom = min(top + 90, scan.shape[0])
                found = scan.window(top, bottom, 40, 200)
                assert np.abs(found.astype(int) -
                              whole[top:bottom, 40:200]).mean() < 1
    if orientation > 1:
        monkeypatch.setattr(scan_module, '_reserve', _no_space)
        with pytest.raises(OSError, match='TMPDIR'):
            Scan(str(path), None, {})


def _no_space(*args):
    raise OSError(errno.ENOSPC, 'No space left on device')


def test_progressive_jpegs_are_read_within_a_limit(tmp_path, monkeypatch):
    path = tmp_path / 'my parts' / 'a.jpg'
    path.parent.mkdir()
    Image.fromarray(scene(900, 1100)).save(path, progressive=True)
    whole = read_image(path)
    monkeypatch.setenv(MEGAPIXELS, '0.1')
    with Scan(str(path), None, {}) as scan:
        found = scan.window(100, 900, 0, 700)
        assert np.abs(found.astype(int) - whole[100:900, :700]).mean() < 1
    data = bytearray(path.read_bytes())
    size = data.index(b'\xff\xc2') + 5  # after marker, length, bits
    data[size:size + 4] = (20000).to_bytes(2) * 2
    path.write_bytes(data)
    with Scan(str(path), None, {}) as scan, pytest.raises(
            ValueError, match=r"a\.jpg: .*progressive.* rio convert .*'/.*my "
            r"parts/a\.jpg' PICTURE"):
        scan.window(100, 900, 0, 700)


def test_a_geotiff_that_a_full_disk_cuts_is_not_left(tmp_path):
    """GDAL writes small files when it closes them, and tells no error."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    rows = np.zeros((600, 600), np.uint8)
    rows[::7, ::5] = 3

    def write(name):
        with MaskWriter(tmp_path / f'{name}.png', rows.shape, voc_palette(),
                        place=dict(crs='EPSG:32633'),
                        tif=tmp_path / f'{name}.tif') as writer:
            writer.write(rows)
        return [(tmp_path / f'{name}.{kind}').stat().st_size
                for kind in ('png', 'tif')]

    png, tif = write('whole')
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for share in (0.2, 0.5, 0.95):
        most = int(png + share * (tif - png))
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
            with pytest.raises(OSError, match='No space left') as error:
                write('cut')
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert error.value.filename == str(tmp_path / 'cut.tif')
        assert sorted(one.name for one in tmp_path.iterdir()) == [
            'whole.png', 'whole.tif']
