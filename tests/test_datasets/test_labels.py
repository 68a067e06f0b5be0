import csv
import errno
import gzip
import io
import json
import os
import zipfile
from itertools import combinations

import cv2
import numpy as np
import pytest

from hsc_converters.voc import collect_labels
from hsc_mm.cli.errors import explain
from hsc_mm.datasets import VOCImageLabelDataset, id_checks
from hsc_mm.datasets.class_names import note_lines
from hsc_mm.datasets.id_checks import check_ids
from hsc_mm.datasets.labels import (
    read_label_folders,
    read_label_json,
    read_label_table,
    read_labels,
    read_list,
    read_voc_list,
    read_voc_xml,
)
from hsc_mm.utils import voc_palette, write_index_png
from hsc_mm.utils.outputs import claim, claim_folder


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_three_forms_say_the_same(tmp_path):
    images = {'a/x.jpg': ['cat'], 'b/y.jpg': ['cat', 'dog']}
    backslashes = {name.replace('/', '\\'): labels
                   for name, labels in images.items()}
    from_json = read_labels(_write(tmp_path / 'l.json', json.dumps(
        dict(classes=['cat', 'dog'], images=backslashes))))
    from_csv = read_labels(
        _write(tmp_path / 'l.csv',
               'image,labels\na/x.jpg,cat\nb/y.jpg, cat ; dog\n'))
    assert from_json == from_csv
    assert from_csv.classes == ['cat', 'dog']
    assert from_csv.images == images


def test_annotations_of_coco_as_image_labels(tmp_path):
    names = 'a/x.jpg', 'b/y.png', 'z.jpg'
    content = dict(
        images=[dict(id=n, file_name=name, height=4, width=5)
                for n, name in enumerate(names)],
        categories=[dict(id=7, name='dog'), dict(id=3, name='cat')],
        annotations=[dict(id=n, image_id=image, category_id=category)
                     for n, (image, category) in enumerate(
                         [(0, 7), (1, 7), (1, 3), (1, 7), (9, 3)])])
    path = _write(tmp_path / 'l.json', json.dumps(content))
    labels = read_labels(path)
    assert labels.classes == ['cat', 'dog']
    assert labels.images == {
        'a/x': ['dog'], 'b/y.png': ['cat', 'dog'], 'z': []}
    assert labels.notes[0].what == 'annotations left out'
    assert 'image 9 is not listed' in labels.notes[0].names[0]
    as_text = [dict(one, image_id=str(one['image_id']))
               for one in content['annotations'][1:]]
    _write(path, json.dumps(dict(content, annotations=[
        content['annotations'][0], *as_text])))
    assert "image '1' is not listed" in read_labels(path).notes[0].names[0]
    _write(path, json.dumps(content))
    for area in (None, float('nan'), '12'):
        of = [dict(one, area=area) for one in content['annotations']]
        _write(path, json.dumps(dict(content, annotations=of)))
        assert read_labels(path) == labels
    for size in ({}, dict(height=None, width=None), dict(height=0, width=0)):
        bare = [dict(id=one['id'], file_name=one['file_name'], **size)
                for one in content['images']]
        _write(path, json.dumps(dict(content, images=bare)))
        assert read_labels(path) == labels


def _coco(path, files, categories, pairs):
    """Write an instances JSON; pairs are image and place of a category."""
    return _write(path, json.dumps(dict(
        images=[dict(id=n, file_name=name, height=4, width=5)
                for n, name in enumerate(files)],
        categories=[dict(id=n, name=name)
                    for n, name in enumerate(categories)],
        annotations=[dict(id=n, image_id=image, category_id=category)
                     for n, (image, category) in enumerate(pairs)])))


def test_names_of_pictures_in_annotations_of_coco(tmp_path):
    files = ('a.jpg', 'x.png.jpg', 'y.jpg.jpg', 'z.JPG', 'sub\\e.jpg')
    path = _coco(tmp_path / 'l.json', files, ['cat'], [(0, 0)])
    assert set(read_labels(path).images) == {
        'a', 'x.png.jpg', 'y.jpg.jpg', 'z.JPG', 'sub/e'}
    _coco(path, ['a.jpg', 'a.png'], ['cat'], [(0, 0)])
    with pytest.raises(ValueError, match=r"image 1, 'a.png', has the name of "
                       r"'a.jpg', but for its suffix"):
        read_labels(path)
    for wrong in ('..\\a.jpg', 'sub\\..\\..\\a.jpg', '\\a.jpg'):
        _coco(path, [wrong], ['cat'], [(0, 0)])
        with pytest.raises(ValueError, match='below the image folder'):
            read_labels(path)
    path.write_text(path.read_text().replace('"\\\\a.jpg"', '5'))
    with pytest.raises(ValueError, match='an entry has another form'):
        read_labels(path)


@pytest.mark.parametrize('word', ['none', 'Normal', 'background', 'NaN',
                                  'N/A'])
def test_categories_of_coco_that_mean_no_class(tmp_path, word):
    files, categories = ['a.jpg', 'b.jpg', 'c.jpg'], ['cat', word, 'dog']
    path = _coco(tmp_path / 'l.json', files, categories, [(0, 2), (1, 1)])
    for pairs in ([(0, 2), (1, 1)], [(0, 2)]):
        _coco(path, files, categories, pairs)
        found = read_labels(path)
        assert found.classes == ['cat', 'dog']
        assert found.images == {'a': ['dog'], 'b': [], 'c': []}
    _coco(path, files, categories, [(0, 2), (0, 1)])
    with pytest.raises(ValueError, match=f'"{word}", which means no class'):
        read_labels(path)
    _coco(path, files, [*categories, *map(str, range(252))], [(0, 2)])
    assert len(read_labels(path).classes) == 254
    _coco(path, files, [*categories, *map(str, range(253))], [(0, 2)])
    with pytest.raises(ValueError, match=r'at most 254 classes .*found 255'):
        read_labels(path)


def test_class_folders_join_an_image_that_lies_in_two(tmp_path):
    for place in ('cat/1.jpg', 'cat/2.PNG', 'dog/2.PNG', 'dog/notes.txt'):
        _write(tmp_path / place, place[4:])
    labels = read_label_folders(tmp_path)
    assert labels.classes == ['cat', 'dog']
    assert labels.images == {'cat/1.jpg': ['cat'], 'cat/2.PNG': ['cat', 'dog']}
    assert [note.what for note in labels.notes] == [
        'one picture in several folders, used once with all labels',
        'not read, .txt']


