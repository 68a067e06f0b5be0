"""Data that does not fit is refused: nothing is cut, merged or dropped."""
import json
import os
from collections import defaultdict
from unittest import mock

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from hsc_converters.new_configs import write_configs
from hsc_converters.new_dataset import NewDataset
from hsc_converters.saliency import write_maps
from hsc_mm.datasets import ImageLabelDataset, VOCImageLabelDataset
from hsc_mm.datasets.label_folders import read_label_folders
from hsc_mm.datasets.labels import read_labels
from hsc_mm.datasets.transforms import (
    LoadAuxMaps,
    LoadPseudoLabel,
    pseudo_label,
)
from hsc_mm.evaluation.mask_metric import write_seed
from hsc_mm.inference.class_names import class_names
from hsc_mm.inference.inputs import ImageInput, list_inputs
from hsc_mm.pseudo_labels.folder import MANIFEST, PseudoLabelFolder
from hsc_mm.utils import (
    atomic_write_bytes,
    read_image,
    read_index_png,
    read_json,
    to_mask_indices,
    voc_palette,
    write_index_png,
)
from hsc_mm.utils.paths import MARKER

NAMES = [f's{k:03d}' for k in range(301)]


@pytest.mark.parametrize(('text', 'said'), [
    ('{"a": 1, "a": 1}', r'.*"a" twice'),
    ('{"images": {"x": ["cat"], "y": ["dog"], "x": ["dog"]}}', '.*"x" twice'),
    ('[{"k": {"b": [], "b": []}}]', '.*"b" twice'),
    ('[' * 9999, ': expected'), ('{"images": ' + '9' * 5000, ': expected'),
], ids=['top', 'middle', 'deep', 'brackets', 'digits'])
def test_json_that_would_be_read_otherwise_is_refused(tmp_path, text, said):
    path = tmp_path / 'labels.json'
    path.write_text(text)
    with pytest.raises(ValueError, match=rf'labels\.json{said}'):
        read_json(path)


@pytest.mark.parametrize('other', [
    'ca\u0301t', 'C\u00c1T', 'c\u00e1\u200bt', ' c\u00e1t', '\ufeffc\u00e1t'])
def test_names_that_look_the_same_are_one_class(tmp_path, other):
    path = tmp_path / 'labels.json'
    path.write_text(json.dumps(dict(images=dict(a=['c\u00e1t'], b=[other]))))
    assert len(read_labels(path).classes) == 1


@pytest.mark.parametrize('name', ['a\0b', 'a\x1bb', '\ud800', 'a\x7f'])
def test_names_that_are_no_text_are_refused(tmp_path, name):
    path = tmp_path / 'labels.json'
    path.write_text(json.dumps(dict(images=dict(a=['cat', name]))))
    with pytest.raises(ValueError, match=r'labels\.json: .*classes as text'):
        read_labels(path)
    path.write_text(json.dumps(dict(images={name: ['cat']})))
    with pytest.raises(ValueError, match=r'control characters or is not UTF'):
        ImageLabelDataset(str(path), data_prefix=dict(img_path=str(tmp_path)))


@pytest.mark.parametrize('key', ['clases', 'class', 'image', 'Images'])
def test_misspelt_keys_of_labels_are_refused(tmp_path, key):
    path = tmp_path / 'labels.json'
    path.write_text(json.dumps({'images': dict(a=['cat']), key: ['cat']}))
    with pytest.raises(ValueError, match=f'found "{key}". Is "'):
        read_labels(path)


def test_records_of_another_kind_are_named(tmp_path):
    folder = PseudoLabelFolder(tmp_path / 'p', dict(a=1))
    mine = folder.path / '.mine.tmp'
    for name in ('.mine.tmp', '.x.png.123.tmp'):
        (folder.path / name).write_text('x')
    folder.finish([])
    assert [*folder.path.rglob('*.tmp')] == [mine]
    (tmp_path / 'p' / MANIFEST).write_text('[]')
    with pytest.raises(ValueError, match=r'\.json: expected a JSON dict'):
        PseudoLabelFolder(tmp_path / 'p', dict(a=1))


def test_what_a_provider_raises_is_told_for_its_image(tmp_path):
    Image.new('RGB', (8, 8)).save(tmp_path / 'a.png')
    run = write_maps([ImageInput('a', str(tmp_path / 'a.png'))],
                     lambda rgb: 1 / 0, tmp_path / 'out')
    assert run.failures == [
        f'{tmp_path}/a.png: the provider failed, ZeroDivisionError: '
        'division by zero']


def test_masks_as_jpeg_are_refused(tmp_path):
    Image.new('L', (8, 8)).save(tmp_path / 'm.png', 'JPEG')
    with pytest.raises(ValueError, match=r'm\.png: .*found a JPEG'):
        read_index_png(tmp_path / 'm.png')


