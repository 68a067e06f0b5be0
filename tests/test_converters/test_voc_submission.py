"""The archive for the VOC server: what is refused, what is in it."""
import importlib
import io
import sys
import tarfile

import cv2
import numpy as np
import pytest
from PIL import Image

from hsc_converters.voc_submission import pack_submission
from hsc_mm.cli import common as cli
from hsc_mm.utils import voc_palette, write_index_png
from hsc_mm.utils.paths import MARKER

IDS = ['2008_000001', '2008_000002', '2008_000003']
SHAPES = [(8, 12), (10, 6), (8, 12)]


@pytest.fixture
def made(tmp_path):
    """Right masks, images and list."""
    images = tmp_path / 'JPEGImages'
    images.mkdir()
    for number, (name, shape) in enumerate(zip(IDS, SHAPES)):
        cv2.imwrite(str(images / f'{name}.jpg'),
                    np.zeros((*shape, 3), np.uint8))
        mask = np.zeros(shape, np.uint8)
        mask[2:5, 2:5] = (8, 20, 15)[number]
        write_index_png(tmp_path / 'masks' / f'{name}.png', mask,
                        voc_palette())
    (tmp_path / 'test.txt').write_text('\n'.join(IDS) + '\n')
    return tmp_path


def _pack(root, **changes):
    return pack_submission(root / 'masks', IDS, root / 'JPEGImages',
                           root / 'out' / 'results.tgz', **changes)


def test_right_masks_are_packed_as_they_are(made):
    done = _pack(made)
    assert done == ('results/VOC2012/Segmentation/comp6_test_cls', 3,
                    ['background', 'cat', 'person', 'tvmonitor'])
    with tarfile.open(made / 'out' / 'results.tgz', 'r:gz') as archive:
        members = archive.getmembers()
        assert [one.name for one in members] == [
            f'results/VOC2012/Segmentation/comp6_test_cls/{i}.png'
            for i in IDS
        ]
        assert all(one.isfile() and one.mode == 0o644 for one in members)
        for one, name in zip(members, IDS):
            data = archive.extractfile(one).read()
            assert data == (made / 'masks' / f'{name}.png').read_bytes()
            assert Image.open(io.BytesIO(data)).mode == 'P'
    assert {p.name for p in (made / 'out').iterdir()} == {
        'results.tgz', MARKER}


def test_equal_masks_give_equal_bytes(made, monkeypatch):
    _pack(made)
    first = (made / 'out' / 'results.tgz').read_bytes()
    for path in (made / 'masks').iterdir():
        path.touch()
    monkeypatch.setattr('time.time', lambda: 1e9)
    _pack(made)
    assert (made / 'out' / 'results.tgz').read_bytes() == first
    _pack(made, comp=5, split='val')
    with tarfile.open(made / 'out' / 'results.tgz') as archive:
        assert archive.getnames()[0] == (
            f'results/VOC2012/Segmentation/comp5_val_cls/{IDS[0]}.png')


def _missing(path):
    path.unlink()


def _grey(path):
    Image.fromarray(np.zeros((10, 6), np.uint8)).save(path)


def _colours(path):
    Image.fromarray(np.zeros((10, 6, 3), np.uint8)).save(path)


def _wrong_size(path):
    write_index_png(path, np.zeros((6, 9), np.uint8), voc_palette())


def _unknown_index(path):
    write_index_png(path, np.full((10, 6), 21, np.uint8), voc_palette())


def _ignored(path):
    write_index_png(path, np.full((10, 6), 255, np.uint8), voc_palette())


def _other_palette(path):
    write_index_png(path, np.full((10, 6), 3, np.uint8), voc_palette()[::-1])


def _short_palette(path):
    write_index_png(path, np.full((10, 6), 3, np.uint8), voc_palette()[:3])


def _gif(path):
    picture = Image.fromarray(np.zeros((10, 6), np.uint8), mode='P')
    picture.putpalette(voc_palette().ravel().tolist())
    picture.save(path, format='GIF')


def _cut(path):
    path.write_bytes(path.read_bytes()[:-12])


def _surplus(path):
    write_index_png(path.with_name('2008_000009.png'),
                    np.zeros((10, 6), np.uint8), voc_palette())


def _hidden(path):
    path.with_name('.DS_Store').write_text('')


@pytest.mark.parametrize(('damage', 'text'), [
    (_missing, r'2008_000002\.png: missing'),
    (_grey, r'2008_000002\.png: expected a PNG with a palette.* mode L'),
    (_colours, r'2008_000002\.png: .*\(colours\?\)'),
    (_wrong_size, r'size of its image, \(10, 6\), found \(6, 9\)'),
    (_unknown_index, r'expected indices 0\.\.20, found \[21\]'),
    (_ignored, r'expected indices 0\.\.20, found \[255\]'),
    (_other_palette, r"expected VOC's palette"),
    (_short_palette, r"expected VOC's palette"),
    (_gif, 'found GIF of mode P'),
    (_cut, 'truncated'),
    (_surplus, r'2008_000009\.png: not an image of the list'),
    (_hidden, r'\.DS_Store: not an image of the list'),
])
def test_what_the_server_would_not_take_is_refused(made, damage, text):
    damage(made / 'masks' / '2008_000002.png')
    with pytest.raises(ValueError, match=text) as caught:
        _pack(made)
    assert '1 problem(s)' in str(caught.value)
    assert not (made / 'out').exists()


def test_other_arguments(made):
    with pytest.raises(ValueError, match='comp of the submission'):
        _pack(made, comp=3)
    with pytest.raises(ValueError, match='split of the submission'):
        _pack(made, split='train')
    with pytest.raises(ValueError, match=r'ends in \.tgz'):
        pack_submission(made / 'masks', IDS, made / 'JPEGImages',
                        made / 'results.zip')
    with pytest.raises(FileNotFoundError, match='no such folder'):
        pack_submission(made / 'nowhere', IDS, made / 'JPEGImages',
                        made / 'results.tgz')
    (made / 'JPEGImages' / f'{IDS[0]}.jpg').unlink()
    with pytest.raises(ValueError, match=rf'{IDS[0]}\.jpg'):
        _pack(made)


def test_the_tool(made, monkeypatch, capsys):
    tool = importlib.import_module(
        'hsc_converters.commands.pack_voc_submission_command')
    out = made / 'results.tar.gz'
    monkeypatch.setattr(sys, 'argv', [
        'pack', str(made / 'masks'), '--list', str(made / 'test.txt'),
        '--images', str(made / 'JPEGImages'), '--out', str(out), '--comp', '5'
    ])
    assert cli.run(tool.main) == 0
    assert '3 masks in results/VOC2012/Segmentation/comp5_test_cls' in \
        capsys.readouterr().out
    before = out.read_bytes()
    for name in IDS:
        _grey(made / 'masks' / f'{name}.png')
    assert cli.run(tool.main) == 1
    error = capsys.readouterr().err
    assert error.startswith('error: masks ')
    assert '3 problem(s)' in error
    assert out.read_bytes() == before