def test_equal_names_are_no_equal_pictures(tmp_path):
    """Cameras number from 1 in each folder; copies have other names."""
    for place, content in (('cat/1.jpg', 'one'), ('dog/1.jpg', 'two'),
                           ('dog/b.jpg', 'six'), ('cow/c.jpg', 'six'),
                           ('dog/d.jpg', 'six!'), ('dog/e.jpg', 'six!'),
                           ('cat/big.bmp', 'a' * 200000 + 'b' + 'a' * 200000),
                           ('dog/big.bmp', 'a' * 200001 + 'a' * 200000)):
        _write(tmp_path / place, content)
    labels = read_label_folders(tmp_path)
    assert labels.images == {
        'cat/1.jpg': ['cat'], 'cat/big.bmp': ['cat'],
        'cow/c.jpg': ['cow', 'dog'], 'dog/1.jpg': ['dog'],
        'dog/big.bmp': ['dog'], 'dog/d.jpg': ['dog'], 'dog/e.jpg': ['dog']}
    assert [list(note) for note in labels.notes] == [
        ['one picture in several folders, used once with all labels',
         ['cow/c.jpg = dog/b.jpg']],
        ['copies in one folder, all used', ['dog/d.jpg = dog/e.jpg']]]


@pytest.mark.parametrize('names', [
    ('train', 'valid'), ('train2017', 'val2017'), ('Train', 'test_1', 'cat')])
def test_several_folders_of_splits_are_no_classes(tmp_path, names):
    for name in names:
        _write(tmp_path / name / f'{name}.jpg', name)
    with pytest.raises(ValueError, match=r'found the splits (\S+, )?\S+, '
                       r'\S+\. Name'):
        read_label_folders(tmp_path)


def test_one_folder_train_is_a_class(tmp_path):
    for name in ('train', 'bus', 'car'):
        _write(tmp_path / name / f'{name}.jpg', name)
    assert read_label_folders(tmp_path).classes == ['bus', 'car', 'train']


def test_what_a_folder_holds_besides_is_named(tmp_path):
    for place in ('cat/1.jpg', 'cat/.ipynb_checkpoints/1-checkpoint.jpg',
                  'cat/2.HEIC', 'cat/deep/er/3.jpg', '__MACOSX/cat/._1.jpg',
                  'cat/lost+found/9.jpg', '#recycle/7.jpg',
                  'cat/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg',
                  'dog/4.jpg', 'readme.txt'):
        _write(tmp_path / place, place)
    (tmp_path / 'dog' / 'linked').symlink_to(tmp_path / 'cat')
    (tmp_path / 'dog' / 'gone.jpg').symlink_to(tmp_path / 'nowhere.jpg')
    labels = read_label_folders(tmp_path)
    assert sorted(labels.images) == ['cat/1.jpg', 'cat/deep/er/3.jpg',
                                     'dog/4.jpg']
    assert {what: len(names) for what, names in labels.notes} == {
        'in sub-folders of a class folder': 1, 'hidden': 5,
        'not read, .heic': 1, 'in no class folder': 1,
        'links to folders, which are not followed': 1, 'links to nothing': 1}
    _write(tmp_path / 'cow' / '5.HEIC', '')
    with pytest.raises(ValueError, match=r'cow: expected images of the class '
                       r'"cow".*found not read, \.heic'):
        read_label_folders(tmp_path)


def test_what_was_written_among_the_pictures_is_no_picture(tmp_path):
    _write(tmp_path / 'cat' / '1.jpg', 'a cat')
    _write(claim(tmp_path, 'cat/1.png'), 'its map')
    found = read_labels(tmp_path)
    assert list(found.images) == ['cat/1.jpg']
    assert ['written by hsc_mm', [str(tmp_path / 'cat' / '1.png')]] in [
        list(note) for note in found.notes]


@pytest.mark.parametrize('name', ['pseudo_labels.json', 'trusted_masks.json',
                                  'imported_seeds.json', None])
def test_folders_of_ours_are_no_classes(tmp_path, name):
    for place in ('cat/1.jpg', 'dog/2.jpg'):
        _write(tmp_path / place, place)
        mask = 'out/' + place.replace('jpg', 'png')
        if name is None:    # maps, an export: a list of what was written
            claim(tmp_path / 'out', mask[4:])
        _write(tmp_path / mask, mask)
    if name:
        _write(tmp_path / 'out' / name, '{}')
    found = read_labels(tmp_path)
    assert found.classes == ['cat', 'dog']
    assert 'written by hsc_mm' in [note.what for note in found.notes]


def test_outputs_below_class_folders_are_no_pictures(tmp_path):
    root, far = tmp_path / 'root', tmp_path / 'far'
    for place in (root / 'cat/1.jpg', root / 'dog/2.jpg', far / '3.jpg'):
        _write(place, place.name)
    (root / 'linked').symlink_to(far)
    _write(claim(far, 'sheet.jpg'), 'a sheet of others')
    _write(claim(root / 'cat' / 'looks', 'worst.jpg'), 'a sheet')
    _write(claim_folder(root / 'cat' / 'figs') / 'grid.png', 'a figure')
    _write(claim_folder(root / 'dog' / 'a' / 'b') / 'c' / 'x.png', 'x')
    claim_folder(root / 'lab')  # what wrote into it has failed
    _write(claim(root / 'js', 'doctor.json'), '{}')
    found = read_labels(root)
    assert list(found.images) == ['cat/1.jpg', 'dog/2.jpg', 'linked/3.jpg']
    note, = (note for note in found.notes if note.what == 'written by hsc_mm')
    assert sorted(note.names) == [str(root / name) for name in (
        'cat/figs', 'cat/looks/worst.jpg', 'dog/a/b', 'js/doctor.json',
        'lab', 'linked/sheet.jpg')]


def test_a_folder_that_cannot_be_read_is_not_passed_over(tmp_path,
                                                         monkeypatch):
    _write(tmp_path / 'cat' / '1.jpg', 'a cat')
    _write(tmp_path / 'cat' / 'closed' / '2.jpg', 'another')
    scandir = os.scandir

    def guarded(path):
        if os.fspath(path).endswith('closed'):
            raise PermissionError(errno.EACCES, 'Permission denied', str(path))
        return scandir(path)

    monkeypatch.setattr(os, 'scandir', guarded)
    with pytest.raises(PermissionError) as info:
        read_labels(tmp_path)
    assert explain(info.value)[0].startswith(
        f'{tmp_path / "cat" / "closed"}: permission denied.')


def test_folders_of_splits_are_no_classes(tmp_path):
    for place in ('train/cat/1.jpg', 'train/dog/2.jpg', 'val/cat/1.jpg'):
        _write(tmp_path / place, place)
    with pytest.raises(ValueError, match=r'found "train", which holds '
                       r'folders itself\. Name .*train'):
        read_label_folders(tmp_path)
    assert read_label_folders(tmp_path / 'train').classes == ['cat', 'dog']
    _write(tmp_path / 'voc' / 'train' / '1.jpg', 'a class of engines')
    assert read_label_folders(tmp_path / 'voc').classes == ['train']


