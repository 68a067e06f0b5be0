import importlib
import shutil
import sys

import cv2
import numpy as np
import pytest
from tiny_configs import cam_config

from hsc_analysis.sheet import masked_dataset, write_picture
from hsc_mm.cli import common as cli
from hsc_mm.evaluation.ranking import rank_images
from hsc_mm.inference import load_config
from hsc_mm.pseudo_labels.origins import note_of
from hsc_mm.utils import read_index_png, voc_palette, write_index_png


@pytest.fixture(scope='module')
def tool():
    module = importlib.import_module('hsc_analysis.sheet_command')
    return module


@pytest.fixture
def sheet(tool, voc_root, tmp_path, monkeypatch):
    """Call the tool on labels of rising quality; return its exit status."""
    config = cam_config(voc_root, tmp_path / 'config.py')
    labels = tmp_path / 'labels'
    shutil.copytree(voc_root / 'SegmentationClass', labels)
    _damage(labels, 'img_03', 1.0)
    _damage(labels, 'img_05', 0.5)
    _damage(labels, 'img_00', 0.25)

    def call(*arguments, out='sheet.jpg', folder=labels) -> int:
        monkeypatch.setattr(sys, 'argv', [
            'contact_sheet.py', str(config), str(folder), '--out',
            str(tmp_path / out), *map(str, arguments)
        ])
        return cli.run(tool.main)

    call.config, call.labels, call.root = config, labels, voc_root
    call.out = tmp_path / 'sheet.jpg'
    return call


def _damage(folder, img_id, share):
    """Turn the first rows of each object into background."""
    path = folder / f'{img_id}.png'
    mask = read_index_png(path)
    for index in (8, 12):
        rows = np.flatnonzero((mask == index).any(axis=1))
        rows = rows[:round(share * len(rows))]
        part = np.zeros_like(mask, dtype=bool)
        part[rows] = True
        mask[part & (mask == index)] = 0
    write_index_png(path, mask, voc_palette())


def _plain_score(truth, label):
    """Mean IoU by loops over classes."""
    kept = truth != 255
    scores = []
    for index in (0, 8, 12):
        one, other = (truth == index) & kept, (label == index) & kept
        if (one | other).any():
            scores.append((one & other).sum() / (one | other).sum())
    return 100 * np.mean(scores)


def test_labels_of_other_pictures_of_the_same_ids(sheet, capsys):
    path = sheet.labels / 'img_03.png'
    write_index_png(path, read_index_png(path), voc_palette(),
                    note_of(sheet.root / 'JPEGImages' / 'img_04.jpg'))
    assert sheet() == 1
    assert f'{path}: made from another image than {sheet.root}' in (
        text := capsys.readouterr().err)
    assert '--accept-origin' in text
    assert not sheet.out.exists()
    assert sheet('--accept-origin') == 0
    assert sheet.out.exists()


def test_images_are_ranked_by_their_own_score(sheet):
    dataset = masked_dataset(load_config(sheet.config), 'val',
                             str(sheet.labels))
    ranked = rank_images(str(sheet.labels), dataset)
    assert [one.img_id for one in ranked[:3]] == ['img_03', 'img_05',
                                                  'img_00']
    assert len(ranked) == 8
    for score, img_id, index in ranked:
        assert dataset.get_data_info(index)['img_id'] == img_id
        expected = _plain_score(*(
            read_index_png(folder / f'{img_id}.png')
            for folder in (sheet.root / 'SegmentationClass', sheet.labels)))
        assert score == pytest.approx(expected, abs=1e-3)
    assert ranked[3].score == pytest.approx(100)


