"""Data that does not fit is refused: nothing is cut, merged or dropped."""
import json

import numpy as np
import pytest
from PIL import Image

from hsc_mm.datasets import ImageLabelDataset
from hsc_mm.datasets.labels import read_labels
from hsc_mm.evaluation.mask_metric import write_seed
from hsc_mm.inference.class_names import class_names
from hsc_mm.utils import (
    read_index_png,
    read_json,
    to_mask_indices,
    voc_palette,
    write_index_png,
)

NAMES = [f's{k:03d}' for k in range(301)]


@pytest.mark.parametrize(('text', 'key'), [
    ('{"a": 1, "a": 1}', 'a'),
    ('{"images": {"x": ["cat"], "y": ["dog"], "x": ["dog"]}}', 'x'),
    ('[{"k": {"b": [], "b": []}}]', 'b'),
])
def test_a_key_twice_in_json_is_an_error(tmp_path, text, key):
    path = tmp_path / 'labels.json'
    path.write_text(text)
    with pytest.raises(ValueError, match=f'labels.json.*"{key}" twice'):
        read_json(path)


@pytest.mark.parametrize('mask', [
    np.array([[0, 256], [1, 2]], np.uint16),
    np.array([[0, 300], [1, 2]], np.int32),
    np.array([[0, -1]], np.int32),
    np.array([[0.5, 1]], np.float32),
    np.array([[np.nan, 1]], np.float32),
])
@pytest.mark.filterwarnings('ignore::RuntimeWarning')
def test_indices_that_no_byte_holds_are_refused(tmp_path, mask):
    with pytest.raises(ValueError, match=r'm.png: expected indices 0..255'):
        write_index_png(tmp_path / 'm.png', mask, voc_palette())
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match=r'class indices: expected indices'):
        to_mask_indices(mask, None)
    with pytest.raises(ValueError, match=r'expected indices 0..255'):
        write_seed(tmp_path / 'm.png', mask, {0: 0, 1: 1})
    Image.fromarray(mask).save(tmp_path / 'm.tif')
    with pytest.raises(ValueError, match=r'm.tif: expected indices 0..255'):
        read_index_png(tmp_path / 'm.tif')


def test_wide_types_of_small_indices_are_read(tmp_path):
    mask = np.array([[0, 7], [255, 20]], np.uint16)
    Image.fromarray(mask).save(tmp_path / 'm.png')
    found = read_index_png(tmp_path / 'm.png')
    assert found.dtype == np.uint8 and (found == mask).all()
    assert (to_mask_indices(mask.astype(np.int64), None) == mask).all()


@pytest.mark.parametrize(('count', 'good'), [(254, True), (255, False),
                                         (300, False)])
def test_more_classes_than_a_mask_has_indices(tmp_path, count, good):
    labels = tmp_path / 'labels.json'
    labels.write_text(json.dumps(dict(
        classes=NAMES[:count], images=dict(a=[NAMES[count - 1]]))))
    rows = tmp_path / 'labels.csv'
    rows.write_text(''.join(f'{n}.jpg,{n}\n' for n in NAMES[:count]))
    meta = dict(meta=dict(dataset_meta=dict(classes=NAMES[:count + 1])))
    ways = (lambda: read_labels(labels), lambda: read_labels(rows),
            lambda: class_names({}, meta),
            lambda: ImageLabelDataset(str(labels), lazy_init=True))
    for way in ways:
        if good:
            way()
            continue
        with pytest.raises(ValueError, match=f'at most 254 .*found {count}'):
            way()


@pytest.mark.parametrize('listed', [None, 'img_00'])
def test_one_name_with_two_suffixes_is_an_error(tmp_path, listed):
    labels = tmp_path / 'labels.csv'
    labels.write_text('img_00.jpg,cat\nimg_00.png,dog\nimg_01.jpg,cat\n')
    kwargs = {}
    if listed:
        (tmp_path / 'list.txt').write_text(listed)
        kwargs['ann_file'] = str(tmp_path / 'list.txt')
    data = ImageLabelDataset(str(labels), lazy_init=True,
                             check_files=False, **kwargs)
    with pytest.raises(ValueError,
                       match=r'line 2: "img_00.png" has the name of'):
        data.full_init()
