import errno
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import cv2
import numpy as np
import pytest
import torch
from conftest import Hostile
from format_pictures import grey_png
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image, ImageFile

from hsc_mm.datasets.checks import check_files
from hsc_mm.datasets.mask_checks import check_masks, mode_problems
from hsc_mm.utils import (
    atomic_write_bytes,
    check_number,
    checkpoints,
    locks,
    read_image,
    read_index_png,
    read_json,
    voc_palette,
    write_index_png,
    write_json,
    write_npz,
)
from hsc_mm.utils.numbers import check_finite_maps


def test_palette_is_vocs():
    palette = voc_palette()
    assert palette.shape == (256, 3)
    for index, colour in {0: (0, 0, 0), 1: (128, 0, 0), 8: (64, 0, 0),
                          15: (192, 128, 128), 20: (0, 64, 128),
                          255: (224, 224, 192)}.items():
        assert tuple(palette[index]) == colour


def test_masks_keep_their_indices_and_colours(tmp_path):
    mask = np.arange(256, dtype=np.uint8).reshape(16, 16)
    path = tmp_path / 'new' / 'm.png'
    write_index_png(path, mask, voc_palette())
    assert np.array_equal(read_index_png(path), mask)
    picture = Image.open(path)
    assert picture.mode == 'P'
    assert picture.convert('RGB').getpixel((1, 0)) == (128, 0, 0)


@pytest.mark.parametrize('bits', [1, 2, 4])
def test_masks_of_few_bits(tmp_path, bits):
    """mmseg's loader sees those of a palette as they are stored, too."""
    values = np.arange(240).reshape(12, 20) % 2**bits
    path = tmp_path / 'm.png'
    path.write_bytes(grey_png(values, bits))
    if bits > 1:
        with pytest.raises(ValueError, match=f'm.png: .* grey of {bits} bits'):
            read_index_png(path)
        assert f'{bits} bits' in check_masks([str(path)], 21, 255)[0]
        assert f'{bits} bits' in mode_problems(str(path))[0]
    picture = Image.fromarray(values.astype(np.uint8), 'P')
    picture.putpalette([0, 0, 0, 9, 9, 9] * 128)
    picture.save(path, bits=bits)
    assert path.read_bytes()[24] == bits
    assert np.array_equal(read_index_png(path), values)
    loaded = LoadAnnotations()(dict(
        seg_map_path=str(path), seg_fields=[], reduce_zero_label=False))
    assert np.array_equal(loaded['gt_seg_map'], values)


def test_broken_masks_name_the_file(tmp_path):
    path = tmp_path / 'm.png'
    cv2.imwrite(str(path), np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match=r'm\.png: .*shape \(4, 4, 3\)'):
        read_index_png(path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ValueError, match=r'm\.png: .*truncated'):
        read_index_png(path)


def test_a_mask_with_a_broken_chunk_names_the_file(tmp_path):
    path = tmp_path / 'm.png'
    noise = np.random.default_rng(0).integers(0, 21, (600, 800), np.uint8)
    Image.fromarray(noise).save(path)
    first, second, *rest = path.read_bytes().split(b'IDAT')
    path.write_bytes(first + b'IDAT' + second + b'\0\1\2\3' +
                     b'IDAT'.join(rest))
    with pytest.raises(ValueError, match=r'm\.png: .*broken PNG'):
        read_index_png(path)


def test_images_are_whole_or_an_error(tmp_path):
    path = tmp_path / 'x.jpg'
    cv2.imwrite(str(path), np.full((30, 40, 3), 90, np.uint8))
    assert read_image(path).shape == (30, 40, 3)
    data = path.read_bytes()
    path.write_bytes(data[:-20])
    with pytest.raises(ValueError, match=r'x\.jpg: .*truncated'):
        read_image(path)
    path.write_bytes(b'nothing of the kind')
    with pytest.raises(ValueError, match=r'x\.jpg: .*cannot be decoded'):
        read_image(path)


@pytest.mark.parametrize(('suffix', 'mark'), [
    ('.jpg', b'\xff\xd9'), ('.png', b'IEND')])
def test_data_behind_a_whole_picture(tmp_path, suffix, mark, monkeypatch):
    """Such as the film of a motion photo."""
    path = tmp_path / f'x{suffix}'
    noise = np.random.default_rng(0).integers(0, 255, (90, 80, 3), np.uint8)
    thumbnail = BytesIO()
    Image.fromarray(noise[:9, :9]).save(thumbnail, format='JPEG')
    exif = b'Exif\0\0II*\0\x08\0\0\0' + bytes(6) + thumbnail.getvalue()
    Image.fromarray(noise).save(
        path, **dict(exif=exif) if suffix == '.jpg' else {})
    data = path.read_bytes()
    path.write_bytes(data + bytes(9000))
    assert read_image(path).shape == (90, 80, 3)
    assert not check_files(str(path), {})
    # Other libraries may have set it.
    monkeypatch.setattr(ImageFile, 'LOAD_TRUNCATED_IMAGES', True)
    for cut in (data[:data.rindex(mark)], data[:-20], data[:5000]):
        path.write_bytes(cut + bytes(9000))
        with pytest.raises(ValueError, match=r'x\.\w+: .*truncated'):
            read_image(path)
        assert 'truncated' in check_files(str(path), {})[0]
    assert ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize(('name', 'options'), [
    ('x.bmp', {}), ('x.tif', {}), ('y.tif', dict(compression='tiff_lzw')),
    ('z.tif', dict(big_tiff=True)), ('cv.tiff', None)])
