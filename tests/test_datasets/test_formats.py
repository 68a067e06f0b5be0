"""Reader of pictures: in every format, the pixels a person sees."""
import sys

import cv2
import format_pictures as pictures
import numpy as np
import pytest
from format_pictures import scene, seen, written
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from hsc_mm.utils import image_shapes, read_image, read_index_png
from hsc_mm.utils.headers import read_header
from hsc_mm.utils.pixels import as_colours
from hsc_mm.utils.rasters import Raster

RGB = scene()
GREY = RGB[..., 0]
rasterio = pytest.importorskip('rasterio')
pytestmark = pytest.mark.filterwarnings(
    'ignore::rasterio.errors.NotGeoreferencedWarning')


def _read(tmp_path, data, name='a.png', **options):
    path = tmp_path / name
    path.write_bytes(data)
    found = read_image(path, **options)
    assert found.dtype == np.uint8 and found.flags['C_CONTIGUOUS']
    assert image_shapes(path)[0] == found.shape[:2]
    return found


def _grey(values):
    return np.repeat(values[..., None], 3, axis=2)


@pytest.mark.parametrize('kind', ['PNG', 'JPEG', 'BMP', 'TIFF', 'WEBP'])
@pytest.mark.parametrize('mode', ['RGB', 'L', 'P', '1'])
def test_ordinary_pictures(tmp_path, kind, mode):
    picture = Image.fromarray(RGB).convert(mode)
    if kind in ('JPEG', 'WEBP') and mode in ('P', '1'):
        pytest.skip('there is no such file')
    data = written(picture, kind, **(dict(lossless=True) if kind == 'WEBP'
                                     else {}))
    found = _read(tmp_path, data, f'a.{kind}')
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(found, expected)  # of mmcv as well
    if kind != 'JPEG':
        assert np.array_equal(found, seen(np.array(picture.convert('RGB'))))


@pytest.mark.parametrize('kind', ['PNG', 'TIFF', 'WEBP'])
def test_transparency_lies_on_white(tmp_path, kind):
    alpha = np.linspace(0, 255, GREY.size).reshape(GREY.shape).astype(
        np.uint8)
    for colours in (RGB, _grey(GREY)):
        picture = Image.fromarray(np.dstack([colours, alpha]))
        if colours is not RGB:
            if kind == 'WEBP':
                continue
            picture = picture.convert('LA')
        options = dict(lossless=True, exact=True) if kind == 'WEBP' else {}
        found = _read(tmp_path, written(picture, kind, **options))
        share = alpha[..., None] / 255
        expected = colours * share + 255 * (1 - share)
        assert np.abs(found - seen(expected)).max() <= 0.5
        assert (found[0, 0] == 255).all()
        assert np.array_equal(found[-1, -1], seen(colours)[-1, -1])


def test_a_transparent_colour_and_a_transparent_palette(tmp_path):
    picture = Image.fromarray(RGB).quantize(8)
    index = np.array(picture)
    found = _read(tmp_path, written(picture, 'PNG', transparency=3))
    expected = np.array(picture.convert('RGB'))
    expected[index == 3] = 255
    assert (index == 3).any() and np.array_equal(found, seen(expected))
    one = tuple(int(v) for v in RGB[0, 0])
    found = _read(tmp_path, written(
        Image.fromarray(RGB), 'PNG', transparency=one))
    assert (found[0, 0] == 255).all()
    assert np.array_equal(found[1:], seen(RGB)[1:])