def test_files_that_are_not_predicted_are_named(tmp_path):
    Image.new('L', (8, 8)).save(tmp_path / 'a.png')
    for name in ('b.heic', '.c.png', 'a.mask.png'):
        (tmp_path / name).write_bytes(b'')
    (tmp_path / 'd.jpg').symlink_to('nowhere')
    os.mkfifo(tmp_path / 'e.png')
    left_out = defaultdict(list)
    found = list_inputs(str(tmp_path), left_out)
    assert [one.name for one in found] == ['a', 'e']
    assert {why: len(names) for why, names in left_out.items()} == {
        'hidden': 1, 'links to nothing': 1, 'not read, .heic': 1,
        'named like predictions': 1}
    with pytest.raises(ValueError, match='found a pipe'):
        found[1].read(read_image)


@pytest.mark.parametrize('content', [None, b'', b'text'])
def test_new_dataset_looks_at_its_weights(tmp_path, content):
    weights = tmp_path / 'w.pth'
    if content is not None:
        weights.write_bytes(content)
    new = NewDataset(str(tmp_path / 'pictures'), weights=str(weights))
    with pytest.raises((OSError, ValueError), match=r'w\.pth: '):
        write_configs(new, tmp_path / 'out', tmp_path)
    assert not (tmp_path / 'out').exists()
    with pytest.raises(ValueError, match='--out: expected a folder'):
        write_configs(new, '', tmp_path)


@pytest.mark.parametrize('length', [255, 190])
def test_long_names_are_written(tmp_path, length):
    path = tmp_path / ('\u00e9' * (length // 2) + 'x' * (length % 2))
    atomic_write_bytes(path, b'whole')
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b'whole']


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


@pytest.mark.parametrize(('more', 'expected'), [
    (dict(), [0, 1, 2]), (dict(reduce_zero_label=False), [0, 1, 2]),
    (dict(reduce_zero_label=True), [1, 2, 3]),
    (dict(reduce_zero_label=True, label_map={5: 0, 3: 1, 4: 255, 9: 2}),
     [6, 4, 10])])
def test_masks_that_begin_at_1_are_predicted_so(more, expected):
    meta = dict(classes=('wall', 'sky', 'tree'), **more)
    names = class_names({}, dict(meta=dict(dataset_meta=meta)))
    assert names.mask_indices(np.arange(3)).tolist() == expected


def test_data_sets_of_mmseg_say_that_masks_begin_at_1():
    for dataset, first in (
            (dict(type='mmseg.ADE20KDataset'), 1),
            (dict(type='mmseg.ADE20KDataset', reduce_zero_label=False), 0),
            (dict(type='mmseg.PascalVOCDataset'), 0)):
        cfg = Config(dict(test_dataloader=dict(dataset=dataset)))
        names = class_names(cfg, {})
        assert names.mask_indices(np.arange(1)).tolist() == [first]


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


def test_what_a_command_left_among_classes_is_no_class(tmp_path):
    for number, name in enumerate((
            'cat/a.png', 'dog/b.png', 'cat/predictions/a.mask.png',
            'out/a.overlay.png', '20990101_000000/vis_data/x/c.png',
            'labels/d.png', 'dog/mine.mask.png')):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_index_png(path, np.full((9, 9), number, np.uint8),
                        voc_palette())
    (tmp_path / 'labels' / 'pseudo_labels.json').write_text('{}')
    for folder, name in (('cat', 'predictions/a.mask.png'),
                         ('out', 'a.overlay.png')):
        (tmp_path / folder / MARKER).write_text(json.dumps(name) + '\n')
    found = read_label_folders(tmp_path)
    assert found.classes == ['cat', 'dog']
    assert set(found.images) == {'cat/a.png', 'dog/b.png',
                                 'dog/mine.mask.png'}
    note, = (n for n in found.notes if n.what == 'written by hsc_mm')
    assert len(note.names) == 4


@pytest.mark.parametrize('level', [0, 1, 2])
def test_maps_of_zeros_and_ones_are_refused(tmp_path, level):
    infos = []
    for number in range(2):
        path = tmp_path / f'{number}.png'
        Image.fromarray(np.eye(9, dtype=np.uint8) * level).save(path)
        infos.append(dict(aux_maps=dict(saliency=dict(path=str(path)))))
    loader = LoadAuxMaps()
    if level > 1:
        loader.scan(infos)
        return
    with pytest.raises(ValueError, match='found none above 1 in 2 maps'):
        loader.scan(infos)


def test_pseudo_labels_without_a_class_are_told(shared_voc, tmp_path):
    dataset = VOCImageLabelDataset(
        str(shared_voc), 'ImageSets/Segmentation/train.txt',
        label_file='image_labels.json', test_mode=True)
    infos = [dataset.get_data_info(i) for i in range(2)]
    for info in infos:
        shape = read_index_png(shared_voc / 'SegmentationClass' /
                               f'{info["img_id"]}.png').shape
        write_index_png(tmp_path / f'{info["img_id"]}.png',
                        np.zeros(shape, np.uint8), voc_palette())
    with mock.patch.object(pseudo_label, 'print_log') as told:
        LoadPseudoLabel(str(tmp_path)).scan(infos)
    assert 'none of the 2 labels' in told.call_args.args[0]