def test_truncated_bmps_and_tiffs(tmp_path, name, options):
    path = tmp_path / name
    noise = np.random.default_rng(0).integers(0, 255, (90, 80, 3), np.uint8)
    if options is None:
        cv2.imwrite(str(path), noise)
    else:
        Image.fromarray(noise).save(path, **options)
    data = path.read_bytes()
    assert not check_files(str(path), {})
    assert read_image(path).shape == (90, 80, 3)
    for cut in (6, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:cut])
        with pytest.raises(ValueError, match=r'\.\w+: .*truncated'):
            read_image(path)
        assert 'truncated' in check_files(str(path), {})[0]
    if name == 'x.bmp':  # as some programs write it
        for size in (bytes(4), b'\xff\xff\xff\x7f'):
            path.write_bytes(data[:2] + size + data[6:])
            assert not check_files(str(path), {})


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'x.bin'
    atomic_write_bytes(path, b'old')

    def full(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'replace', full)
    with pytest.raises(OSError, match=r'No space left.*x\.bin'):
        atomic_write_bytes(path, b'new')
    assert path.read_bytes() == b'old'
    assert [p.name for p in tmp_path.iterdir()] == ['x.bin']


def test_json(tmp_path):
    path = tmp_path / 'x.json'
    write_json(path, dict(a=[1, None]))
    assert read_json(path) == dict(a=[1, None])
    path.write_text('{')
    with pytest.raises(ValueError, match=r'x\.json: expected a JSON file'):
        read_json(path)


@pytest.mark.parametrize(('value', 'options', 'words'), [
    (True, dict(above=0), 'expected a finite number > 0, found True'),
    ('3', dict(above=0), "found '3'"),
    (float('inf'), dict(least=0), 'found inf'),
    (1.5, dict(least=0, whole=True), 'an integer >= 0, found 1.5'),
    (1, dict(least=0, below=1), 'number >= 0 and < 1, found 1'),
    (-1, dict(least=0), 'found -1'),
])
def test_a_number_out_of_range_is_named(value, options, words):
    with pytest.raises(ValueError, match=f'^alpha of X: .*{words}'):
        check_number('alpha of X', value, **options)


def test_a_number_in_range_comes_back():
    for value, options in ((0, dict(least=0, whole=True)),
                           (0.5, dict(above=0, below=1)),
                           (np.float32(2), dict(above=0))):
        assert check_number('x', value, **options) is value


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_maps_that_are_not_finite(bad):
    maps = torch.rand(3, 4, 5)
    check_finite_maps('a.png', maps, torch.zeros(0), maps.half())
    maps[1, 2, 3] = bad
    for one in (maps, maps.half()):
        with pytest.raises(ValueError, match=r'a\.png: expected finite'):
            check_finite_maps('a.png', torch.ones(2), one)


def test_arrays_are_written_whole(tmp_path):
    cam = np.random.default_rng(0).random((2, 3, 4)).astype(np.float16)
    write_npz(tmp_path / 'a.npz', 'made of x', cam=cam, names=['a', 'b'])
    with np.load(tmp_path / 'a.npz') as found:
        assert np.array_equal(found['cam'], cam)
        assert found['names'].tolist() == ['a', 'b']
    with zipfile.ZipFile(tmp_path / 'a.npz') as archive:
        assert archive.comment == b'made of x'
    with pytest.raises(ValueError, match='allow_pickle'):
        write_npz(tmp_path / 'a.npz', code=[object()])
    assert np.load(tmp_path / 'a.npz')['cam'].shape == (2, 3, 4)


def test_writers_of_long_names_do_not_meet(tmp_path):
    # Temporary names are cut, so that these differ by nothing of the file's.
    paths = [tmp_path / ('x' * 240 + end) for end in 'ab']

    def write(path):
        for _ in range(50):
            atomic_write_bytes(path, path.name[-1:].encode() * 100_000)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, paths))
    assert [path.read_bytes() for path in paths] == [
        one * 100_000 for one in (b'a', b'b')]
    assert sorted(tmp_path.iterdir()) == paths


def test_a_lock_that_is_released_meanwhile_is_taken(tmp_path, monkeypatch):
    path, once = tmp_path / locks.LOCK, []

    def lockf(file, *arguments):
        if not once:
            once.append(path.unlink())
            raise OSError(errno.EAGAIN, 'held')
        return real(file, *arguments)

    real = locks.fcntl.lockf
    monkeypatch.setattr(locks.fcntl, 'lockf', lockf)
    locks.hold(tmp_path)
    locks.release()
    assert once and not path.exists()


@pytest.mark.parametrize('value', ['false', 'no', 'off', 'False', 'yes', '2'])
def test_only_1_trusts_checkpoints(tmp_path, monkeypatch, value):
    torch.save(dict(a=Hostile(tmp_path / 'trace')), tmp_path / 'a.pth')
    monkeypatch.setenv(checkpoints.TRUST, value)
    with pytest.raises(ValueError, match=f'{checkpoints.TRUST}: expected 1, '
                       f'.*found {value!r}'):
        checkpoints.load(tmp_path / 'a.pth')
    assert not (tmp_path / 'trace').exists()


@pytest.mark.parametrize('form', [
    '{}  a.pth', '{} *a.pth', 'SHA256 (a.pth) = {}', 'SHA2-256(a.pth)= {}',
    '\\{}  a\\\\b.pth'])
def test_sums_have_the_forms_of_their_tools(tmp_path, form):
    path = tmp_path / 'a.pth'
    torch.save(dict(state_dict=dict(a=torch.zeros(2))), path)
    beside = path.with_name(path.name + checkpoints.SUM_SUFFIX)
    for case in (str.lower, str.upper):
        beside.write_text(form.format(case(checkpoints.file_sum(path))))
        assert checkpoints.why_not_whole(path) is None
    for other in ('0' * 64, '0' * 63):
        beside.write_text(form.format(other))
        assert 'does not match' in checkpoints.why_not_whole(path)
