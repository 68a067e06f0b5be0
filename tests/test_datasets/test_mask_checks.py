"""Masks of colours and of ids are refused before anything is trained."""
import numpy as np
import pytest
from PIL import Image

from hsc_mm.datasets import VOCImageLabelDataset
from hsc_mm.datasets.mask_checks import check_masks, mask_problems
from hsc_mm.utils import voc_palette, write_index_png

MASK = np.array([[0, 1, 20], [255, 255, 0]], dtype=np.uint8)


def grey(path, mask):
    """Write a grey PNG."""
    Image.fromarray(np.asarray(mask, dtype=np.uint8)).save(path)
    return str(path)


def test_palette_grey_and_one_bit_masks_are_right(tmp_path):
    write_index_png(tmp_path / 'p.png', MASK, voc_palette())
    grey(tmp_path / 'l.png', MASK)
    Image.fromarray(MASK == 0).save(tmp_path / '1.png')
    for kind in 'pl1':
        path = tmp_path / f'{kind}.png'
        assert Image.open(path).mode == kind.upper()
        assert mask_problems(str(path), 21) == []


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'LA', 'I;16'])
def test_other_modes_are_named(tmp_path, mode):
    path = tmp_path / 'mask.png'
    if mode == 'I;16':
        Image.fromarray(MASK.astype(np.uint16)).save(path)
    else:
        Image.fromarray(MASK).convert(mode).save(path)
    kind = 'colours' if mode.startswith('RGB') else 'pixels'
    line, = mask_problems(str(path), 21)
    assert line.startswith(f'{path}: expected a PNG with one class index')
    assert line.endswith(f'found {kind} of mode {mode}')


def test_indices_out_of_range_are_named(tmp_path):
    path = grey(tmp_path / 'mask.png', [[0, 81, 90], [255, 80, 90]])
    line, = mask_problems(path, 81)
    assert 'expected indices 0..80 and 255, found [81, 90]' in line
    assert 'category ids of COCO' in line
    line, = mask_problems(path, 21)
    assert 'found [80, 81, 90]' in line
    assert 'COCO' not in line
    assert mask_problems(path, 91) == []
    line, = mask_problems(path, 91, ignore_index=254)
    assert 'found [255]' in line


@pytest.mark.parametrize('content', [b'', b'no image', b'cut'])
def test_unreadable_masks_are_named(tmp_path, content):
    path = tmp_path / 'mask.png'
    if content == b'cut':
        write_index_png(path, np.tile(MASK, (50, 50)), voc_palette())
        content = path.read_bytes()[:900]
    path.write_bytes(content)
    line, = mask_problems(str(path), 21)
    assert str(path) in line
    line, = mask_problems(str(tmp_path / 'none.png'), 21)
    assert 'none.png' in line


def test_the_quick_check_reads_all_headers_and_some_contents(
        tmp_path, monkeypatch):
    paths = [grey(tmp_path / f'{n:03d}.png', MASK) for n in range(100)]
    read = []
    from hsc_mm.datasets import mask_checks
    whole = mask_checks.read_index_png
    monkeypatch.setattr(mask_checks, 'read_index_png',
                        lambda path: read.append(path) or whole(path))
    assert check_masks(paths, 21) == []
    assert len(read) == len(set(read)) == 32
    assert {paths[0], paths[-1]} <= set(read)
    gaps = np.diff([paths.index(path) for path in read])
    assert set(gaps) <= {3, 4}
    assert check_masks([], 21) == []
    Image.fromarray(MASK).convert('RGB').save(paths[1])  # not among the 32
    assert len(check_masks(paths, 21)) == 1


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'ids'])
def test_a_data_set_refuses_them_and_says_what_to_do(voc_root, mode):
    folder = voc_root / 'SegmentationClass'
    for path in folder.glob('*.png'):
        mask = np.array(Image.open(path))
        if mode == 'ids':
            mask[mask == 12] = 44
            grey(path, mask)
        else:
            Image.open(path).convert(mode).save(path)
    with pytest.raises(ValueError, match=r'img_0\d\.png') as caught:
        VOCImageLabelDataset(
            data_root=str(voc_root),
            ann_file='ImageSets/Segmentation/val.txt',
            data_prefix=dict(seg_map_path='SegmentationClass'))
    text = str(caught.value)
    assert ('found [44]' if mode == 'ids' else f'mode {mode}') in text
    assert 'python -m hsc_mm prepare_coco' in text