@pytest.mark.parametrize('kind', ['png', 'tiff'])
def test_sixteen_bits_are_scaled(tmp_path, kind):
    # 257 times a byte is that byte; what lies between is rounded.
    for values in (GREY, RGB):
        wide = values.astype(np.uint16) * 257
        raw = wide if values is GREY else wide[..., ::-1]
        found = _read(tmp_path, written(raw, kind))
        expected = _grey(GREY) if values is GREY else seen(RGB)
        assert np.array_equal(found, expected)
    raw = np.array([[0, 128, 129, 65535]], np.uint16)
    assert _read(tmp_path, written(raw, kind))[0, :, 0].tolist() == [
        0, 0, 1, 255]
    twelve = np.array([[0, 100, 2048, 4095, 60000]], np.uint16)
    found = _read(tmp_path, written(twelve, kind), value_range=(0, 4095))
    assert found[0, :, 0].tolist() == [0, 6, 128, 255, 255]


def test_sixteen_bits_with_transparency(tmp_path):
    raw = np.full((4, 5, 4), 65535, np.uint16)
    raw[..., :3] = 257 * np.array([10, 20, 30], np.uint16)
    raw[0, ..., 3] = 0
    found = _read(tmp_path, written(raw, 'png'))
    assert (found[0] == 255).all() and (found[1:] == (10, 20, 30)).all()


@pytest.mark.parametrize('bits', [1, 2, 4, 16])
def test_grey_of_any_depth(tmp_path, bits):
    most = 2**bits - 1
    values = np.arange(240).reshape(12, 20) * 273 % (most + 1)
    expected = np.rint(values * (255 / most)).astype(np.uint8)
    found = _read(tmp_path, pictures.grey_png(values, bits))
    assert np.array_equal(found, _grey(expected))
    if bits not in (1, 16):  # Pillow compares others after scaling
        return
    clear = int(values[0, 1])
    found = _read(tmp_path, pictures.grey_png(values, bits, clear))
    assert np.array_equal(
        found, _grey(np.where(values == clear, 255, expected)))


@pytest.mark.parametrize('kind', ['MPO', 'TIFF', 'PNG', 'WEBP', 'GIF'])
def test_of_several_pages_or_frames_the_first_is_read(tmp_path, kind):
    first, other = (Image.fromarray(a).quantize(64).convert('RGB')
                    for a in (RGB, RGB[::-1]))
    options = dict(MPO=dict(quality=100, subsampling=0),
                   WEBP=dict(lossless=True))
    found = _read(tmp_path, written(first, kind, save_all=True,
                                    append_images=[other],
                                    **options.get(kind, {})))
    wrong = np.abs(found.astype(int) - seen(np.array(first))).max()
    assert wrong <= (8 if kind == 'MPO' else 0)


@pytest.mark.parametrize('kind', [
    'grey', 'white is zero', '16 bits', 'fractions', 'RGB', 'palette'])
def test_no_data_is_black_in_small_and_large_pictures(tmp_path, kind):
    """Large ones are read row by row, by another library."""
    path = tmp_path / 'a.tif'
    array, options = GREY[None], {}
    if kind == '16 bits':
        array = array.astype(np.uint16) * 257
    elif kind == 'fractions':
        array = array.astype(np.float32) / 255
    elif kind == 'RGB':
        array = np.moveaxis(RGB, -1, 0).copy()
        array[:, 3, 4] = 255
        options = dict(photometric='RGB')
    elif kind == 'palette':
        options = dict(photometric='palette')
    elif kind == 'white is zero':
        options = dict(photometric='MINISWHITE')
    inverted = kind == 'white is zero'
    if not inverted:
        options['nodata'] = float(array.max())
    with rasterio.open(path, 'w', driver='GTiff', count=len(array),
                       height=12, width=20, dtype=array.dtype,
                       **options) as file:
        file.write(array)
        if kind == 'palette':
            file.write_colormap(1, {n: (n, n, n, 255) for n in range(256)})
    expected = seen(np.moveaxis(array, 0, -1)) if kind == 'RGB' else _grey(
        255 - GREY if inverted else GREY)
    expected = expected.copy()
    if not inverted:  # of colours, a single band of 255 is no gap
        expected[(expected == 255).all(axis=2)] = 0
    assert np.array_equal(read_image(path), expected)
    with Raster(path) as raster:
        assert np.array_equal(raster.rows(), expected)


