"""Segments of another program: who gets them, how they are read."""
import json
import pickle

import numpy as np
import pytest
from PIL import Image

from hsc_mm.pseudo_labels.refiners import SegmentRefiner, build_refiner
from hsc_mm.pseudo_labels.soft_cam import SoftCAM


def draw(size=(7, 9), classes=(2, 5), seed=0, **kwargs):
    rng = np.random.default_rng(seed)
    cam = rng.random((len(classes), *size)).astype(np.float32)
    return SoftCAM('a.b', cam, np.array(classes), np.zeros(6))._replace(
        **kwargs)


def slow_segments(soft, segments, share, rest):
    """Votes pixel by pixel; segments is a list of sets of places."""
    size = soft.cam.shape[1:]
    floor = np.full(size, 0.3) if soft.background is None else soft.background
    best = {}
    for place in np.ndindex(size):
        scores = [one[place] for one in soft.cam]
        top = max(range(len(scores)), key=lambda k: scores[k])
        best[place] = top if scores[top] > floor[place] else None
    owner = {}
    for segment in sorted(segments, key=len, reverse=True):
        for k in range(len(soft.cam)):
            if sum(best[p] == k for p in segment) > share * len(segment):
                owner.update(dict.fromkeys(segment, k))
    cam = soft.cam.copy()
    for k in range(len(cam)):
        for place in np.ndindex(size):
            if owner.get(place) == k:
                cam[k][place] = 1
            elif place in owner or (rest == 'background'
                                    and k in owner.values()):
                cam[k][place] = 0
    return cam


def blocks(size, rng, count=6):
    return rng.integers(0, count, size)


@pytest.mark.parametrize('rest', ['background', 'keep'])
@pytest.mark.parametrize('share', [0.5, 0.7])
@pytest.mark.parametrize('background', [False, True])
def test_an_index_map_equals_plain_loops(tmp_path, rest, share, background):
    rng = np.random.default_rng(1)
    for seed in range(5):
        soft = draw(seed=seed)
        # One class is strong on some segments, so that there are winners.
        numbers = blocks((7, 9), rng)
        soft.cam[seed % 2][(numbers == 1) | (numbers == 2)] += 0.8
        soft = soft._replace(cam=soft.cam.clip(0, 1))
        if background:
            soft = soft._replace(
                background=rng.random((7, 9)).astype(np.float32))
        np.save(tmp_path / 'a.b.npy', numbers.astype(np.int32))
        refine = SegmentRefiner(tmp_path, share, rest=rest)
        found = refine(soft)
        segments = [set(zip(*np.nonzero(numbers == n), strict=True))
                    for n in range(1, 6)]
        expected = slow_segments(soft, segments, share, rest)
        np.testing.assert_array_equal(found.cam, expected)
        owned = (expected == 1).any(0) & (numbers > 0)
        assert owned.any()
        if background:
            assert (found.background[owned] == 0).all()
            np.testing.assert_array_equal(found.background[~owned],
                                          soft.background[~owned])
        np.testing.assert_array_equal(
            pickle.loads(pickle.dumps(refine))(soft).cam, found.cam)


def test_overlapping_masks_of_a_folder_equal_plain_loops(tmp_path):
    rng = np.random.default_rng(2)
    soft = draw()
    soft.cam[:] *= 0.8
    soft.cam[0, :4] = 0.9
    soft.cam[1, :2, :4] = 1
    folder = tmp_path / 'a.b'
    folder.mkdir()
    segments = []
    shapes = [np.s_[:, :], np.s_[:4, :], np.s_[:2, :4], np.s_[5:, 2:6],
              np.s_[:3, 5:7]]
    for number, place in enumerate(rng.permutation(len(shapes))):
        mask = np.zeros((7, 9), np.uint8)
        mask[shapes[place]] = 255
        Image.fromarray(mask).save(folder / f'{number}.png')
        segments.append(set(zip(*np.nonzero(mask), strict=True)))
    Image.fromarray(np.zeros((7, 9), np.uint8)).save(folder / 'none.png')
    (folder / 'info.json').write_text('{}')
    found = SegmentRefiner(tmp_path)(soft)
    np.testing.assert_array_equal(
        found.cam, slow_segments(soft, segments, 0.5, 'background'))
    assert found.cam[1, 0, 0] == 1 and found.cam[0, 3, 8] == 1


@pytest.mark.parametrize(('suffix', 'dtype'), [
    ('.png', np.uint8), ('.png', np.uint16), ('.tif', np.uint16),
    ('.tiff', np.int32), ('.npy', np.int64)])
def test_index_maps_of_every_kind_are_the_same(tmp_path, suffix, dtype):
    numbers = blocks((7, 9), np.random.default_rng(4)).astype(dtype)
    if dtype != np.uint8:
        numbers *= 1000
    path = tmp_path / f'a.b{suffix}'
    if suffix == '.npy':
        np.save(path, numbers)
    else:
        Image.fromarray(numbers).save(path)
    soft = draw()
    soft.cam[:] *= 0.2
    soft.cam[0][numbers == numbers.max()] = 1
    found = SegmentRefiner(tmp_path)(soft)
    assert (found.cam[0] == (numbers == numbers.max())).all()


