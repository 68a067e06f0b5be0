"""Imports of seeds: what is wrong in them, told and listed."""
import re
import shutil

import cv2
import numpy as np
import pytest
from conftest import run_here
from seed_maps import IDS, from_zero, save
from tiny_configs import cam_config

from hsc_mm.utils import (
    read_image,
    read_index_png,
    read_json,
    voc_palette,
    write_index_png,
)


def test_what_is_wrong_is_listed_and_the_rest_finished(
        bring, maps, tmp_path, voc_root, capsys):
    save(tmp_path / 'from', from_zero(maps))
    config = cam_config(voc_root, tmp_path / 'cam.py')
    assert bring(tmp_path / 'from', config=config) == 0
    source = tmp_path / 'from'
    (source / 'img_00.npy').unlink()
    data = (source / 'img_01.npy').read_bytes()
    (source / 'img_01.npy').write_bytes(data[:len(data) // 2])
    np.save(source / 'img_02.npy', {7: np.zeros((5, 5))}, allow_pickle=True)
    np.save(source / 'img_03.npy', {20: maps['img_03'][8]}, allow_pickle=True)
    (source / 'img_04.npy').write_bytes(b'')
    np.save(source / 'img_05.npy', 3.0)
    image = voc_root / 'JPEGImages' / 'img_06.jpg'
    whole = image.read_bytes()
    image.write_bytes(b'')
    capsys.readouterr()
    assert bring(source, config=config) == 1
    told = capsys.readouterr()
    assert '1 of 8 seeds written (npy -> soft), 1 missing, 6 broken' in (
        told.out)
    for text in ('img_00.npy: missing', 'img_01.npy: expected a .npy file',
                 'size of the image, 56 x 40, found 5 x 5',
                 'img_03.npy: expected mask indices 0..20, found 21',
                 'img_04.npy: expected', 'img_05.npy: expected maps',
                 'img_06.jpg'):
        assert text in told.err
    # Nothing of the first run is left to be taken for theirs.
    assert [p.name for p in (tmp_path / 'out').glob('*.npz')] == ['img_07.npz']
    assert not read_json(tmp_path / 'out' / 'imported_seeds.json')['complete']
    image.write_bytes(whole)
    assert bring(source, '--evaluate', config=config) == 1
    assert '6 are missing' in capsys.readouterr().err


def test_masks_that_are_wrong_are_listed(bring, shared_voc, tmp_path, capsys):
    source = tmp_path / 'from'
    shutil.copytree(shared_voc / 'SegmentationClass', source)
    mask = read_index_png(source / 'img_00.png')
    write_index_png(source / 'img_00.png', mask.T, voc_palette())
    mask[0, 0] = 21
    write_index_png(source / 'img_02.png', mask, voc_palette())
    cv2.imwrite(str(source / 'img_03.png'),
                read_image(shared_voc / 'JPEGImages' / 'img_03.jpg'))
    assert bring(source) == 1
    told = capsys.readouterr()
    assert '5 of 8 seeds written' in told.out
    for text in ('56 x 40, found 40 x 56', '0..20, found 21', '(colours?)'):
        assert text in told.err


def test_folders_are_not_mixed(bring, maps, tmp_path, capsys):
    save(tmp_path / 'from', from_zero(maps))
    assert bring(tmp_path / 'from') == 0
    assert bring(tmp_path / 'from') == 0
    assert bring(tmp_path / 'from', '--kind', 'hard') == 1
    assert "holds seeds with kind 'soft'" in capsys.readouterr().err
    assert bring(tmp_path / 'from', out=tmp_path / 'from') == 1
    assert 'expected a new or empty folder' in capsys.readouterr().err
    assert bring(tmp_path / 'nothing', out=tmp_path / 'n') == 1
    assert 'there is no such folder' in capsys.readouterr().err


def test_a_seed_of_nearly_the_name_is_a_hint(bring, maps, tmp_path, capsys):
    source = tmp_path / 'from'
    save(source, {i.upper(): one for i, one in from_zero(maps).items()})
    assert bring(source) == 1
    assert f'img_00.npy (is {source}/IMG_00.npy meant? Its name differs in ' \
        'case or suffix); found none.' in capsys.readouterr().err
    (source / 'IMG_07.npy').rename(source / 'img_07.npy')
    assert bring(source, '--evaluate') == 1
    told = capsys.readouterr()
    assert f'{source}/img_06.npy: missing (is {source}/IMG_06.npy meant? ' \
        in told.err
    assert '7 missing, 0 broken' in told.out or '7 are missing' in told.err


def test_an_image_that_is_gone_is_named(bring, maps, voc_root, tmp_path,
                                        capsys):
    save(tmp_path / 'from', from_zero(maps))
    config = cam_config(voc_root, tmp_path / 'cam.py')
    image = voc_root / 'JPEGImages' / 'img_06.jpg'
    image.rename(image.with_suffix('.JPG'))
    assert bring(tmp_path / 'from', config=config) == 1
    assert f'{image}: missing (is {image.with_suffix(".JPG")} meant?' in (
        capsys.readouterr().err)


def test_the_command(maps, config, tmp_path):
    contents = from_zero(maps)
    contents.pop('img_05')
    save(tmp_path / 'from', contents)
    done = run_here('import_seeds', tmp_path / 'from', '--config', config,
                    '--out', tmp_path / 'out')
    assert done.returncode == 1, done.stderr[-2000:]
    assert 'img_05.npy: missing' in done.stderr
    assert 'Traceback' not in done.stderr
    assert '7 of 8 seeds written (npy -> soft), 1 missing' in done.stdout


def _empty(folder, img_id, mask):
    np.save(folder / f'{img_id}.npy', {})


def _exchanged(folder, img_id, mask):
    turned = np.select([mask == 8, mask == 12], [12, 8], mask.astype(int))
    write_index_png(folder / f'{img_id}.png', turned.astype(np.uint8),
                    voc_palette())


def _white(folder, img_id, mask):
    write_index_png(folder / f'{img_id}.png',
                    np.where(mask, 255, 0).astype(np.uint8), voc_palette())


@pytest.mark.parametrize(('make', 'said'), [
    (_empty, 'none of 8 masks holds a class'),
    (_exchanged, 'none of 8 masks|are labelled cat'),
    (_white, 'black-and-white')])
def test_seeds_of_other_classes_than_the_labels_are_refused(
        bring, shared_voc, tmp_path, capsys, make, said):
    source = tmp_path / 'source'
    source.mkdir()
    for img_id in IDS:
        make(source, img_id, read_index_png(
            shared_voc / 'SegmentationClass' / f'{img_id}.png'))
    assert bring(source) == 1
    assert re.search(said, capsys.readouterr().err)
    assert not read_json(tmp_path / 'out' / 'imported_seeds.json')['complete']
