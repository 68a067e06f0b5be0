"""Masks whose indices mean other classes than those of their images."""
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from hsc_mm.datasets import ImageLabelDataset
from hsc_mm.datasets.mask_labels import black_and_white, compare_labels
from hsc_mm.doctor.case import Case
from hsc_mm.doctor.labels import masks
from hsc_mm.utils import voc_palette, write_index_png

NAMES = ['background', 'disc', 'square', 'tri']
LABELS = dict(a=['disc'], b=['square'], c=['disc'], d=['tri'], e=['tri'],
              f=['square', 'tri'])
#: Where a mask should show 0, the classes and what is ignored: what it does.
WRONG = {
    'black and white': ([0, 255, 255, 255, 255], 'black-and-white'),
    'all background': ([0, 0, 0, 0, 0], 'none of 6 masks'),
    'a class added': ([0, 1, 3, 2, 255], 'labelled tri'),
    'shifted': ([0, 2, 3, 3, 255], 'none of 6 masks|labelled disc'),
    'from one on': ([1, 2, 3, 3, 255], 'labelled disc'),
    'palette of its own': ([0, 3, 1, 2, 255], 'none of 6|labelled disc'),
    'inverted': ([1, 0, 0, 0, 255], 'labelled square|none of 6'),
}


def _data(root: Path, table: list[int], labels=LABELS) -> Config:
    (root / 'labels.json').write_text(
        json.dumps(dict(classes=NAMES[1:], images=labels)))
    for image, names in labels.items():
        mask = np.zeros((20, 20), np.uint8)
        for place, name in enumerate(names):
            mask[5:9, 9 * place:9 * place + 5] = NAMES.index(name)
        mask[12, :] = 4
        write_index_png(root / f'{image}.png', np.array(table)[mask],
                        voc_palette())
        cv2.imwrite(str(root / f'{image}.jpg'), np.full((20, 20, 3), 90))
    data = dict(type='hsc_mm.ImageLabelDataset', data_root=str(root),
                label_file='labels.json', img_suffix='.jpg',
                data_prefix=dict(seg_map_path='.'), test_mode=True)
    return Config(dict(test_dataloader=dict(dataset=data)))


def _build(cfg: Config, **changes) -> ImageLabelDataset:
    data = dict(cfg.test_dataloader.dataset, **changes)
    data.pop('type')
    return ImageLabelDataset(**data)


@pytest.mark.parametrize('wrong', WRONG)
def test_masks_of_other_indices_are_refused(tmp_path, wrong):
    table, message = WRONG[wrong]
    cfg = _data(tmp_path, table)
    with pytest.raises(ValueError, match=message):
        _build(cfg)
    found = [f for f in masks(Case(cfg)) if f.level == 'error']
    assert found
    assert any(f.advice for f in found)
    assert len(_build(cfg, check_files=False)) == 6


def test_black_and_white_masks_are_refused_without_labels(tmp_path):
    cfg = _data(tmp_path, WRONG['black and white'][0])
    with pytest.raises(ValueError, match='black-and-white'):
        _build(cfg, with_labels=False)


@pytest.mark.parametrize('with_labels', [True, False])
def test_right_masks_pass(tmp_path, with_labels):
    cfg = _data(tmp_path, [0, 1, 2, 3, 255])
    assert len(_build(cfg, with_labels=with_labels)) == 6
    assert {f.level for f in masks(Case(cfg))} == {'fact'}


def test_a_few_doubtful_masks_are_a_warning(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr('hsc_mm.datasets.mask_labels.print_log',
                        lambda text, *args: lines.append(text))
    cfg = _data(tmp_path, [0, 1, 2, 3, 255])
    labels = dict(LABELS, a=['disc', 'tri'], b=['tri'])
    (tmp_path / 'labels.json').write_text(
        json.dumps(dict(classes=NAMES[1:], images=labels)))
    assert len(_build(cfg)) == 6
    assert len(lines) == 1
    assert '2 of 6 masks' in lines[0]
    warnings = [f for f in masks(Case(cfg)) if f.level == 'warning']
    assert len(warnings) == 1
    assert len(warnings[0].details) == 2
    assert 'no pixel of its mask is tri' in warnings[0].details[0]
    assert 'its mask holds square' in warnings[0].details[1]


def test_masks_that_count_the_background_as_void(tmp_path):
    cfg = _data(tmp_path, [0, 1, 2, 3, 255])
    with pytest.raises(ValueError, match='reduce_zero_label: expected False'):
        _build(cfg, reduce_zero_label=True)


@pytest.mark.parametrize(('contents', 'found'), [
    ([{0, 255}, {0}], True), ([{255}], True), ([{0}], False), ([], False),
    ([{0, 255}, {0, 1, 255}], False)])
def test_black_and_white(contents, found):
    assert bool(black_and_white(contents)) == found


@pytest.mark.parametrize(('labels', 'contents', 'wrong', 'doubtful'), [
    # Two images that lack what is small: nothing is said of the class.
    ([['disc'], ['disc'], ['tri']], [{0}, {0}, {0, 3}], 0, 2),
    ([['disc'], ['tri']], [{0, 2}, {0, 3}], 0, 1),
    ([['disc']], [{0}], 0, 1),
    ([[], []], [{0}, {0}], 0, 0),
    ([[], []], [{0, 1}, {0}], 0, 1),
    ([['disc'], ['disc']], [{0, 3}, {0, 2}], 1, 2),
])
def test_what_is_wrong_and_what_is_doubtful(labels, contents, wrong,
                                            doubtful):
    found = compare_labels([str(k) for k in range(len(labels))], contents,
                           labels, NAMES)
    assert [len(lines) for lines in found] == [wrong, doubtful]
