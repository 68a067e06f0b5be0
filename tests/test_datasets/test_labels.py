import json

import numpy as np
import pytest

from hsc_converters.voc import labels_from_mask
from hsc_mm.datasets.labels import (
    read_label_csv,
    read_label_folders,
    read_label_json,
    read_labels,
    read_list,
    read_voc_xml,
)
from hsc_mm.utils import voc_palette, write_index_png


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_three_forms_say_the_same(tmp_path):
    images = {'a/x.jpg': ['cat'], 'b/y.jpg': ['cat', 'dog']}
    from_json = read_labels(
        _write(tmp_path / 'l.json',
               json.dumps(dict(classes=['cat', 'dog'], images=images))))
    from_csv = read_labels(
        _write(tmp_path / 'l.csv',
               'image,labels\na/x.jpg,cat\nb/y.jpg, cat ; dog\n'))
    assert from_json == from_csv
    assert from_csv.classes == ['cat', 'dog']
    assert from_csv.images == images


def test_class_folders_join_an_image_that_lies_in_two(tmp_path):
    for place in ('cat/1.jpg', 'cat/2.PNG', 'dog/2.PNG', 'dog/notes.txt'):
        _write(tmp_path / place, '')
    labels = read_label_folders(tmp_path)
    assert labels.classes == ['cat', 'dog']
    assert labels.images == {'cat/1.jpg': ['cat'], 'cat/2.PNG': ['cat', 'dog']}


def test_json_keeps_the_order_of_its_classes(tmp_path):
    path = _write(tmp_path / 'l.json',
                  '{"classes": ["dog", "cat"], "images": {"x": ["cat"]}}')
    assert read_label_json(path).classes == ['dog', 'cat']
    path.write_text('{"images": {"x": ["dog"], "y": ["cat"]}}')
    assert read_label_json(path).classes == ['cat', 'dog']


@pytest.mark.parametrize(('text', 'message'), [
    ('{"classes": ["cat"], "images": {"x": ["dgo"]}}',
     'image "x" has the label "dgo"'),
    ('{"images": {"x": "cat"}}', 'another form'),
    ('[1, 2]', 'another form'),
    ('{"images": {}}', 'found none'),
    ('{"classes": ["background", "cat"], "images": {"x": ["cat"]}}',
     'no "background"'),
    ('{"classes": ["cat", "cat"], "images": {"x": ["cat"]}}',
     'every foreground class once'),
    ('{"images": ', 'expected a JSON file'),
])
def test_bad_json_names_the_file(tmp_path, text, message):
    path = _write(tmp_path / 'l.json', text)
    with pytest.raises(ValueError, match=message) as error:
        read_label_json(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(('text', 'message'), [
    ('x.jpg,cat\ny.jpg,cat,dog\n', 'line 2: .*found 3 columns'),
    ('x.jpg,cat\nx.jpg,dog\n', 'line 2: .*second time'),
])
def test_bad_csv_names_the_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_label_csv(_write(tmp_path / 'l.csv', text))


def test_empty_folders_and_missing_files(tmp_path):
    (tmp_path / 'cat').mkdir()
    with pytest.raises(ValueError, match='one sub-folder per class'):
        read_labels(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'none\.json'):
        read_labels(tmp_path / 'none.json')


def test_xml_names_without_repeats(tmp_path):
    path = _write(
        tmp_path / 'x.xml', '<annotation><object><name>dog</name></object>'
        '<object><name>cat</name><difficult>1</difficult></object>'
        '<object><name>dog</name></object></annotation>')
    assert read_voc_xml(path) == ['dog', 'cat']
    path.write_text('<annotation><object>')
    with pytest.raises(ValueError, match=r'x\.xml'):
        read_voc_xml(path)


def test_labels_from_mask(tmp_path):
    mask = np.zeros((4, 5), dtype=np.uint8)
    mask[0, 0], mask[1], mask[2] = 1, 2, 255
    path = tmp_path / 'm.png'
    write_index_png(path, mask, voc_palette())
    assert labels_from_mask(path, ['cat', 'dog']) == ['cat', 'dog']
    assert labels_from_mask(path, ['cat', 'dog'], min_pixels=2) == ['dog']
    with pytest.raises(ValueError, match=r'found \[2\]'):
        labels_from_mask(path, ['cat'])


def test_lists(tmp_path):
    path = _write(tmp_path / 'l.txt', 'a\n\n b \n')
    assert read_list(path) == ['a', 'b']
    path.write_text('\n')
    with pytest.raises(ValueError, match='empty list'):
        read_list(path)
    path.write_text('a\nb\na\n')
    with pytest.raises(ValueError, match='"a" is listed twice'):
        read_list(path)