def test_the_sheet_shows_the_worst_first(sheet, capsys):
    assert sheet('--worst', 2, '--columns', 1, out='sheet.png') == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[-3:-1]] == ['img_03', 'img_05']
    assert 'the worst 2 of 8 images' in lines[-1]
    picture = cv2.imread(str(sheet.out.with_suffix('.png')))[..., ::-1]
    row = 160 + 18 + 18 + 6
    assert picture.shape[0] == 2 * row
    # img_03, 64 x 48: a cat in the ground truth, nothing in the label.
    width = round(64 * 160 / 48)
    tiles = [picture[36:196, i * (width + 4):i * (width + 4) + width]
             .astype(int) for i in range(3)]
    image = cv2.imread(str(sheet.root / 'JPEGImages' / 'img_03.jpg'))
    image = cv2.resize(image, (width, 160), interpolation=cv2.INTER_LINEAR)
    assert abs(tiles[0] - image[..., ::-1]).max() <= 1
    # Truth and label differ where the cat and its border are, there alone.
    truth = read_index_png(sheet.root / 'SegmentationClass' / 'img_03.png')
    cat = cv2.resize(truth, (width, 160), interpolation=cv2.INTER_NEAREST) > 0
    differ = abs(tiles[1] - tiles[2]).max(axis=2) > 8
    assert differ[cat].mean() > 0.7
    assert differ[~cat].mean() < 0.05


def test_a_jpeg_and_the_defaults(sheet):
    assert sheet() == 0
    picture = cv2.imread(str(sheet.out))
    assert picture.shape[0] == 4 * (160 + 18 + 18 + 6)
    assert picture.std() > 20


def _one_line(capsys):
    text = capsys.readouterr().err.strip()
    assert text.startswith('error: ') and '\n' not in text
    return text


def test_missing_labels_are_one_line(sheet, capsys):
    (sheet.labels / 'img_02.png').unlink()
    (sheet.labels / 'img_04.png').unlink()
    assert sheet() == 1
    assert '2 are missing, such as' in (text := _one_line(capsys))
    assert 'expected labels of its 8 images' in text
    assert 'img_02.png' in text
    assert not sheet.out.exists()


@pytest.mark.parametrize('there', ['IMG_04.png', 'img_04.PNG', 'img_04.jpg'])
def test_labels_of_nearly_the_name_are_a_hint(sheet, capsys, there):
    (sheet.labels / 'img_02.png').unlink()
    (sheet.labels / 'img_04.png').rename(sheet.labels / there)
    assert sheet() == 1
    text = _one_line(capsys)
    assert '2 are missing, such as' in text
    assert f'img_04.png (is {sheet.labels / there} meant?' in text


def test_missing_masks_are_one_line(sheet, capsys):
    (sheet.root / 'SegmentationClass' / 'img_06.png').unlink()
    assert sheet() == 1
    assert 'expected masks' in (text := _one_line(capsys))
    assert 'img_06.png' in text


def test_a_split_without_masks_is_one_line(sheet, capsys):
    assert sheet('--split', 'train') == 1
    assert 'seg_map_path' in _one_line(capsys)


def test_a_label_of_another_size_is_named(sheet, capsys):
    write_index_png(sheet.labels / 'img_01.png', np.zeros((5, 5), np.uint8),
                    voc_palette())
    assert sheet() == 1
    text = capsys.readouterr().err
    assert 'img_01.png' in text and 'expected the size' in text


def test_bad_arguments(sheet, capsys, tmp_path):
    for arguments in (dict(out='sheet.tiff'),
                      dict(folder=tmp_path / 'nowhere')):
        with pytest.raises(SystemExit):
            sheet(**arguments)
        assert 'error: ' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        sheet('--worst', 0)
    with pytest.raises(ValueError, match='too many for a JPEG'):
        write_picture(tmp_path / 'a.jpg', np.zeros((65501, 1, 3), np.uint8))
    with pytest.raises(ValueError, match='expected a name'):
        write_picture(tmp_path / 'a.gif', np.zeros((1, 1, 3), np.uint8))


def test_a_picture_of_another_size_than_mask_and_label(sheet, capsys):
    path = sheet.root / 'JPEGImages' / 'img_03.jpg'
    image = cv2.imread(str(path))
    cv2.imwrite(str(path), image[:-2])
    assert sheet() == 1
    assert (f'{path}: expected the size of its mask {sheet.root}'
            in (text := _one_line(capsys)))
    assert 'img_03.png and of its label, 64 x 48, found 64 x 46' in text
    assert 'bug' not in text
    assert not sheet.out.exists()