@pytest.mark.parametrize('name', ['_none', 'Normal', 'Background'])
def test_an_empty_folder_of_no_class_is_no_class(tmp_path, name):
    _write(tmp_path / 'cat' / 'a.png', 'cat')
    (tmp_path / name).mkdir()
    found = read_label_folders(tmp_path)
    assert (found.classes, found.images) == (['cat'], {'cat/a.png': ['cat']})
    assert [(note.what, note.names) for note in found.notes] == [(
        'empty folders of pictures without a class', [str(tmp_path / name)])]
    (tmp_path / name / '.DS_Store').touch()
    assert read_label_folders(tmp_path).classes == ['cat']
    # What lies there and is not read would be lost.
    (tmp_path / name / 'b.heic').touch()
    with pytest.raises(ValueError, match=r'expected images that show no class '
                       r'.*found hidden; not read, \.heic\. Convert them'):
        read_label_folders(tmp_path)


def test_an_empty_class_folder_is_refused(tmp_path):
    _write(tmp_path / 'cat' / 'a.png', 'cat')
    (tmp_path / 'dog').mkdir()
    with pytest.raises(ValueError, match=r'images of the class "dog" .*, found'
                       r' none\. Put some there, or remove the folder'):
        read_label_folders(tmp_path)


@pytest.mark.parametrize(('folder', 'none'), [
    ('_none', ()), ('Normal', ('none', 'normal')), ('good', ('good', ))])
def test_a_folder_of_pictures_that_show_no_class(tmp_path, folder, none):
    _write(tmp_path / 'crack' / '1.jpg', 'crack')
    _write(tmp_path / folder / '2.jpg', 'nothing')
    labels = read_labels(tmp_path, none)
    assert labels.classes == ['crack']
    assert labels.images == {'crack/1.jpg': ['crack'], f'{folder}/2.jpg': []}
    _write(tmp_path / folder / '3.jpg', 'crack')
    with pytest.raises(ValueError, match='without a class and in that of') \
            as found:
        read_labels(tmp_path, none)
    assert f'crack/1.jpg = {folder}/3.jpg' in str(found.value) or \
        f'{folder}/3.jpg = crack/1.jpg' in str(found.value)


@pytest.mark.parametrize(('text', 'expected'), [
    ('x.jpg,cat;dog\ny.jpg,\nz.jpg,None\n', None),
    ('x.jpg,"cat,dog"\ny.jpg,normal\nz.jpg,\n', None),
    ('x.jpg,cat;dog\ny.jpg,NaN\nz.jpg,nan\n', None),
    ('x.jpg,cat|dog\r\ny.jpg,""\r\nz.jpg,BACKGROUND\r\n', None),
    ('\ufefffile;tags\nx.jpg;cat,dog\ny.jpg;\nz.jpg;\n', None),
    ('x.jpg\tcat;dog\ny.jpg\t\nz.jpg\t\n', None),
    ('id,cat,dog,normal\nx,1,1,0\ny,0,0,1\nz,0,0,0\n', ['x', 'y', 'z']),
    ('path,size,labels\nx.jpg,7,cat dog\ny.jpg,8,cat\nz.jpg,9,dog\n',
     dict(y=['cat'], z=['dog'])),
    ('x.jpg,Cat;dog\ny.jpg,cat\nz.jpg, cat ;d og\nw.jpg,dog\n',
     dict(y=['cat'], z=['cat', 'dog'], w=['dog'])),
    ('x.jpg,cat;dog\ny.jpg,\u200b\nz.jpg,\ufeff\n', None),
    (',image,tags\n0,x.jpg,"[\'cat\', ""dog""]"\n1,y.jpg,[]\n2,z.jpg,\n',
     None),
    ('image,tags\nx.jpg,"(\'cat\', \'dog\')"\ny.jpg,()\nz.jpg,\n', None),
    ('image,tags\nx.jpg,"{\'cat\', \'dog\'}"\ny.jpg,set()\nz.jpg,{}\n', None),
    ('image,tags\nx.jpg,"(\'cat\', \'dog\')"\ny.jpg,"(\'cat\',)"\n'
     'z.jpg,"frozenset({\'dog\'})"\n', dict(y=['cat'], z=['dog'])),
    ('image,tags\nx.jpg,"[\'cat\' \'dog\']"\ny.jpg,[]\nz.jpg,\n', None),
    ('image,tags\nx.jpg,"{cat, dog}"\ny.jpg,{cat}\nz.jpg,[dog]\n',
     dict(y=['cat'], z=['dog'])),
    ('image,tags\nx.jpg,"[[""cat"", ""dog""]]"\ny.jpg,[[]]\nz.jpg,\n', None),
    ('label;path\ncat|dog;x.jpg\n;y.jpg\nnone;z.jpg\n', None),
    ('cat,dog,file,\n1,1,x.jpg,7\n0,0,y.jpg,8\n0,0,z.jpg,9\n', None),
    ('image,cat,dog,\nx.jpg,1,1,\ny.jpg,0,0,\nz.jpg,0,0,\n', None),
    ('image,,cat,dog\nx.jpg,,1,1\ny.jpg,,0,0\nz.jpg,,0,0\n', None),
    ('image;labels;;\nx.jpg;cat,dog;;\ny.jpg;;;\nz.jpg;;;\n', None),
    ('sep=;\nimage;tags\nx.jpg;cat,dog\ny.jpg;\nz.jpg;NA\n', None),
    ('x.jpg,cat;dog\ny.jpg,N/A\nz.jpg,n / a\n', None),
    ('x.jpg\tcat|dog\ny.jpg\t#N/A\nz.jpg\t<NA>\n', None),
    ('image,labels\nx.jpg,cat|dog\ny.jpg,NULL\nz.jpg,null\n', None),
    ('image,cat,dog\nx.jpg,1,1\ny.jpg,0,N/A\nz.jpg,#n/a,NULL\n', None),
    ('sep=|\r\nx.jpg|cat;dog\r\ny.jpg|NA\r\nz.jpg|\r\n', None),
    ('Image Name;Label\nx;cat,dog\ny;\nz;NA\n', ['x', 'y', 'z']),
    ('Image_Index,cat,dog\nx,1,1\ny,0,NA\nz,0,0\n', ['x', 'y', 'z']),
    ('a\\x.jpg,cat\na\\y.jpg,dog\n', {'a/x': ['cat'], 'a/y': ['dog']}),
    ('image, labels\nx.jpg, "cat, dog"\ny.jpg, ""\nz.jpg, "none"\n', None),
    ('image; labels\nx.jpg; "cat; dog"\ny.jpg; ""\nz.jpg; \n', None),
])
def test_tables_as_people_write_them(tmp_path, text, expected):
    path = tmp_path / 'l.csv'
    path.write_bytes(text.encode())
    labels = read_label_table(path)
    assert labels.classes == ['cat', 'dog']
    ids = expected if isinstance(expected, list) else [
        'x.jpg', 'y.jpg', 'z.jpg']
    wanted = {i: [] for i in ids}
    if isinstance(expected, dict):
        wanted = {f'{k}.jpg': v for k, v in expected.items()}
        ids = [] if 'a/x' in expected else ids
    assert labels.images == {**wanted, **{i: ['cat', 'dog'] for i in ids[:1]}}