def test_a_palette_is_left_aside(tmp_path):
    numbers = blocks((7, 9), np.random.default_rng(4)).astype(np.uint8)
    image = Image.fromarray(numbers).convert('P')
    image.putpalette(list(range(255, -1, -1)) * 3)
    image.putdata(numbers.ravel().tolist())
    image.save(tmp_path / 'a.b.png')
    soft = draw()
    soft.cam[:] *= 0.2
    soft.cam[1][numbers == 3] = 1
    assert (SegmentRefiner(tmp_path)(soft).cam[1] == (numbers == 3)).all()


def test_half_is_not_more_than_half_and_zero_may_be_a_segment(tmp_path):
    cam = np.zeros((1, 2, 4), np.float32)
    cam[0, 0] = 0.8  # half of the one segment
    soft = draw(cam=cam, classes=np.array([2]))
    np.save(tmp_path / 'a.b.npy', np.zeros((2, 4), np.uint8))
    refine = SegmentRefiner(tmp_path, void=None)
    np.testing.assert_array_equal(refine(soft).cam, cam)
    cam[0, 1, 0] = 0.4
    np.testing.assert_array_equal(refine(soft).cam, np.ones_like(cam))
    np.testing.assert_array_equal(SegmentRefiner(tmp_path)(soft).cam, cam)


@pytest.mark.parametrize('size', [(1, 1), (3, 1)])
def test_edges(tmp_path, size):
    np.save(tmp_path / 'a.b.npy', np.ones(size, np.uint8))
    empty = draw(size, ())
    assert SegmentRefiner(tmp_path)(empty) is empty
    soft = draw(size, (4, ), cam=np.ones((1, *size), np.float32))
    np.testing.assert_array_equal(SegmentRefiner(tmp_path)(soft).cam, 1)


def test_a_missing_map_is_an_error_or_skipped(tmp_path):
    soft = draw()
    with pytest.raises(ValueError, match=r'a\.b: expected one file .*none'):
        SegmentRefiner(tmp_path)(soft)
    assert SegmentRefiner(tmp_path, missing='skip')(soft) is soft
    for suffix in ('png', 'npy'):
        (tmp_path / f'a.b.{suffix}').touch()
    for missing in ('skip', 'error'):  # two are one too many
        with pytest.raises(ValueError, match=r"'a\.b\.png', 'a\.b\.npy'"):
            SegmentRefiner(tmp_path, missing=missing)(soft)


@pytest.mark.parametrize(('array', 'words'), [
    (np.zeros((7, 8), np.uint8), r'\(7, 9\), found uint8 \(7, 8\)'),
    (np.zeros((7, 9, 3), np.uint8), r'not colours'),
    (np.zeros((7, 9), np.float32), 'found float32'),
])
def test_a_map_that_does_not_fit_is_named(tmp_path, array, words):
    np.save(tmp_path / 'a.b.npy', array)
    with pytest.raises(ValueError, match=r'a\.b\.npy: expected one integer'):
        SegmentRefiner(tmp_path)(draw())
    with pytest.raises(ValueError, match=words):
        SegmentRefiner(tmp_path, missing='skip')(draw())


@pytest.mark.parametrize('suffix', ['.png', '.tif', '.npy'])
def test_broken_files_are_named(tmp_path, suffix):
    path = tmp_path / f'a.b{suffix}'
    whole = np.arange(63, dtype=np.uint8).reshape(7, 9)
    if suffix == '.npy':
        np.save(path, whole)
    else:
        Image.fromarray(whole).save(path)
    data = path.read_bytes()
    for cut in (0, 10, len(data) - 20):
        path.write_bytes(data[:cut])
        with pytest.raises(ValueError, match=rf'a\.b\{suffix}: expected'):
            SegmentRefiner(tmp_path)(draw())


def test_an_empty_folder_of_masks_is_named(tmp_path):
    (tmp_path / 'a.b').mkdir()
    with pytest.raises(ValueError, match='expected masks of segments'):
        SegmentRefiner(tmp_path)(draw())


@pytest.mark.parametrize(('options', 'words'), [
    (dict(share=0.4), 'share of SegmentRefiner.*>= 0.5 and < 1, found 0.4'),
    (dict(threshold=1), 'threshold of .*found 1'),
    (dict(rest='drop'), "rest of .*'keep'.*found 'drop'"),
    (dict(missing='no'), "missing of .*'skip'.*found 'no'"),
    (dict(folder='/nowhere/at/all'), 'folder of .*found no /nowhere/at/all'),
])
def test_bad_settings_are_named(tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        build_refiner({
            'type': 'hsc_mm.SegmentRefiner', 'folder': tmp_path, **options})


def test_an_identity_is_json(tmp_path):
    one, other = (SegmentRefiner(tmp_path, share=share).identity()
                  for share in (0.5, 0.6))
    assert json.loads(json.dumps(one)) == one != other
    assert one['folder'] == tmp_path.as_posix()


def test_hidden_files_beside_masks_are_passed_over(tmp_path):
    folder = tmp_path / 'a.b'
    folder.mkdir()
    mask = np.zeros((7, 9), np.uint8)
    mask[:3] = 255
    Image.fromarray(mask).save(folder / '0.png')
    before = SegmentRefiner(tmp_path)(draw()).cam
    (folder / '._0.png').write_bytes(b'of a Mac')
    assert np.array_equal(SegmentRefiner(tmp_path)(draw()).cam, before)
