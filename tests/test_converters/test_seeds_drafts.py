"""Seeds of an earlier import, which a new one replaces or leaves."""
import errno
import shutil

import pytest
from seed_maps import IDS, assert_soft, from_zero, save

from hsc_converters.seeds import convert
from hsc_mm.utils import read_json


def contents(folder) -> dict:
    """Return what the files of a folder hold."""
    return {path.name: path.read_bytes() if path.is_file() else None
            for path in folder.iterdir()}


@pytest.mark.parametrize('kind', ['soft', 'hard'])
def test_a_refused_import_leaves_the_seeds_that_are_there(
        bring, maps, tmp_path, capsys, kind):
    save(tmp_path / 'from', from_zero(maps))
    assert bring(tmp_path / 'from', '--kind', kind) == 0
    good = contents(tmp_path / 'out')
    shutil.rmtree(tmp_path / 'from')
    save(tmp_path / 'from', {
        i: {19 - k: one for k, one in found.items()}  # 7 and 11: turned round
        for i, found in maps.items()})
    assert bring(tmp_path / 'from', '--kind', kind) == 1
    assert 'in the same order?' in capsys.readouterr().err
    assert contents(tmp_path / 'out') == good
    for img_id in IDS:
        (tmp_path / 'from' / f'{img_id}.npy').write_bytes(b'')
    assert bring(tmp_path / 'from', '--kind', kind, '--format', 'npy') == 1
    assert contents(tmp_path / 'out') == good


@pytest.mark.parametrize('right', [0, -13])
def test_a_refused_import_does_not_hinder_the_right_one(
        bring, maps, tmp_path, capsys, right):
    save(tmp_path / 'from', {  # of classes that are not in use, or there
        i: {k - right: one for k, one in found.items()}
        for i, found in maps.items()})
    assert bring(tmp_path / 'from') == 1
    assert 'class-offset' in capsys.readouterr().err
    (tmp_path / 'out' / '.import.tmp').mkdir()  # of a killed run
    assert bring(tmp_path / 'from', '--class-offset', right) == 0
    assert_soft(tmp_path / 'out', maps)
    assert read_json(tmp_path / 'out' / 'imported_seeds.json')['complete']
    # Seeds that are there are those of one offset.
    assert bring(tmp_path / 'from', '--class-offset', 1) == 1
    assert f'holds seeds with offset {right}' in capsys.readouterr().err
    assert_soft(tmp_path / 'out', maps)


def test_a_full_disk_ends_an_import_and_costs_no_seed(
        bring, maps, tmp_path, monkeypatch, capsys):
    save(tmp_path / 'from', from_zero(maps))
    assert bring(tmp_path / 'from') == 0
    good = contents(tmp_path / 'out')
    write = convert.write_soft_cam

    def fill(path, *arguments):
        if path.stem == 'img_03':
            raise OSError(errno.ENOSPC, 'No space left on device', str(path))
        write(path, *arguments)

    monkeypatch.setattr(convert, 'write_soft_cam', fill)
    assert bring(tmp_path / 'from') == 1
    assert 'the disk is full' in capsys.readouterr().err
    assert contents(tmp_path / 'out') == good


def test_seeds_written_again_take_the_places_of_the_first(
        bring, maps, tmp_path):
    save(tmp_path / 'from', from_zero(maps))
    assert bring(tmp_path / 'from') == 0
    half = {i: {k: one / 2 for k, one in found.items()}
            for i, found in maps.items()}
    del half['img_05']
    shutil.rmtree(tmp_path / 'from')
    save(tmp_path / 'from', from_zero(half))
    drafts = tmp_path / 'out' / '.import.tmp'  # of a killed run
    drafts.mkdir()
    (drafts / 'img_05.npz').write_bytes(b'')
    assert bring(tmp_path / 'from') == 1
    assert_soft(tmp_path / 'out', half)
    assert not (tmp_path / 'out' / 'img_05.npz').exists()
    assert not drafts.exists()
    manifest = read_json(tmp_path / 'out' / 'imported_seeds.json')
    assert (manifest['complete'], manifest['count']) == (False, 7)
