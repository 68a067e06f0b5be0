"""Archives of CVAT: colours, blanks, damage, and what Datumaro sees."""
import os
import unicodedata
import zipfile

import cv2
import numpy as np
import pytest
from exchange_masks import NAMES, items
from PIL import Image

from hsc_converters.exchange import find_format
from hsc_converters.exchange.formats import FORMATS
from hsc_converters.exchange.records import MaskClasses


def test_blanks_around_an_id_come_back_from_cvat(tmp_path):
    given = [item._replace(img_id=name)
             for item, name in zip(items(3), (' a', 'b ', 'c'))]
    path = FORMATS['cvat'][0](tmp_path, given, NAMES)[0]
    with zipfile.ZipFile(path, 'a') as archive:
        archive.writestr('ImageSets/Segmentation/more.txt', 'c \r\nd\t\n\n')
    found = [name for name, _ in FORMATS['cvat'][1](path, NAMES)]
    assert found == [' a', 'b ', 'c', 'd']


@pytest.mark.parametrize('mode', ['RGB', 'P'])
def test_masks_of_colours_with_their_table(tmp_path, mode):
    """As a folder, which other programs write too."""
    (tmp_path / 'labelmap.txt').write_text(
        '\ufeff# label:color_rgb:parts:actions\n'
        'cat:0,128,0::\nbackground:0,0,0::\nignored:255,255,255::\n')
    mask = np.array([[0, 1, 1], [255, 0, 1]], np.uint8)
    colours = np.zeros((256, 3), np.uint8)
    colours[1], colours[255] = (0, 128, 0), 255
    picture = Image.fromarray(colours[mask])
    path = tmp_path / 'SegmentationClass' / 'a.png'
    path.parent.mkdir()
    (picture if mode == 'RGB' else picture.quantize(3)).save(path)
    assert Image.open(path).mode == mode
    assert find_format(tmp_path) == 'cvat'
    classes = MaskClasses(('background', 'cat'))
    (name, load), = FORMATS['cvat'][1](tmp_path, classes)
    assert name == 'a'
    assert np.array_equal(load(mask.shape), mask)
    labels = tmp_path / 'labelmap.txt'  # black is background without a line
    labels.write_text('cat:0,128,0::\nignored:255,255,255::\n')
    (_, load), = FORMATS['cvat'][1](tmp_path, classes)
    assert np.array_equal(load(mask.shape), mask)


def test_the_background_has_a_name_of_cvat(tmp_path):
    """CVAT writes its own, whatever the labels of the export said."""
    (tmp_path / 'labelmap.txt').write_text(
        'background:0,0,0::\ncat:0,128,0::\n')
    picture = np.zeros((2, 3, 3), np.uint8)
    picture[0, 1] = 0, 128, 0
    (tmp_path / 'SegmentationClass').mkdir()
    Image.fromarray(picture).save(tmp_path / 'SegmentationClass' / 'a.png')
    for first in ('_background_', 'bg'):
        (_, load), = FORMATS['cvat'][1](tmp_path, MaskClasses((first, 'cat')))
        assert load((2, 3)).tolist() == [[0, 1, 0], [0, 0, 0]]
    classes = MaskClasses(('other', 'background', 'cat'))  # a class of theirs
    (_, load), = FORMATS['cvat'][1](tmp_path, classes)
    assert load((2, 3)).tolist() == [[1, 2, 1], [1, 1, 1]]


def test_datumaro_reads_and_writes_the_archive_of_cvat(tmp_path):
    datumaro = pytest.importorskip('datumaro')
    path = FORMATS['cvat'][0](tmp_path, items(), NAMES)[0]
    zipfile.ZipFile(path).extractall(tmp_path / 'there')
    data = datumaro.Dataset.import_from(
        str(tmp_path / 'there'), 'voc_segmentation')
    categories = data.categories()[datumaro.AnnotationType.label]
    for item in items():
        found = np.zeros(item.mask.shape, np.uint8)
        for one in data.get(item.img_id, 'default').annotations:
            name = categories[one.label].name
            found[one.image.astype(bool)] = NAMES.foreground[name]
        assert np.array_equal(found, item.mask)
    data.export(str(tmp_path / 'back'), 'voc_segmentation',
                label_map='source', apply_colormap=True)
    back = dict(FORMATS['cvat'][1](tmp_path / 'back', NAMES))
    for item in items():
        assert np.array_equal(back[item.img_id](item.mask.shape), item.mask)