@pytest.mark.parametrize('cell', [
    '[["cat"], ["dog"]]', "(('cat',), ('dog',))", '{{cat}, {dog}}',
    "['cat'] ['dog']", '(cat, dog)', "array(['cat', 'dog'], dtype=object)",
    'cat; dog (small, brown)', "{'cat': 1, 'dog': 0}", '{"cat" : 1}'])
def test_a_cell_whose_brackets_do_not_fit_is_refused(tmp_path, cell):
    path = tmp_path / 'l.csv'
    with open(path, 'w', newline='') as file:
        csv.writer(file).writerows([('image', 'labels'), ('a.jpg', 'cat'),
                                    ('b.jpg', cell)])
    with pytest.raises(ValueError, match='line 3: expected names') as error:
        read_labels(path)
    assert str(path) in str(error.value)
    assert f'found {cell!r}' in str(error.value)


@pytest.mark.parametrize(('text', 'images'), [
    ('a.jpg,"[""cat, big"", \'dog; x\']"\nb.jpg,"[\'a|b\']"\n',
     {'a.jpg': ['cat, big', 'dog; x'], 'b.jpg': ['a|b']}),
    ('"a,1.jpg",cat;dog\n"b.jpg",dog\n',
     {'a,1.jpg': ['cat', 'dog'], 'b.jpg': ['dog']}),
    ('"a;1.jpg",cat\nb.jpg,dog\n', {'a;1.jpg': ['cat'], 'b.jpg': ['dog']}),
    ('"a, 1.jpg";cat\nb.jpg;dog\n', {'a, 1.jpg': ['cat'], 'b.jpg': ['dog']}),
])
def test_what_stands_in_quotes_is_one_name(tmp_path, text, images):
    path = _write(tmp_path / 'l.csv', text)
    assert read_label_table(path).images == images


@pytest.mark.parametrize('text', [
    'image;labels\na, 1.jpg;cat\nb, 2.jpg;dog\n',
    'a, 1.jpg;cat\nb, 2.jpg;dog\n',
    'image\tlabels\na, 1.jpg\tcat\nb, 2.jpg\tdog\n',
    'image;cat;dog\na, 1.jpg;1;0\nb, 2.jpg;0;1\n',
    'labels;image\ncat;a, 1.jpg\ndog;b, 2.jpg\n',
    'mask;image;labels\na.png;a, 1.jpg;cat\nb.png;b, 2.jpg;dog\n',
])
def test_a_separator_in_the_name_of_a_picture_parts_nothing(tmp_path, text):
    assert read_label_table(_write(tmp_path / 'l.csv', text)).images == {
        'a, 1.jpg': ['cat'], 'b, 2.jpg': ['dog']}


@pytest.mark.parametrize(('none', 'other'), [
    ('No Finding', 'Mass'), ('good', 'scratch'), ('-', 'dog')])
def test_a_class_that_people_call_no_defect_is_said(tmp_path, none, other):
    path = _write(tmp_path / 'l.csv',
                  f'image,label\na.jpg,{none}\nb.jpg,{other}\n')
    note = 'classes that may mean "shows none" (if so: --none)', [f'"{none}"']
    assert read_labels(path).notes == (note, )
    assert read_labels(path, none=[none]).classes == [other]


def test_columns_and_lists_of_classes_are_doubted_too(tmp_path):
    """A column for each class is the form of plant and tissue labels."""
    columns = _write(tmp_path / 'l.csv', 'image_id,healthy,rust,scab\n'
                     'a.jpg,1,0,0\nb.jpg,0,1,0\nc.jpg,0,0,1\n')
    listed = _write(tmp_path / 'l.json', json.dumps(dict(
        classes=['healthy', 'rust', 'rust/scab'],
        images=dict(a=['healthy'], b=['rust'], c=['rust/scab']))))
    for path in (columns, listed):
        labels = read_labels(path)
        assert labels.notes == ((
            'classes that may mean "shows none" (if so: --none)',
            ['"healthy"']), )
        assert len(labels.classes) == 3


def test_a_column_of_masks_is_none_of_images(tmp_path):
    rows = ''.join(f'000{n},000{n}_mask.png,dent\n' for n in range(3))
    path = _write(tmp_path / 'l.csv', f'image_id,mask,label\n{rows}')
    assert read_labels(path).images == {
        f'000{n}': ['dent'] for n in range(3)}
    path = _write(tmp_path / 'm.csv', 'mask,image,label\n'
                  'a_mask.png,a.png,dent\nb_mask.png,b.png,hole\n')
    assert read_labels(path).images == {'a.png': ['dent'],
                                        'b.png': ['hole']}


def test_a_picture_of_a_class_and_of_none_names_both_files(tmp_path):
    for place, content in (('_none/IMG_77.png', 'a'), ('dent/3.png', 'a'),
                           ('_none/IMG_78.png', 'b'), ('hole/4.png', 'b'),
                           ('dent/5.png', 'c')):
        _write(tmp_path / place, content)
    with pytest.raises(ValueError, match='2 problem') as found:
        read_label_folders(tmp_path)
    for pair in ('_none/IMG_77.png = dent/3.png',
                 '_none/IMG_78.png = hole/4.png'):
        assert pair in str(found.value)


@pytest.mark.parametrize('several', [
    'cat/dog', 'cat+dog', 'cat & dog', 'cat and dog', 'cat\u3001dog'])
def test_a_class_that_may_be_several_is_said(tmp_path, several):
    path = _write(tmp_path / 'l.csv', 'image,label\n'
                  f'a.jpg,{several}\nb.jpg,cat\nc.jpg,dog\nd.jpg,polar bear\n')
    path_json = _write(tmp_path / 'l.json', json.dumps(dict(
        images=dict(a=[several], b=['cat'], c=['dog'], d=['polar bear']))))
    for source in (path, path_json):
        labels = read_labels(source)
        assert several in labels.classes
        (what, names), = labels.notes
        assert what.startswith('classes that may be several in one')
        assert names == [f'"{several}"']


def test_combinations_of_a_few_words_may_be_several_classes(tmp_path):
    words = ('clear', 'primary', 'water', 'road')
    rows = [f'{i}.jpg,{a} {b}' for i, (a, b) in enumerate(
        combinations(words, 2))]
    path = _write(tmp_path / 'l.csv', '\n'.join(['image,tags', *rows]))
    (what, names), = read_labels(path).notes
    assert what.startswith('classes that may be several in one')
    assert len(names) == 6
    path = _write(tmp_path / 'm.csv', 'image,label\na.jpg,polar bear\n'
                  'b.jpg,brown bear\nc.jpg,black bear\n')
    assert read_labels(path).notes == ()


@pytest.mark.parametrize(('yes', 'no'), [
    ('1', '0'), ('1.0', '0.0'), ('Yes', 'No'), ('True', 'False')])
