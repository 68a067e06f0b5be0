"""Files that are damaged, or another tool's: one sentence, no guess."""
import json
import warnings
import zipfile

import pytest

from hsc_converters.coco_masks import broken_outlines
from hsc_converters.exchange.cvat import read_cvat
from hsc_converters.exchange.fiftyone import read_fiftyone
from hsc_converters.exchange.label_studio import read_label_studio
from hsc_converters.exchange.records import MaskClasses
from hsc_mm.datasets.coco_annotations import parse_instances
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


def _instances(**changes):
    image = dict(id=1, file_name='a.jpg', height=4, width=4)
    found = dict(images=[image], annotations=[],
                 categories=[dict(id=1, name='cat')])
    for key, value in changes.items():
        found['categories' if key == 'name' else 'images'][0][key] = value
    return found


@pytest.mark.parametrize('change', [
    dict(height='x'), dict(width=NAN), dict(height=float('inf')),
    dict(width=1.5), dict(height=True), dict(name=None), dict(name=5)],
    ids=str)
def test_instances(change):
    assert parse_instances(_instances(height=4.0), 'x.json').images
    with pytest.raises(ValueError, match=r'x\.json: .*another form'):
        parse_instances(_instances(**change), 'x.json')


@pytest.mark.parametrize('size', [4, True, NAN, 'x', {'a': 1}])
def test_runs(size):
    entry = dict(id=1, image_id=1, category_id=1, segmentation=dict(
        size=size, counts=[16]))
    found = parse_instances(dict(_instances(), annotations=[entry]), 'x')
    assert 'expected runs of size' in broken_outlines(found.images[0])[0]


@pytest.mark.parametrize(('key', 'value'), [
    ('rle', 10**30), ('rle', 10**9), ('brushlabels', [[]]),
    ('brushlabels', [{}]), ('brushlabels', [5])])
def test_regions_of_a_brush(tmp_path, key, value):
    region = dict(type='brushlabels', original_width=4, original_height=4,
                  value={'rle': [0], 'brushlabels': ['cat'], key: value})
    path = tmp_path / 'x.json'
    path.write_text(json.dumps([dict(
        id=1, data=dict(image='a.jpg'),
        annotations=[dict(result=[region])])]))
    (_, read), = read_label_studio(path, MaskClasses(('background', 'cat')))
    with pytest.raises(ValueError, match=r'expected'):
        read((4, 4))


def _archive(path, *contents, name='img.png'):
    with zipfile.ZipFile(path, 'w') as archive, warnings.catch_warnings():
        warnings.simplefilter('ignore')
        archive.writestr('labelmap.txt', 'cat:64,0,0::\n' * 20,
                         zipfile.ZIP_DEFLATED)
        for content in contents:
            archive.writestr(f'SegmentationClass/{name}', content)
    return path


@pytest.mark.parametrize('damage', ['bytes', 'secret', 'twice'])
def test_archives(tmp_path, damage):
    path = _archive(tmp_path / 'x.zip', *[b'x'] * (1 + (damage == 'twice')))
    data = bytearray(path.read_bytes())
    if damage == 'bytes':
        data[45:60] = b'\xff' * 15
    elif damage == 'secret':  # the flag of encrypted files, in both places
        data[6] |= 1
        data[data.index(b'PK\1\2') + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r'x\.zip: .*expected .*again'):
        list(read_cvat(path, MaskClasses(('background', 'cat'))))


READERS = {
    'manifest': (lambda path: Manifest(path, path.parent), dict(outputs=[])),
    'trusted': (lambda path: check_mask_classes(path, ['a']),
                dict(mask_classes=5)),
    'targets': (_fiftyone, {'0': 7}),
    'digits': (_fiftyone, {'\u00b2': 'cat'}),
    'zeros': (_fiftyone, {'01': 'cat', '1': 'cat'}),
}


@pytest.mark.parametrize('content', [[], None, 'bad'])
@pytest.mark.parametrize('name', READERS)
def test_readers(tmp_path, name, content):
    read, bad = READERS[name]
    path = tmp_path / 'x.json'
    path.write_text(json.dumps(bad if content == 'bad' else content))
    with pytest.raises(ValueError, match=r'\.json: .*expected'):
        read(path)
