"""Rules, files and the folder of pseudo labels."""
import ast
import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageFile

from hsc_mm.pseudo_labels.files import (
    check_label,
    read_soft_cam,
    soft_classes,
    write_soft_cam,
)
from hsc_mm.pseudo_labels.folder import MANIFEST, PseudoLabelFolder
from hsc_mm.pseudo_labels.soft_cam import (
    agree,
    band_label,
    best_label,
)
from hsc_mm.utils import image_shapes, read_index_png, read_json
from hsc_mm.utils.headers import open_picture


def cams(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw CAMs of two classes, and their indices."""
    rng = np.random.default_rng(seed)
    return rng.random((2, 5, 7)).astype(np.float32), np.array([8, 12])


def test_threshold_and_band_pixel_by_pixel():
    cam, classes = cams()
    hard = band_label(cam, classes, 0.6, 0.6)
    band = band_label(cam, classes, 0.4, 0.8)
    for y in range(5):
        for x in range(7):
            best = 0 if cam[0, y, x] >= cam[1, y, x] else 1
            peak, index = cam[best, y, x], classes[best]
            assert hard[y, x] == (index if peak > 0.6 else 0)
            assert band[y, x] == (
                index if peak > 0.8 else 255 if peak > 0.4 else 0)
    assert set(np.unique(band)) == {0, 8, 12, 255}
    empty = band_label(cam[:0], classes[:0], 0.6, 0.6)
    assert empty.shape == (5, 7)
    assert not empty.any()


def test_the_threshold_itself_is_background():
    cam = np.full((1, 1, 1), 0.3, np.float32)
    assert band_label(cam, np.array([3]), 0.3, 0.3) == 0
    assert band_label(cam, np.array([3]), 0.29, 0.29) == 3


def test_two_alphas_agree_or_the_pixel_is_ignored():
    low = np.array([[0, 3, 3, 0, 3]])
    high = np.array([[0, 3, 5, 3, 0]])
    assert agree(low, high).tolist() == [[0, 3, 3, 255, 255]]
    prob = np.array([[[.5, .1]], [[.2, .3]], [[.3, .6]]])
    assert best_label(prob, np.array([4, 9])).tolist() == [[0, 9]]


def test_soft_cams_come_back(tmp_path):
    cam, classes = cams()
    path = tmp_path / 'deep' / 'x.npz'
    write_soft_cam(path, cam, classes)
    found, indices = read_soft_cam(path)
    assert found.dtype == np.float16
    assert np.abs(found - cam).max() < 1e-3
    assert indices.tolist() == [8, 12]
    content = np.load(path, allow_pickle=False)
    assert sorted(content) == ['cam', 'classes']
    again = path.read_bytes()
    write_soft_cam(path, cam, classes)
    assert path.read_bytes() == again
    for whole in (False, True):
        assert check_label(path, [(5, 7)], {0, 8, 12}, whole) == (5, 7)
    write_soft_cam(path, cam[:0], classes[:0])
    assert read_soft_cam(path)[0].shape == (0, 5, 7)


def test_broken_files_are_told(tmp_path):
    cam, classes = cams()
    path = tmp_path / 'x.npz'
    write_soft_cam(path, cam, classes)
    good = path.read_bytes()
    for data in (b'', b'no zip', good[:100], good[:-30]):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r'x\.npz: expected soft CAMs'):
            check_label(path)
    path.write_bytes(good)
    with pytest.raises(ValueError, match=r'size of its image, \(7, 5\)'):
        check_label(path, [(7, 5)])
    with pytest.raises(ValueError, match=r'found \[12\]'):
        check_label(path, None, {0, 8})
    for arrays in (dict(cam=cam), dict(cam=cam[0], classes=classes),
                   dict(cam=cam, classes=np.array(['a', 'b'])),
                   dict(cam=cam, classes=np.array([{}, {}]))):
        np.savez(path, **arrays)
        with pytest.raises(ValueError, match='expected'):
            check_label(path)
    np.savez(path, cam=cam * 3, classes=classes)
    with pytest.raises(ValueError, match='between 0 and 1'):
        read_soft_cam(path)
    path.unlink()
    for wrong in (cam * 3, cam - 1, cam * np.nan):
        with pytest.raises(ValueError, match=r'x\.npz: expected CAMs in \[0'):
            write_soft_cam(path, wrong, classes)
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        check_label(tmp_path / 'none.npz')


def test_arrays_of_another_writer(tmp_path):
    cam, classes = cams()
    cam, classes = cam.astype(np.float64).T, classes.astype('>u2')
    np.savez_compressed(tmp_path / 'x.npz', cam=cam, classes=classes[
        [0, 1] * 3 + [0]])
    found, indices = read_soft_cam(tmp_path / 'x.npz')
    assert np.array_equal(found, cam)
    assert indices.tolist() == [8, 12] * 3 + [8]
    found[:] = 0  # writable


def test_threads_read_one_header_at_a_time(tmp_path, monkeypatch):
    for number in range(12):
        write_soft_cam(tmp_path / f'{number}.npz', *cams(number))
    inside, parse = [], ast.literal_eval

    def watched(text):
        inside.append(1)
        assert len(inside) == 1
        time.sleep(.002)
        inside.clear()
        return parse(text)

    monkeypatch.setattr(ast, 'literal_eval', watched)
    paths = sorted(tmp_path.iterdir())
    with ThreadPoolExecutor(8) as pool:
        for read in (check_label, read_soft_cam, soft_classes):
            assert len(list(pool.map(read, paths))) == 12


def test_a_label_above_the_limit_of_pictures_is_whole(tmp_path, monkeypatch):
    folder = PseudoLabelFolder(tmp_path / 'a', {})
    folder.write('x', np.zeros((40, 60), np.uint8), note='origin')
    monkeypatch.setenv('HSC_MM_MAX_MEGAPIXELS', '0.001')
    monkeypatch.setattr('PIL.Image.MAX_IMAGE_PIXELS', 1000)
    assert folder.has('x', note='origin')
    assert not folder.has('x', note='another')


def test_image_shapes_know_of_exif(tmp_path):
    picture = Image.new('RGB', (30, 20))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / 'turned.jpg', exif=exif)
    assert image_shapes(tmp_path / 'turned.jpg') == ((30, 20), (20, 30))


def test_a_folder_of_both_kinds(tmp_path):
    folder = PseudoLabelFolder(
        tmp_path / 'p', dict(a=1), {0: 0, 8: 1, 12: 2}, ('.png', '.npz'))
    cam, _ = cams()
    assert not folder.has('x')
    folder.write_soft('x', cam, np.array([1, 2]))
    assert not folder.has('x')
    folder.write('x', np.full((5, 7), 2))
    assert folder.has('x', [(5, 7)], {0, 8, 12})
    assert not folder.has('x', [(7, 5)])
    assert not folder.has('x', None, {0, 8})
    assert read_soft_cam(folder.file('x', '.npz'))[1].tolist() == [8, 12]
    assert (read_index_png(folder.file('x')) == 12).all()
    assert not folder.finish(['x', 'y'])
    assert not read_json(folder.path / MANIFEST)['complete']
    (folder.path / '.y.png.1.tmp').write_bytes(b'')
    # Of another part, and from what was there before.
    assert not folder.finish(['x'], alone=False, notes=dict(x='new'))
    folder.write('x', np.full((5, 7), 2), 'new')
    folder.write_soft('x', cam, np.array([1, 2]), 'new')
    assert folder.finish(['x'], alone=False, notes=dict(x='new'))
    folder.begin()
    assert folder.finish(['x'])
    assert read_json(folder.path / MANIFEST) == dict(
        a=1, complete=True, count=1, chosen='fixed')
    assert not list(folder.path.glob('.*'))
    folder.begin()
    assert not read_json(folder.path / MANIFEST)['complete']
    folder.drop('x')
    assert folder.missing(['x'])


def test_an_older_manifest_lacks_keys(tmp_path):
    PseudoLabelFolder(tmp_path, dict(a=1))
    PseudoLabelFolder(tmp_path, dict(a=1, band=None))
    with pytest.raises(FileExistsError, match=r'band None, expected \[1\]'):
        PseudoLabelFolder(tmp_path, dict(a=1, band=[1]))


def _open(path, identity, barrier, results):
    barrier.wait()
    try:
        PseudoLabelFolder(path, identity)
        results.put('made')
    except FileExistsError:
        results.put('refused')


@pytest.mark.parametrize(('identities', 'made'), [([1, 1, 1, 1], 4),
                                                  ([1, 2, 3, 4], 1)])
def test_machines_that_begin_at_once(tmp_path, identities, made):
    context = multiprocessing.get_context('fork')
    for attempt in range(5):
        barrier, results = context.Barrier(4), context.Queue()
        path = tmp_path / str(attempt)
        children = [
            context.Process(
                target=_open, args=(path, dict(a=i), barrier, results))
            for i in identities
        ]
        for child in children:
            child.start()
        found = [results.get(timeout=30) for _ in children]
        for child in children:
            child.join()
        assert found.count('made') == made
        assert [p.name for p in path.iterdir()] == [MANIFEST]


def test_headers_of_png_are_read_without_the_pixels(tmp_path, monkeypatch):
    picture = Image.new('RGB', (30, 20))
    exif = picture.getexif()
    exif[0x0112] = 6
    plain, early, late = (tmp_path / f'{n}.png' for n in range(3))
    picture.save(plain)
    picture.save(early, exif=exif)
    data = early.read_bytes()
    start = data.index(b'eXIf') - 4
    chunk = data[start:start + 12 + int.from_bytes(
        data[start:start + 4], 'big')]
    data = plain.read_bytes()
    late.write_bytes(data[:-12] + chunk + data[-12:])

    def load(self):
        raise AssertionError('the picture was decoded')

    with monkeypatch.context() as patch:
        patch.setattr(ImageFile.ImageFile, 'load', load)
        assert image_shapes(plain)[0] == (20, 30)
        for path in (early, late):
            assert image_shapes(path) == ((30, 20), (20, 30))
    for path in (plain, early, late):
        opened, _ = open_picture(path, path)
        assert np.array(opened).shape == (20, 30, 3)