def test_a_class_that_may_mean_nothing_is_said(tmp_path, yes, no):
    path = _write(tmp_path / 'l.csv',
                  f'image,label\na.jpg,{yes}\nb.jpg,{no}\n')
    _write(tmp_path / 'l.json', json.dumps(dict(
        images=dict(a=[yes], b=[no]))))
    for name in (yes, no):
        (tmp_path / 'folders' / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / 'folders' / name / f'{name}.jpg'),
                    np.full((8, 8, 3), 99 * (name == no), np.uint8))
    note = 'classes that may mean "shows none" (if so: --none)', [f'"{no}"']
    for source in (path, path.with_suffix('.json'), tmp_path / 'folders'):
        labels = read_labels(source)
        assert sorted(labels.classes) == sorted([yes, no])
        assert note in labels.notes
        found = read_labels(source, (no, ))
        assert found.classes == [yes] and note not in found.notes
    path.write_text('a.jpg,0\nb.jpg,1\nc.jpg,2\n')  # names of digits
    assert read_label_table(path).notes == ()


@pytest.mark.parametrize('end', ['\n', '\r\n', '\r', '\n\n'])
def test_a_line_break_in_a_cell_parts_names(tmp_path, end):
    path = tmp_path / 'l.csv'
    path.write_bytes(f'a.jpg,"cat{end}hot dog{end}"\nb.jpg,cat\n'.encode())
    labels = read_label_table(path)
    assert labels == (['cat', 'hot dog'], {
        'a.jpg': ['cat', 'hot dog'], 'b.jpg': ['cat']}, ())


def test_blanks_part_names_only_where_they_must(tmp_path):
    path = _write(tmp_path / 'l.csv', 'a.jpg,haze\nb.jpg,haze primary\n'
                  'c.jpg,primary\nd.jpg,primary water\n')
    labels = read_label_table(path)
    assert labels.classes == ['haze', 'primary', 'water']
    assert labels.images['d.jpg'] == ['primary', 'water']
    assert labels.notes == (('names parted by blanks', ['haze primary']), )
    path.write_text('a.jpg,dog\nb.jpg,hot dog\nc.jpg,traffic light\n')
    assert read_label_table(path).classes == ['dog', 'hot dog',
                                              'traffic light']


def test_only_a_cell_of_na_alone_means_no_class(tmp_path):
    path = _write(tmp_path / 'l.csv', 'a.jpg,NA\nb.jpg,na\nc.jpg,NA;cat\n'
                  'd.jpg,cat\n')
    labels = read_label_table(path)
    assert labels.classes == ['NA', 'cat']
    assert labels.images['a.jpg'] == []
    assert labels.notes[0] == ('cells that mean no class', ['"NA"'])


@pytest.mark.parametrize('word', ['N/A', 'n/a', '#N/A', '<NA>', 'NULL', 'nan'])
def test_what_programs_write_for_nothing_is_no_class_and_said(tmp_path, word):
    rows = f'a.jpg,{word}\nb.jpg,cat\n'
    labels = read_label_table(_write(tmp_path / 'l.csv', rows))
    assert labels.classes == ['cat']
    assert labels.notes == (('names that mean no class', [f'"{word}"']), )
    path = _write(tmp_path / 'l.json', json.dumps(dict(
        images=dict(a=[word], b=['cat']))))
    assert read_labels(path, ()) == (
        ['cat'], dict(a=[], b=['cat']), labels.notes)
    _write(tmp_path / 'l.csv', f'{rows}c.jpg,cat;{word}\n')
    with pytest.raises(ValueError, match=f'"c.jpg" has the label "{word}", '
                       'which means no class, and "cat"'):
        read_label_table(tmp_path / 'l.csv')
    _write(tmp_path / 'l.csv', f'image,cat\na.jpg,{word}\nb.jpg,1\n')
    labels = read_label_table(tmp_path / 'l.csv')
    assert labels == (['cat'], {'a.jpg': [], 'b.jpg': ['cat']}, (
        ('cells read as 0', [f'"{word}"']), ))


@pytest.mark.parametrize(('text', 'message'), [
    ('image,crack\na.jpg,1\nb.jpg,0.1\n',
     r'line 3: expected 0 or 1 under "crack", found 0\.1\. Round scores'),
    ('image;crack\na.jpg;0,9\nb.jpg;1\n', 'line 2: .*"crack", found 0,9'),
    ('image,crack\na.jpg,1e-05\nb.jpg,NaN\n', '"crack", found 1e-05'),
    ('image,crack\na.jpg,-1\nb.jpg,1\n', '"crack", found -1'),
    ('image,cat,dog\na.jpg,1,0\nb.jpg,2,1\n', 'line 3: .*"cat", found 2'),
    ('image;cat;dog\na.jpg;1;0,0\nb.jpg;0,0;1\n', '"dog", found 0,0'),
    ('x.jpg,cat\ny.jpg,cat,dog\n', 'line 2: .*found 3 columns'),
    ('x.jpg,cat\nx.jpg,dog\n', 'line 2: .*second time'),
    ('x.jpg,cat\ny.jpg,cat\nx.jpg,dog\n', 'line 3: .*, first in line 1'),
    ('sep=;\na.jpg;cat\na.jpg;dog\n', 'line 3: .*second time'),
    ('id,left,top\nx,1,0\nx,0,1\n', 'line 3: .*, first in line 2'),
    ('id,labels,size\nx,cat,1\nx,cat,2\n', 'line 3: .*, first in line 2'),
    ('x.jpg,1,2,3,4,cat\n,1,2,3,4,dog\n', 'line 2: .*found an empty cell'),
    # No boxes: 0 and 1, or scores, of five classes.
    ('x.jpg,0,1,0,1,0\ny.jpg,1,0,0,1,1\n', 'found 6 columns'),
    ('x.jpg,.1,.9,.3,.2,6e-1\ny.jpg,1,0,0,1,\n', 'found 6 columns'),
    ('id,LabelName,Confidence\nx,cat,0\n', 'line 1: expected two columns'),
])
def test_bad_csv_names_the_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_label_table(_write(tmp_path / 'l.csv', text))


@pytest.mark.parametrize(('text', 'classes'), [
    ('image,label\na.jpg,1.0\nb.jpg,2.0\n', ['1.0', '2.0']),
    ('image,size,label\na.jpg,7,3\nb.jpg,8,12\n', ['12', '3']),
    ('a.jpg,3\nb.jpg,12\n', ['12', '3']),
    ('image,crack\na.jpg,1\nb.jpg,NaN\n', ['crack']),
    ('image,finding\na.jpg,3\nb.jpg,big\n', ['3', 'big']),
    ('image,label,difficult\na.jpg,1,0\nb.jpg,0,0\n', ['0', '1']),
    ('image,class,split,truncated\na.jpg,0,1,0\nb.jpg,1,0,0\n', ['0', '1']),
    ('image,bottle,label,tag\na.jpg,0,1,1\n', ['bottle', 'label', 'tag']),
    # A column without any 1 stays a class, and a name keeps its brackets.
    ('image,dog,cow,cat\nx.jpg,1,0,0\ny.jpg,0,0,1\n', ['dog', 'cow', 'cat']),
    ('a.jpg,(other)\nb.jpg,cat (big)\n', ['(other)', 'cat (big)']),
])
def test_classes_that_a_table_names(tmp_path, text, classes):
    path = _write(tmp_path / 'l.csv', text)
    assert read_label_table(path).classes == classes


