"""Pictures of few bits, signed ones, transparent ones: whole and in rows."""

import numpy as np
import pytest
from format_pictures import bands, grey_png, scene, seen, written
from PIL import Image, ImageCms

from hsc_mm.utils import read_image
from hsc_mm.utils.rasters import Raster

RGB = scene()
rasterio = pytest.importorskip('rasterio')
pytestmark = pytest.mark.filterwarnings(
    'ignore::rasterio.errors.NotGeoreferencedWarning')


def _grey(values):
    return np.repeat(values[..., None], 3, axis=2).astype(np.uint8)


def _levels(bits):
    """Return numbers of so many bits, and how bright they are."""
    most = 2**bits - 1
    values = np.arange(240).reshape(12, 20) * 273 % (most + 1)
    return values, np.rint(values * (255 / most))


def _check(path, expected, **options):
    """Compare what both readers return with what is seen."""
    assert np.array_equal(read_image(path, **options), expected)
    with Raster(path, **options) as raster:
        rows = [raster.rows(0, 5), raster.rows(5)]
    assert np.array_equal(np.concatenate(rows), expected)


@pytest.mark.parametrize('clear', [False, True])
@pytest.mark.parametrize('bits', [1, 2, 4, 8, 16])
def test_grey_png(tmp_path, bits, clear):
    values, expected = _levels(bits)
    one = int(values[0, 1]) if clear else None
    if clear:
        expected[values == one] = 255
    path = tmp_path / 'a.png'
    path.write_bytes(grey_png(values, bits, one))
    _check(path, _grey(expected))


@pytest.mark.parametrize('kind', ['colour', 'entry', 'entries', '1 bit'])
def test_transparent_png(tmp_path, kind):
    path = tmp_path / 'a.png'
    if kind == 'colour':
        one = tuple(int(v) for v in RGB[0, 0])
        path.write_bytes(written(Image.fromarray(RGB), 'PNG',
                                 transparency=one))
        expected = RGB.copy()
        expected[0, 0] = 255
    elif kind == '1 bit':
        picture = Image.fromarray(RGB[..., 0] > 99)
        path.write_bytes(written(picture, 'PNG', transparency=0))
        expected = np.full_like(RGB, 255)
    else:
        picture = Image.fromarray(RGB).quantize(8)
        opaque = [255, 255, 0, 255, 255, 0, 255, 255] if kind == 'entries' \
            else [255, 255, 255, 0, 255, 255, 255, 255]
        path.write_bytes(written(picture, 'PNG', transparency=bytes(opaque)))
        expected = np.array(picture.convert('RGB'))
        expected[np.array(opaque)[np.array(picture)] == 0] = 255
    assert (expected == 255).all(axis=2).any()
    _check(path, seen(expected))


@pytest.mark.parametrize('photometric', ['MINISBLACK', 'MINISWHITE'])
@pytest.mark.parametrize('nodata', [False, True])
@pytest.mark.parametrize('bits', [1, 2, 4, 8, 12])
def test_tiff_of_few_bits(tmp_path, bits, nodata, photometric):
    values, expected = _levels(bits)
    if photometric == 'MINISWHITE':
        expected = 255 - expected
    more = {} if bits == 8 else dict(nbits=bits)
    if nodata:
        more['nodata'] = int(values[0, 1])
        expected[values == values[0, 1]] = 0
    path = tmp_path / 'a.tif'
    bands(path, values[None].astype('uint8' if bits < 9 else 'uint16'),
          photometric=photometric, **more)
    _check(path, _grey(expected))


def test_colours_of_twelve_bits(tmp_path):
    path = tmp_path / 'a.tif'
    wide = np.rint(np.moveaxis(RGB, -1, 0) * (4095 / 255)).astype(np.uint16)
    bands(path, wide, nbits=12, photometric='RGB')
    _check(path, seen(RGB))
    _check(path, seen(RGB), bands=(1, 2, 3))
    _check(path, seen(RGB), value_range=(0, 4095))
    half = np.minimum(wide, 2047)
    bands(path, half, nbits=12, photometric='RGB')
    assert read_image(path, value_range=(0, 2047)).max() == 255


@pytest.mark.parametrize('dtype', ['int8', 'int16'])
def test_signed_numbers_need_a_range(tmp_path, dtype):
    path = tmp_path / 'a.tif'
    values = np.tile(np.array([-100, -1, 0, 1, 100], dtype), (12, 4))
    bands(path, values[None])
    for read in (read_image, lambda path: Raster(path).rows()):
        with pytest.raises(ValueError, match=rf'found {dtype} from -100 to '
                           r'100\. Say .* value_range'):
            read(path)
    _check(path, _grey(values.astype(int) + 128),
           value_range=(-128, 127))


def test_cielab_is_read_whole_alone(tmp_path):
    path = tmp_path / 'a.tif'
    to_lab = ImageCms.buildTransform(
        *map(ImageCms.createProfile, ('sRGB', 'LAB')), 'RGB', 'LAB')
    flat = Image.new('RGB', (20, 12), (200, 90, 40))
    ImageCms.applyTransform(flat, to_lab).save(path)
    assert np.abs(read_image(path) - np.array([40.0, 90, 200])).max() < 4
    with pytest.raises(ValueError, match=r'a.tif: .* found CIELAB. Convert'):
        Raster(path)