def test_fractions_and_signed_numbers(tmp_path):
    found = _read(tmp_path, written(GREY / np.float32(255), 'tiff'))
    assert np.array_equal(found, _grey(GREY))
    for wrong, message in ((np.float32(2), r'float32 from 2\.0 to 2\.0'),
                           (np.float32('nan'), 'inf or nan'),
                           (np.int16(5), 'int16 from 5 to 5')):
        path = tmp_path / 'b.tif'
        pictures.bands(path, np.full((1, 3, 4), wrong))
        with pytest.raises(ValueError, match=message):
            read_image(path)
    assert (read_image(path, value_range=(0, 15)) == 85).all()


def test_cmyk(tmp_path):
    solid = Image.new('CMYK', (8, 8), (0, 255, 255, 0))  # red
    for kind in ('JPEG', 'TIFF'):
        found = _read(tmp_path, written(solid, kind))
        assert np.abs(found.astype(int) - (0, 0, 255)).max() < 4


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('kind', ['JPEG', 'PNG', 'TIFF', 'WEBP', '16', '16t',
                                  'RGBA'])
def test_exif_turns_the_picture(tmp_path, orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(RGB)
    upright = picture.copy()
    upright.getexif()[0x0112] = orientation
    expected = seen(np.array(ImageOps.exif_transpose(upright)))
    if kind == '16t':
        Image.fromarray(GREY.astype(np.uint16) * 257).save(
            tmp_path / 'a.tif', exif=exif)
        data, expected = (tmp_path / 'a.tif').read_bytes(), _grey(
            expected[..., 2])
    elif kind == '16':
        data = written(Image.fromarray(GREY.astype(np.uint16) * 257), 'PNG',
                       exif=exif)
        expected = _grey(expected[..., 2])
    elif kind == 'RGBA':
        data = written(picture.convert('RGBA'), 'PNG', exif=exif)
    else:
        data = written(picture, kind, exif=exif, quality=100)
    found = _read(tmp_path, data)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() < (
        1 if kind in ('PNG', 'TIFF', '16', '16t', 'RGBA') else 24)


def test_damaged_exif_is_none(tmp_path):
    data = written(Image.fromarray(RGB), 'JPEG', exif=b'Exif\0\0II*\0\xff')
    assert _read(tmp_path, data).shape == RGB.shape


@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'float32'])
def test_bands_are_chosen(tmp_path, dtype):
    path = tmp_path / 'five.tif'
    most = dict(uint8=255, uint16=65535, float32=1)[dtype]
    levels = np.array([0, 51, 102, 153, 204])
    array = np.ones((5, 6, 7)) * levels[:, None, None] * most / 255
    pictures.bands(path, array.astype(dtype))
    with pytest.raises(ValueError, match=r'found 5\. Say which are seen'):
        read_image(path)
    assert read_image(path, bands=(4, 3, 2))[2, 3].tolist() == [51, 102, 153]
    assert read_image(path, bands=(5, 1))[2, 3].tolist() == [204, 0]
    found = read_image(path, bands=(1, 2, 3, 4, 5))
    assert found.shape == (6, 7, 5) and found[0, 0].tolist() == [*levels]
    assert as_colours(found)[0, 0].tolist() == [102, 51, 0]
    with pytest.raises(ValueError, match=r'1 to 5, found \[6\]'):
        read_image(path, bands=(6, ))
    assert image_shapes(path)[0] == (6, 7)


