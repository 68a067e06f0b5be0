"""What the methods of a data set class of one's own return."""
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hsc_mm.datasets.base import BaseImageLabelDataset


class _Own(BaseImageLabelDataset):
    all_classes = ['background', 'cat']

    def __init__(self, found):
        self.found = found

    def labels(self, ids):
        return self.found


@pytest.mark.parametrize(('found', 'said'), [
    ([['cat']], r"a dictionary, found \[\['cat'\]\]"),
    (None, 'a dictionary, found None'),
    ({'a': 'cat'}, "a list of names for image 'a', found 'cat'"),
    ({'a': None}, "a list of names for image 'a', found None"),
    ({'a': [1]}, "names of classes for image 'a', found 1"),
    ({'a': np.array([1, 0])}, "names of classes for image 'a', found .*1.?")])
def test_other_labels_are_told_in_a_sentence(found, said):
    said = rf'labels\(\) of _Own: expected {said}; return {{id'
    with pytest.raises(ValueError, match=said):
        _Own(found).spelled_labels(['a'])


def test_lists_and_tuples_of_names_are_labels():
    found = {'a': np.array(['cat']), 'b': ()}
    assert _Own(found).spelled_labels(['a', 'b']) == {
        'a': ['cat'], 'b': []}


class _Set(BaseImageLabelDataset):
    """A data set of a class whose parts are set from outside."""
    METAINFO = dict(classes=('background', 'cat'), palette=[[0] * 3, [9] * 3])
    all_classes = METAINFO['classes']
    names: object = ('a', )

    def ids(self):
        return self.names

    def labels(self, ids):
        return {i: ['cat'] for i in ids}


def build(root, monkeypatch, **parts):
    """Build the data set; its one image is there."""
    Image.new('RGB', (8, 8)).save(root / 'a.jpg')
    for name, value in parts.items():
        monkeypatch.setattr(_Set, name, value)
    return _Set(data_root=str(root), img_suffix='.jpg')


def test_classes_may_be_a_tuple(tmp_path, monkeypatch):
    data = build(tmp_path, monkeypatch)
    assert data.foreground == ['cat']
    assert data[0]['gt_label'].tolist() == [1]


@pytest.mark.parametrize(('parts', 'said'), [
    (dict(names=[]), r'ids\(\) of _Set: .*at least one image, found none'),
    (dict(names=[Path('a')]), r'ids\(\) of _Set: .*found PosixPath'),
    (dict(names='a'), r"ids\(\) of _Set: .*a list of ids .*found 'a'"),
    (dict(names=None), r'ids\(\) of _Set: .*a list of ids .*found None'),
    (dict(all_classes=lambda self: ['background', 'cat']),
     'all_classes of _Set: expected a list of names.*found <bound method'),
    (dict(all_classes=[]), r'all_classes of _Set: .*found \[\]')])
def test_other_ids_and_classes_are_told_in_a_sentence(
        tmp_path, monkeypatch, parts, said):
    with pytest.raises(ValueError, match=said):
        build(tmp_path, monkeypatch, **parts)
