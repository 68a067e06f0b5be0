"""The table of refiners: seeds scored once more, pixel by pixel."""
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from hsc_mm.pseudo_labels.files import write_soft_cam
from hsc_mm.utils import voc_palette, write_index_png

FOLDER = Path(__file__).resolve().parents[1] / 'benchmarks'


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    sys.modules.pop('refiners', None)
    import refiners
    yield refiners
    sys.modules.pop('refiners')


def slow_iou(pairs):
    """Mean IoU over the classes that labels or masks show, in percent."""
    places = [(int(a), int(b)) for label, mask in pairs
              for a, b in zip(label.ravel(), mask.ravel(), strict=True)
              if b != 255]
    ious = []
    for index in sorted({one for pair in places for one in pair}):
        both = sum(a == index and b == index for a, b in places)
        ious.append(both / sum(index in pair for pair in places))
    return 100 * sum(ious) / len(ious)


def test_the_table_scores_seeds_and_refined_ones(bench, tmp_path, capsys,
                                                 monkeypatch):
    rng = np.random.default_rng(0)
    items = []
    for folder in ('JPEGImages', 'SegmentationClass'):
        (tmp_path / folder).mkdir()
    for number in range(3):
        classes = np.array([8, 12][:number])
        cam = rng.random((number, 24, 30)).astype(np.float16)
        mask = rng.choice([0, 8, 12, 255], (24, 30)).astype(np.uint8)
        write_soft_cam(tmp_path / 'soft' / f'{number}.npz', cam, classes)
        cv2.imwrite(str(tmp_path / 'JPEGImages' / f'{number}.jpg'),
                    rng.integers(0, 256, (24, 30, 3)))
        write_index_png(tmp_path / 'SegmentationClass' / f'{number}.png',
                        mask, voc_palette())
        items.append((cam.astype(np.float32), classes, mask))
    monkeypatch.setattr(sys, 'argv', [
        'refiners.py', '--soft', str(tmp_path / 'soft'), '--data',
        str(tmp_path), '--cell', '8'])
    bench.main()
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == '3 images' and len(rows) == 8

    pairs = []
    for cam, classes, mask in items:
        label = np.zeros(mask.shape, int)
        for y, x in np.ndindex(mask.shape):
            scores = [0.3, *cam[:, y, x]]
            label[y, x] = [0, *classes][scores.index(max(scores))]
        pairs.append((label, mask))
    assert rows[3].startswith(f'| none | {slow_iou(pairs):.1f} (0.3) |')


def test_segments_of_the_benchmark_cover_the_image(bench):
    image = np.random.default_rng(1).integers(
        0, 256, (40, 50, 3)).astype(np.uint8)
    found = bench.watershed(image, 8)
    assert found.shape == (40, 50) and found.min() == 1
    assert len(np.unique(found)) == 5 * 6