@pytest.mark.parametrize('interleave', ['band', 'pixel'])
def test_colours_of_sixteen_bits_in_any_layout(tmp_path, interleave):
    path = tmp_path / 'a.tif'
    wide = np.moveaxis(RGB, -1, 0).astype(np.uint16) * 257
    for photometric in ({}, dict(photometric='RGB')):
        pictures.bands(path, wide, interleave=interleave, **photometric)
        assert np.array_equal(read_image(path), seen(RGB))
    # A fourth band beside the colours is no opacity unless it says so.
    pictures.bands(path, np.concatenate([wide, wide[:1]]), photometric='RGB',
                   alpha='unspecified', interleave=interleave)
    assert np.array_equal(read_image(path), seen(RGB))
    pictures.bands(path, np.concatenate([wide, wide[:1] * 0]),
                   photometric='RGB', alpha='yes', interleave=interleave)
    assert (read_image(path) == 255).all()


def test_no_data_is_black_and_two_bands_are_asked_about(tmp_path):
    path = tmp_path / 'a.tif'
    array = np.full((1, 4, 5), 7, np.float32)
    array[0, 0] = np.nan
    pictures.bands(path, array, nodata=np.nan)
    found = read_image(path, bands=(1, ), value_range=(0, 21))
    assert (found[0] == 0).all() and (found[1:] == 85).all()
    pictures.bands(path, np.zeros((2, 4, 5), np.uint8))
    with pytest.raises(ValueError, match='bands'):
        read_image(path)


def test_without_rasterio_the_message_names_it(tmp_path, monkeypatch):
    path = tmp_path / 'a.tif'
    pictures.bands(path, np.zeros((5, 4, 5), np.uint8))
    monkeypatch.setitem(sys.modules, 'rasterio', None)
    with pytest.raises(ValueError, match=r'a\.tif: .*hsc_mm\[geo\]'):
        read_image(path)


@pytest.mark.parametrize('name', [
    'A.PNG', 'ä ö 写真.png', ' two  blanks .Png', "quote's.png"])
def test_names(tmp_path, name):
    assert np.array_equal(
        _read(tmp_path, written(Image.fromarray(RGB), 'PNG'), name),
        seen(RGB))
    (tmp_path / 'link.png').symlink_to(name)
    assert np.array_equal(read_image(tmp_path / 'link.png'), seen(RGB))


def test_options_that_mean_nothing():
    from hsc_mm.datasets.transforms import LoadImage
    for options in (dict(bands=()), dict(bands=(0, )),
                    dict(value_range=(3, 3)), dict(value_range=(1, ))):
        with pytest.raises(ValueError, match='expected'):
            LoadImage(**options)


def test_what_is_drawn_has_colours_of_8_bits():
    grey = np.array([[0, 128, 255]], np.uint8)
    seen = np.repeat(grey[..., None], 3, axis=2)
    assert np.array_equal(as_colours(grey), seen)
    assert np.array_equal(as_colours(grey[..., None]), seen)
    assert np.array_equal(as_colours(seen.astype(np.uint16) * 257), seen)
    assert np.array_equal(as_colours(seen.astype(np.float32) + .5), seen)


@pytest.mark.parametrize('turn', [3, 6])
def test_xmp_turns_no_picture(tmp_path, turn):
    """Neither does it for OpenCV, mmcv or a browser."""
    path = tmp_path / 'a.jpg'
    Image.fromarray(np.random.default_rng(0).integers(
        0, 255, (30, 40, 3), np.uint8)).save(path, xmp=(
            f'<x tiff:Orientation="{turn}"/>').encode())
    assert Image.open(path).getexif()[0x112] == turn
    assert np.array_equal(read_image(path), cv2.imread(str(path)))
    assert read_header(path).orientation == 1


def test_a_picture_with_a_long_text_is_named(tmp_path):
    path, texts = tmp_path / 'a.png', PngInfo()
    texts.add_text('Raw profile type xmp', 'x' * (2 << 20), zip=True)
    for mode in ('RGB', 'P'):
        Image.new(mode, (4, 5)).save(path, pnginfo=texts)
        for read in (read_header, read_image, read_index_png):
            with pytest.raises(ValueError, match=r'a\.png: expected an image, '
                               'but .*exiftool'):
                read(path)
