"""What the methods of a data set class of one's own return."""
import numpy as np
import pytest

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
    ({'a': None}, "a list of names for image 'a', found None")])
def test_other_labels_are_told_in_a_sentence(found, said):
    said = rf'labels\(\) of _Own: expected {said}; return {{id'
    with pytest.raises(ValueError, match=said):
        _Own(found).spelled_labels(['a'])


def test_lists_and_tuples_of_names_are_labels():
    found = {'a': np.array(['cat']), 'b': ()}
    assert _Own(found).spelled_labels(['a', 'b']) == {
        'a': ['cat'], 'b': []}