@pytest.mark.parametrize('header', [
    'bottle,cap,label', 'tag,button,zip', 'patient,age,class'])
def test_a_class_that_is_called_label_is_doubtful(tmp_path, header):
    path = _write(tmp_path / 'l.csv', f'image,{header}\na.jpg,1,0,1\n'
                  'b.jpg,0,1,0\n')
    with pytest.raises(ValueError, match=r'l\.csv, line 1: .* which may be '
                       'either'):
        read_label_table(path)


@pytest.mark.parametrize(('data', 'message'), [
    ('x.jpg,hätte\n'.encode('latin-1'), r'l\.csv, line 1: expected text'),
    (b'x.jpg,ca\0t\n', r'l\.csv: expected a text file, found a zero byte'),
    (b'x.jpg,"cat\ny.jpg,dog\n', r'l\.csv, line 2: .*CSV'),
    (b'x.jpg,' + b'a' * 200000, r'l\.csv, line 1: .*CSV.*limit'),
    (b'x.jpg\ny.jpg\n', r'line 1: .*found 1 columns'),
    (b'', r'l\.csv: expected "image,label1;label2", .*found an empty file'),
    (b'\n,,\n \n', r'l\.csv: expected .* found an empty file'),
    (b'sep=;\n', r'l\.csv: expected .* found an empty file'),
    (b'x.jpg,cat,big\ny.jpg,dog,big\n', r'line 1: expected two columns'),
    (b'x.jpg,cat;none\n', 'label "none", which means no class, and "cat"'),
    (b'x.jpg,\ny.jpg,none\n', 'label of a class in at least one image'),
    (''.join(f'{i}.jpg,c{i}\n' for i in range(255)).encode(), 'found 255'),
])
def test_tables_that_cannot_be_read(tmp_path, data, message):
    path = tmp_path / 'l.csv'
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read_labels(path)


def _zipped(name):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w') as archive:
        archive.writestr('[Content_Types].xml', '<Types/>')
        archive.writestr(name, '<workbook/>')
    return buffer.getvalue()


@pytest.mark.parametrize(('name', 'data', 'message'), [
    ('l.xlsx', _zipped('xl/workbook.xml'), 'spreadsheet.* Export it as CSV'),
    ('l.csv', _zipped('xl/workbook.xml'), 'spreadsheet.* Export it as CSV'),
    ('l.ods', _zipped('content.xml'), 'spreadsheet.* Export it as CSV'),
    ('l.xls', b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', 'a spreadsheet'),
    ('l.zip', _zipped('labels.csv'), 'an archive. Unpack it'),
    ('l.csv.gz', gzip.compress(b'a.jpg,cat'), 'an archive. Unpack it'),
    ('l.json', b'\x89PNG\r\n\x1a\n', 'a picture. Name the file that was'),
    ('l.xls', b'a.jpg\tcat\n', r'\(\.csv, \.tsv, \.txt\), found \.xls'),
    ('l.yaml', b'a.jpg: [cat]\n', r'\(\.csv, \.tsv, \.txt\), found \.yaml'),
    ('l', b'a.jpg,cat\n', r'\(\.csv, \.tsv, \.txt\), found no suffix'),
])
def test_other_files_are_not_called_broken(tmp_path, name, data, message):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message) as error:
        read_labels(path)
    assert str(error.value).startswith(f'{path}: expected')
    if b'cat' not in data:
        with pytest.raises(ValueError, match=message):
            read_list(path)


@pytest.mark.parametrize('start', ['PAR1', 'BZh', '%PDF', 'Rar!'])
def test_texts_may_begin_as_binary_files_do(tmp_path, start):
    path = _write(tmp_path / 'l.csv', f'{start}.jpg,cat\n')
    assert read_labels(path).images == {f'{start}.jpg': ['cat']}


def test_json_keeps_the_order_of_its_classes(tmp_path):
    path = _write(tmp_path / 'l.json',
                  '{"classes": ["dog", "cat"], "images": {"x": ["cat"]}}')
    assert read_label_json(path).classes == ['dog', 'cat']
    path = _write(tmp_path / 'l.coco',  # another suffix is no matter
                  '\n{"images": {"x": ["dog"], "y": ["cat"]}}')
    assert read_labels(path).classes == ['cat', 'dog']
    path.write_text('\ufeff{"images": {"x": ["Cat"], "y": ["none"], "z": []}, '
                    '"classes": ["cat", "normal"]}')
    labels = read_label_json(path, none=['none'])
    assert labels.classes == ['cat', 'normal']
    assert labels.images == dict(x=['cat'], y=[], z=[])


