"""Formats of seeds, and the maps and masks that they become."""
import cv2
import numpy as np
import torch
from seed_maps import IDS, assert_soft, from_zero, irn, save

from hsc_converters.seeds import source_format
from hsc_mm.pseudo_labels.files import read_soft_cam, write_soft_cam
from hsc_mm.utils import (
    read_index_png,
    read_json,
    voc_palette,
    write_index_png,
)


def test_a_dictionary_of_maps(bring, maps, tmp_path):
    save(tmp_path / 'from', from_zero(maps))
    assert source_format(tmp_path / 'from', IDS) == 'npy'
    assert bring(tmp_path / 'from') == 0
    assert_soft(tmp_path / 'out', maps)
    manifest = read_json(tmp_path / 'out' / 'imported_seeds.json')
    assert manifest['complete']
    assert (manifest['count'], manifest['offset']) == (8, 1)
    # Files that count the background themselves.
    save(tmp_path / 'counted', maps)
    assert bring(
        tmp_path / 'counted', '--class-offset', 0, out=tmp_path / 'c') == 0
    assert_soft(tmp_path / 'c', maps)


def test_maps_of_no_class_in_use_are_no_seeds(bring, maps, tmp_path, capsys):
    save(tmp_path / 'from', from_zero(from_zero(maps)))  # shifted by one
    assert bring(tmp_path / 'from') == 1
    said = capsys.readouterr()
    assert f'0 of {len(IDS)} seeds written' in said.out
    assert 'Is --class-offset right?' in said.err
    assert not list((tmp_path / 'out').glob('*.npz'))


def test_one_array_of_all_classes(bring, maps, tmp_path):
    arrays = {}
    for img_id, one in maps.items():
        arrays[img_id] = np.zeros((20, *next(iter(one.values())).shape), 'f4')
        for index, value in one.items():
            arrays[img_id][index - 1] = value
    save(tmp_path / 'from', arrays)
    assert bring(tmp_path / 'from') == 0
    assert_soft(tmp_path / 'out', maps)


def test_irn(bring, maps, tmp_path):
    save(tmp_path / 'from', irn(maps))
    assert source_format(tmp_path / 'from', IDS) == 'irn'
    assert bring(tmp_path / 'from') == 0
    assert_soft(tmp_path / 'out', maps)
    # With the background in front of the keys.
    padded = {
        i: dict(keys=np.array([0, *one]), rw=np.stack([*one.values()]))
        for i, one in maps.items()
    }
    save(tmp_path / 'padded', padded)
    assert bring(tmp_path / 'padded', out=tmp_path / 'p') == 0
    assert_soft(tmp_path / 'p', maps)


def test_maps_at_a_stride_become_as_large_as_the_image(
        bring, maps, tmp_path, capsys):
    small = {
        i: {k: m[::4, ::4] for k, m in one.items()}
        for i, one in maps.items()
    }
    save(
        tmp_path / 'from',
        irn(maps, cam=lambda one: torch.from_numpy(
            np.stack([m[::4, ::4] for m in one.values()]))))
    assert bring(tmp_path / 'from', '--map', 'cam') == 0
    large = {
        i: {k: cv2.resize(m, None, fx=4, fy=4) for k, m in one.items()}
        for i, one in small.items()
    }
    assert_soft(tmp_path / 'out', large)
    assert bring(tmp_path / 'from', '--map', 'x', out=tmp_path / 'x') == 1
    assert "expected maps named x, found ['cam', 'high_res', 'keys']" in (
        capsys.readouterr().err)


def test_masks_from_maps(bring, maps, tmp_path):
    save(tmp_path / 'from', from_zero(maps))
    assert bring(tmp_path / 'from', '--kind', 'hard', '--threshold', 0.5) == 0
    for img_id, one in maps.items():
        keys = np.array([0, *one])
        whole = np.stack([np.full_like(m, 0.5) for m in [*one.values()][:1]] +
                         [*one.values()])
        seed = read_index_png(tmp_path / 'out' / f'{img_id}.png')
        assert np.array_equal(seed, keys[whole.argmax(axis=0)])
        assert set(np.unique(seed)) <= {0, 8, 12}


def test_index_masks(bring, shared_voc, tmp_path, capsys):
    source = shared_voc / 'SegmentationClass'
    assert bring(source) == 0
    for img_id in IDS:
        assert np.array_equal(
            read_index_png(tmp_path / 'out' / f'{img_id}.png'),
            read_index_png(source / f'{img_id}.png'))
    assert '(png -> hard)' in capsys.readouterr().out
    assert bring(source, '--kind', 'soft', out=tmp_path / 's') == 1
    assert 'Choose --kind hard' in capsys.readouterr().err
    # Masks without a background: 255 stays, the rest moves.
    shifted = tmp_path / 'shifted'
    for img_id in IDS:
        mask = read_index_png(source / f'{img_id}.png')
        mask = np.where(mask == 0, 255, mask)
        write_index_png(shifted / f'{img_id}.png',
                        np.where(mask == 255, 255, mask - 1), voc_palette())
    assert bring(shifted, '--class-offset', 1, out=tmp_path / 'm') == 0
    found = read_index_png(tmp_path / 'm' / 'img_02.png')
    assert set(np.unique(found)) == {8, 12, 255}


def test_our_own_files(bring, maps, tmp_path):
    for img_id, one in maps.items():
        write_soft_cam(tmp_path / 'from' / f'{img_id}.npz',
                       np.stack([*one.values()]), np.array([*one]))
    assert bring(tmp_path / 'from') == 0
    for img_id in IDS:
        ours, theirs = (tmp_path / f / f'{img_id}.npz'
                        for f in ('out', 'from'))
        for one, other in zip(*map(read_soft_cam, (ours, theirs)),
                              strict=True):
            assert one.dtype == other.dtype and (one == other).all()


def test_values_out_of_range(bring, maps, tmp_path, capsys):
    more = {
        i: {k - 1: 7 * m - 1 for k, m in one.items()}
        for i, one in maps.items()
    }
    save(tmp_path / 'from', more)
    assert bring(tmp_path / 'from') == 1
    assert 'Add --normalize' in capsys.readouterr().err
    assert bring(tmp_path / 'from', '--normalize', out=tmp_path / 'n') == 0
    wanted = {}
    for img_id, one in more.items():
        cut = {k + 1: m.clip(min=0) for k, m in one.items()}
        wanted[img_id] = {k: m / m.max() for k, m in cut.items()}
    assert_soft(tmp_path / 'n', wanted)


def test_the_name_of_maps_is_of_one_format_alone(bring, tmp_path, capsys):
    (tmp_path / 'source').mkdir()
    for img_id in IDS:
        np.save(tmp_path / 'source' / f'{img_id}.npy', {})
    assert bring(tmp_path / 'source', '--map', 'rw') == 1
    assert '--map rw: expected files of the format irn' in \
        capsys.readouterr().err
    for img_id in IDS:
        (tmp_path / 'source' / f'{img_id}.npy').write_text('text')
    assert bring(tmp_path / 'source') == 1
    assert 'The first: ' in capsys.readouterr().err


def test_our_own_files_with_an_offset(bring, maps, tmp_path):
    for img_id, one in maps.items():
        write_soft_cam(tmp_path / 'from' / f'{img_id}.npz',
                       np.stack([*one.values()]), np.array([*one]) - 1)
    assert bring(tmp_path / 'from', '--class-offset', 1) == 0
    for img_id, one in maps.items():
        _, classes = read_soft_cam(tmp_path / 'out' / f'{img_id}.npz')
        assert classes.tolist() == [*one]
