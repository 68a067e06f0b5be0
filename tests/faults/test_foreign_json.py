"""JSON files that are damaged, or another tool's: one sentence, no guess."""
import json

import pytest

from hsc_converters.exchange.fiftyone import read_fiftyone
from hsc_converters.exchange.records import MaskClasses
from hsc_mm.pipeline.manifest import Manifest
from hsc_mm.pseudo_labels.trusted import check_mask_classes
from hsc_mm.utils import read_json

FORM = {'a': [(float, )], 'b?': {str: int}}
NAN = float('nan')


@pytest.mark.parametrize(('content', 'said'), [
    ([], 'expected a JSON dict, found list'),
    ({}, 'a: expected this key'),
    ({'a': {}}, 'a: expected a JSON list'),
    ({'a': [1, 'x']}, "a.1: expected a finite number, found 'x'"),
    ({'a': [True]}, 'a.0: expected a finite number, found True'),
    ({'a': [NAN]}, 'a.0: expected a finite number, found nan'),
    ({'a': [], 'b': {'x': 1.5}}, 'b.x: expected a whole number, found 1.5'),
    ({'a': [], 'b': None}, 'b: expected a JSON dict, found None'),
])
def test_forms(tmp_path, content, said):
    path = tmp_path / 'x.json'
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf'x\.json: {said}'):
        read_json(path, FORM)


@pytest.mark.parametrize('content', [
    {'a': []}, {'a': [1, None, 1e9], 'b': {}}, {'a': [0], 'b': {'x': 1}}])
def test_what_has_the_form_comes_back(tmp_path, content):
    path = tmp_path / 'x.json'
    path.write_text(json.dumps(content))
    assert read_json(path, FORM) == content


def _fiftyone(path):
    (path.parent / 'labels').mkdir()
    path.rename(path.with_name('mask_targets.json'))
    list(read_fiftyone(path.parent, MaskClasses(('background', 'cat'))))


READERS = {
    'manifest': (lambda path: Manifest(path, path.parent), dict(outputs=[])),
    'trusted': (lambda path: check_mask_classes(path, ['a']),
                dict(mask_classes=5)),
    'targets': (_fiftyone, {'0': 7}),
}


@pytest.mark.parametrize('content', [[], None, 'bad'])
@pytest.mark.parametrize('name', READERS)
def test_readers(tmp_path, name, content):
    read, bad = READERS[name]
    path = tmp_path / 'x.json'
    path.write_text(json.dumps(bad if content == 'bad' else content))
    with pytest.raises(ValueError, match=r'\.json: .*expected'):
        read(path)