@pytest.mark.parametrize(('text', 'message'), [
    ('{"classes": ["cat"], "images": {"x": ["dgo"]}}',
     'image "x" has the label "dgo"'),
    ('{"images": {"x": "cat"}}', 'image "x": expected a list .*, found "cat"'),
    ('{"images": {"w": ["cat"], "x": [["cat"], ["dog"]]}}',
     r'image "x": expected a list .*, found \[\["cat"\], \["dog"\]\]'),
    ('{"images": {"x": {"cat": 1}}}', 'image "x": .*, found {"cat": 1}'),
    ('{"images": {"x": null}}', 'image "x": .*, found null'),
    ('[1, 2]', 'another form'),
    ('{"images": {}}', 'found none'),
    ('{"classes": ["background", "cat"], "images": {"x": ["cat"]}}',
     'no "background"'),
    ('{"classes": ["cat", "cat"], "images": {"x": ["cat"]}}',
     'every foreground class once'),
    ('{"images": ', 'expected a JSON file'),
    ('{"images": {"x": ["cat"], "x": ["dog"]}}', 'found "x" twice'),
    ('{"classes": [["a"]], "images": {"x": ["cat"]}}', 'another form'),
    ('{"classes": 3, "images": {"x": ["cat"]}}', 'another form'),
    ('{"classes": [" "], "images": {"x": []}}', 'with a name'),
    ('{"classes": ["cat", "C at"], "images": {"x": ["cat"]}}', 'once'),
    ('{"classes": ["normal"], "images": {"x": []}}', 'word for no class'),
])
def test_bad_json_names_the_file(tmp_path, text, message):
    path = _write(tmp_path / 'l.json', text)
    with pytest.raises(ValueError, match=message) as error:
        read_label_json(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize('text', [
    'x.jpg,1,2,3,4,cat\nx.jpg,5,6,7,8,dog\ny.jpg,1,2,3,4.5,dog\nz.jpg,,,,,\n',
    'filename,width,class,xmin,ymin,xmax,ymax\nx.jpg,9,cat,1,1,2,2\n'
    'y.jpg,9,dog,1,1,2,2\nx.jpg,9,dog,3,3,4,4\nx.jpg,9,cat,5,5,6,6\n'
    'z.jpg,9,,,,,\n',
    'image_id;class_name;class_id;x_min;y_min\nx.jpg;cat;0;1;1\n'
    'y.jpg;dog;1;1;1\nx.jpg;dog;1;1;1\nz.jpg;none;2;;\n',
    'image_id,bbox,category\nx.jpg,"[1, 2, 3, 4]",cat\n'
    'x.jpg,"[2, 2, 3, 4]",dog\ny.jpg,"[1, 2, 3, 4]",dog\nz.jpg,[],\n',
])
def test_lines_for_each_box_are_united(tmp_path, text):
    labels = read_label_table(_write(tmp_path / 'l.csv', text))
    assert labels.classes == ['cat', 'dog']
    assert labels.images == {
        'x.jpg': ['cat', 'dog'], 'y.jpg': ['dog'], 'z.jpg': []}
    note, = (n for n in labels.notes if 'each box' in n.what)
    assert note.names == ['x.jpg']


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


def test_xml_with_a_namespace(tmp_path):
    path = tmp_path / 'x.xml'
    path.write_text('<annotation xmlns="urn:a"><!-- dog --><object>'
                    '<name>cat</name></object></annotation>')
    assert read_voc_xml(path) == ['cat']


@pytest.mark.parametrize(('text', 'found'), [
    ('<annotations><image name="a.jpg"><tag label="cat"/></image>'
     '</annotations>', 'found <annotations>'),
    ('<a:svg xmlns:a="urn:a"/>', 'found <svg>'),
    ('<annotation><object><name> </name></object></annotation>',
     'an <object> has no <name>'),
])
def test_xml_of_other_programs_shows_not_no_class(tmp_path, text, found):
    path = tmp_path / 'x.xml'
    path.write_text(text)
    with pytest.raises(ValueError, match=rf'x\.xml: .*{found}'):
        read_voc_xml(path)


@pytest.mark.parametrize('encoding', ['gb2312', 'gbk', 'klingon', 'utf-8'])
def test_xml_in_an_encoding_that_is_not_read_is_named(tmp_path, encoding):
    path = tmp_path / 'x.xml'
    path.write_bytes(
        f'<?xml version="1.0" encoding="{encoding}"?><annotation><object>'
        '<name>'.encode() + '狗'.encode('gbk') +
        b'</name></object></annotation>')
    with pytest.raises(ValueError, match=r'x\.xml: expected a VOC annotation '
                       'in XML, but .*save it as UTF-8'):
        read_voc_xml(path)
    path.write_text('<?xml version="1.0" encoding="utf-8"?><annotation>'
                    '<object><name>狗</name></object></annotation>', 'utf-8')
    assert read_voc_xml(path) == ['狗']


def test_labels_from_mask(tmp_path):
    mask = np.zeros((4, 5), dtype=np.uint8)
    mask[0, 0], mask[1], mask[2] = 1, 2, 255
    path = tmp_path / 'SegmentationClass' / 'm.png'
    path.parent.mkdir()
    write_index_png(path, mask, voc_palette())
    labels, problems = collect_labels(tmp_path, ['m'], ['cat', 'dog'],
                                      'masks')
    assert (labels.images, problems) == ({'m': ['cat', 'dog']}, [])
    _, problems = collect_labels(tmp_path, ['m'], ['cat'], 'masks')
    assert 'found [2]' in problems[0]
    # A black-and-white picture among masks is said, and refused where all
    # are such.
    write_index_png(path.with_name('b.png'), 255 * (mask > 0), voc_palette())
    labels, problems = collect_labels(tmp_path, ['m', 'b'], ['cat', 'dog'],
                                      'masks')
    assert labels.images == {'m': ['cat', 'dog'], 'b': []}
    assert problems == []
    line, = note_lines(labels.notes)
    assert line.endswith(f'(black and white?): {path.with_name("b.png")}')
    _, problems = collect_labels(tmp_path, ['b'], ['cat', 'dog'], 'masks')
    assert 'none of 1 masks holds an index of a class' in problems[0]


def test_lists(tmp_path):
    path = _write(tmp_path / 'l.txt', 'a\n\n b \n')
    assert read_list(path) == ['a', 'b']
    path.write_text('\n')
    with pytest.raises(ValueError, match='empty list'):
        read_list(path)
    path.write_text('a\nb\na\n')
    with pytest.raises(ValueError, match='"a" is listed twice'):
        read_list(path)


def test_lists_of_other_programs(tmp_path):
    path = tmp_path / 'l.txt'
    for text in ('\ufeffa\r\nb c\r\n', 'image;split\na;train\nb c;val\n',
                 'a,1\nb c,2\n'):
        path.write_bytes(text.encode())
        assert read_list(path) == ['a', 'b c']
        assert read_list(path, ['a', 'b c']) == ['a', 'b c']
    path.write_text('b\\a\nb c')
    assert read_list(path) == ['b/a', 'b c']
    path.write_bytes('a\nb c\n'.encode('utf-16'))
    assert read_list(path) == ['a', 'b c']
    path.write_bytes(b'a\n\xff\n')
    with pytest.raises(ValueError, match=r'l\.txt, line 2: expected text'):
        read_list(path)
    _write(path, 'image\nid\n')  # as pictures may be called
    assert read_list(path) == ['image', 'id']


def test_blanks_around_known_names_in_a_list(tmp_path):
    path = _write(tmp_path / 'l.txt', ' a\nIMG 1 \nIMG 2 .jpg\n b \n')
    assert read_list(path) == ['a', 'IMG 1', 'IMG 2 .jpg', 'b']
    assert read_list(path, ['IMG 1 ', 'IMG 2 ', ' a.jpg', ' a', 'b']) == [
        ' a', 'IMG 1 ', 'IMG 2 .jpg', 'b']


def test_commas_in_all_names_of_a_list_of_voc(tmp_path):
    path = _write(tmp_path / 'l.txt', '52.10,4.30\n52.11,4.30\n')
    for name in ('52.10,4.30', '52.11,4.30'):
        (tmp_path / f'{name}.jpg').touch()
    assert read_voc_list(path, tmp_path) == ['52.10,4.30', '52.11,4.30']
    assert read_voc_list(path) == ['52.10', '52.11']  # a table


def test_many_wrong_ids_are_found_in_their_list_a_few_times(
        tmp_path, monkeypatch):
    reads = []
    monkeypatch.setattr(id_checks, '_line', lambda *_: reads.append(1) or '')
    with pytest.raises(ValueError, match=r'(?s)500 problem.*and 480 more'):
        check_ids('x', [f'/a/{n}.jpg' for n in range(500)], 'images', 'l.txt')
    assert len(reads) == 20


def test_lists_of_other_projects_on_voc(tmp_path):
    path = _write(tmp_path / 'psa.txt',
                  '/JPEGImages/2007_1.jpg /SegmentationClassAug/2007_1.png\n'
                  '2007_2.jpg 0 4\n./2007_3\n')
    assert read_voc_list(path) == ['2007_1', '2007_2', '2007_3']


def test_blanks_in_names_of_a_voc_list(tmp_path):
    path = _write(tmp_path / 'l.txt', 'IMG (1)\nIMG (2) -1\nPhoto 3\na b c\n'
                  'IMG 4.jpg\nIMG 5.jpg 0 4\n/JPEGImages/x y.jpg '
                  '/Masks/m.png\n2007_1 -1\n')
    named = ['IMG (1)', 'IMG (2) -1', 'Photo', 'a b c', 'IMG 4', 'IMG 5',
             'x y', '2007_1']
    assert read_voc_list(path) == named
    _write(tmp_path / 'JPEGImages' / 'Photo 3.jpg', '')
    named[2] = 'Photo 3'
    assert read_voc_list(path, tmp_path / 'JPEGImages') == named


@pytest.mark.parametrize('first', ['img_00', 'b/a', 'a.heic', '/data/a'])
def test_a_picture_in_the_first_line_is_no_header(tmp_path, first):
    path = tmp_path / 'l.csv'
    path.write_text(f'{first},cat\nimg_01.jpg,dog\n')
    assert list(read_label_table(path).images) == [first, 'img_01.jpg']
    path.write_text('Image Index,Findings\nimg_01.jpg,dog\n')
    assert list(read_label_table(path).images) == ['img_01.jpg']


@pytest.mark.parametrize('other', ['x/y/a.jpg', 'x/y\\a.jpg'])
def test_an_image_twice_in_a_json_by_its_slashes(tmp_path, other):
    path = _write(tmp_path / 'l.json', json.dumps(dict(images={
        other: ['dog'], 'x\\y/a.jpg': ['cat']})))
    with pytest.raises(ValueError, match=r'l\.json: expected each image once, '
                       r'found "x\\y/a\.jpg" with slashes too'):
        read_label_json(path)


@pytest.mark.parametrize(('yes', 'no'), [('y', 'n'), ('T', 'F'), ('x', '')])
def test_marks_of_a_single_class(tmp_path, yes, no):
    path = _write(tmp_path / 'l.csv',
                  f'image,cat\na.jpg,{yes}\nb.jpg,{no}\n')
    found = read_labels(path)
    assert found.classes == ['cat']
    assert found.images == {'a.jpg': ['cat'], 'b.jpg': []}


@pytest.mark.parametrize(('name', 'cells'), [
    ('label', 'yn'), ('axis', 'xy'), ('kind', 'tx')])
def test_letters_that_are_names(tmp_path, name, cells):
    path = _write(tmp_path / 'l.csv', f'image,{name}\na.jpg,{cells[0]}\n'
                  f'b.jpg,{cells[1]}\n')
    assert read_labels(path).classes == sorted(cells)


@pytest.mark.parametrize('name', ['id', 'idx', 'Unnamed: 0', 'image_id'])
@pytest.mark.parametrize('count', [2, 4])
def test_a_number_of_the_line_is_no_class(tmp_path, name, count):
    path = tmp_path / 'l.csv'
    rows = [f'{n},{n}.jpg,{n % 2},{1 - n % 2}' for n in range(count)]
    path.write_text('\n'.join([f'{name},image,cat,dog', *rows]))
    labels = read_labels(path)
    assert labels.classes == ['cat', 'dog']
    assert labels.images['0.jpg'] == ['dog']
    assert ('columns not read', [name]) in labels.notes


@pytest.mark.parametrize(('text', 'unread'), [
    (',id,label\n0,17,cat\n1,3,dog\n', []),
    (',image,label\n0,17,cat\n1,3,dog\n', []),
    ('id,image,label\n0,17,cat\n1,3,dog\n', ['id']),
    ('image_id,file,label\n0,17,cat\n1,3,dog\n', ['image_id']),
    ('index,name,label\n0,17,cat\n1,3,dog\n', ['index']),
    ('id,size,image,cat,dog\n0,s,17,1,0\n1,s,3,0,1\n', None),
    (',image,cat,dog\n0,17,1,0\n1,3,0,1\n', []),
    (',id,image,cat,dog\n0,0,17,1,0\n1,1,3,0,1\n', ['id']),
    ('id,label\n17,cat\n3,dog\n', []), ('id,name\n17,cat\n3,dog\n', []),
    ('id,name,fold\n17,cat,1\n3,dog,1\n4,dog,2\n', None),
])
def test_numbers_of_lines_are_no_images_of_ids_without_suffix(
        tmp_path, text, unread):
    path = tmp_path / 'l.csv'
    path.write_text(text)
    if unread is None:  # which column has the labels is not said
        with pytest.raises(ValueError, match='expected'):
            read_labels(path)
        return
    labels = read_labels(path)
    assert labels.images == {'17': ['cat'], '3': ['dog']}
    assert [names for what, names in labels.notes
            if what == 'columns not read'] == [unread] * bool(unread)


@pytest.mark.parametrize('marks', ['1 0', 'True False', '1.0 0.0', 'yes no',
                                   'x ', '1 '])
def test_a_class_called_index_may_have_any_marks(tmp_path, marks):
    yes, no = marks.split(' ')
    path = tmp_path / 'l.csv'
    path.write_text(f'image,thumb,index\na.jpg,{yes},{no}\nb.jpg,{no},{yes}\n'
                    f'c.jpg,{no},{yes}\n')
    labels = read_labels(path)
    assert labels.classes == ['thumb', 'index']
    assert labels.images['c.jpg'] == ['index']


def test_a_class_may_be_called_index(tmp_path):
    path = tmp_path / 'l.csv'
    path.write_text('image,id,thumb,index\na.jpg,7,1,0\nb.jpg,8,0,1\n'
                    'c.jpg,9,0,1\n')
    labels = read_labels(path)
    assert labels.classes == ['thumb', 'index']
    assert labels.images['b.jpg'] == ['index']
    assert ('columns not read', ['id']) in labels.notes


def test_columns_of_a_split_are_doubted(tmp_path):
    path = tmp_path / 'l.csv'
    path.write_text('image,is_valid,cat\na.jpg,0,1\nb.jpg,1,0\n')
    labels = read_labels(path)
    assert labels.classes == ['is_valid', 'cat']
    what, names = labels.notes[0]
    assert 'may be no classes' in what
    assert names == ['"is_valid"']


def test_ids_of_voc_keep_the_suffix_of_their_picture(tmp_path):
    path = _write(tmp_path / 'l.txt', '/JPEGImages/a.JPG /Masks/a.png\n'
                  '/JPEGImages/b.jpg /Masks/b.png\nc.png 1\n')
    assert read_voc_list(path) == ['a.JPG', 'b', 'c.png']
    for name in ('a.JPG', 'b.jpg', 'c.png'):
        _write(tmp_path / 'JPEGImages' / name, '')
    for name in 'abc':
        _write(tmp_path / 'Annotations' / f'{name}.xml',
               '<annotation><object><name>cat</name></object></annotation>')
    data = VOCImageLabelDataset(
        data_root=str(tmp_path), ann_file='l.txt', lazy_init=True)
    ids = data.ids()
    assert data.labels(ids) == {one: ['cat'] for one in ids}