def test_damaged_archives_are_told(tmp_path):
    write, read, _ = FORMATS['cvat']
    path = write(tmp_path, items(), NAMES)[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:50])
    with pytest.raises(ValueError, match='expected a zip archive'):
        list(read(path, NAMES))
    os.mkfifo(tmp_path / 'pipe.zip')
    with pytest.raises(ValueError, match='found a pipe'):
        list(read(tmp_path / 'pipe.zip', NAMES))
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('../labelmap.txt', 'cat:1,2,3::')
    with pytest.raises(ValueError, match='leaves its folder'):
        list(read(path, NAMES))
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('labelmap.txt', 'cat:1,2,3::\nbackground:0,0,0::')
        archive.writestr('SegmentationClass/a.png', cv2.imencode(
            '.png', np.full((2, 2, 3), 9, np.uint8))[1].tobytes())
        archive.writestr('SegmentationClass/b.png', bytes(5 << 20))
    found = dict(read(path, NAMES))
    with pytest.raises(ValueError, match=r'colours of .*found \(9, 9, 9\)'):
        found['a']((2, 2))
    with pytest.raises(ValueError, match='expected at most'):
        found['b']((2, 2))


_CAT = np.array([[0, 1], [1, 1]], np.uint8)


def _cat_picture(path):
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.fromarray(_CAT[..., None] * np.array([0, 128, 0], np.uint8)).save(
        path)


@pytest.mark.parametrize('suffix', ['.PNG', '.bmp', '.tif'])
def test_a_listed_mask_is_found_whatever_its_suffix(tmp_path, suffix):
    """It was taken for an image without a mask, all background."""
    (tmp_path / 'labelmap.txt').write_text('cat:0,128,0::\n')
    _cat_picture(tmp_path / 'SegmentationClass' / f'a.b{suffix}')
    lists = tmp_path / 'ImageSets' / 'Segmentation'
    lists.mkdir(parents=True)
    (lists / 'default.txt').write_text('\ufeffa.b\nc\n')
    found = dict(FORMATS['cvat'][1](tmp_path, MaskClasses(
        ('background', 'cat'))))
    assert sorted(found) == ['a.b', 'c']
    assert np.array_equal(found['a.b']((2, 2)), _CAT)
    assert not found['c']((2, 2)).any()
    _cat_picture(tmp_path / 'SegmentationClass' / 'a.b.jpg')
    (tmp_path / 'SegmentationClass' / f'a.b{suffix}').unlink()
    found = dict(FORMATS['cvat'][1](tmp_path, MaskClasses(
        ('background', 'cat'))))
    with pytest.raises(ValueError, match='expected the colours'):
        found['a.b']((2, 2))


class _FromMac(zipfile.ZipInfo):
    """An entry whose name is UTF-8 and does not say so."""

    def _encodeFilenameFlags(self):  # noqa: N802
        return self.filename.encode(), self.flag_bits & ~0x800


@pytest.mark.parametrize('form', ['NFC', 'NFD'])
@pytest.mark.parametrize('kind', [_FromMac, zipfile.ZipInfo])
@pytest.mark.parametrize('known', [(), ('Käse', ), ('x', )])
def test_an_archive_that_was_packed_again_keeps_its_names(
        tmp_path, form, kind, known):
    _cat_picture(tmp_path / 'a.png')
    path = tmp_path / 'a.zip'
    name = unicodedata.normalize(form, 'SegmentationClass/Käse.png')
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('labelmap.txt', 'cat:0,128,0::\n')
        archive.writestr(kind(name), (tmp_path / 'a.png').read_bytes())
        archive.writestr('ImageSets/Segmentation/default.txt', 'Käse\n')
    (found, load), = FORMATS['cvat'][1](
        path, MaskClasses(('background', 'cat')), known)
    assert unicodedata.normalize('NFC', found) == 'Käse'
    assert found == 'Käse' or 'Käse' not in known
    assert np.array_equal(load((2, 2)), _CAT)
