"""Names with accents in one character and in two: files, classes, masks."""
import json
import unicodedata

import numpy as np
import pytest
from PIL import Image

from hsc_converters.new_dataset import NewDataset
from hsc_converters.voc import collect_labels
from hsc_mm.datasets import ImageLabelDataset, VOCImageLabelDataset
from hsc_mm.pseudo_labels.trusted import TrustedMasks, check_mask_classes
from hsc_mm.utils import voc_palette, write_index_png, write_json
from hsc_mm.utils.alike import look_alikes, missing_example, missing_lines

TWO = unicodedata.normalize('NFD', 'käfer')
ONE = unicodedata.normalize('NFC', TWO)
ALIKE = 'a name that looks the same is there: macOS'


def _image(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(value).integers(0, 255, (20, 24, 3),
                                                  np.uint8)
    Image.fromarray(noise).save(path)


@pytest.fixture
def mine(tmp_path):
    """Return a folder of pictures of a class in two characters."""
    for number in range(2):
        _image(tmp_path / 'mine' / TWO / f'{number}.png', number)
        _image(tmp_path / 'mine' / 'dog' / f'{number}.png', number + 9)
    return tmp_path / 'mine'


def _masks(folder, names):
    for name in names:
        write_index_png(folder / f'{name}.png', np.zeros((20, 24), np.uint8),
                        voc_palette())
    return folder


def test_what_looks_the_same_is_found_in_files_and_folders(mine, tmp_path):
    there = str(mine / TWO / '0.png')
    wanted = str(mine / ONE / '0.png')
    gone = [str(mine / ONE / '7.png'), str(mine / 'dog' / '7.png'),
            str(tmp_path / 'ö' / ONE), '', '/', 'ä/']
    assert look_alikes([wanted, *gone]) == {wanted: there}
    lines = missing_lines([wanted, *gone])
    assert ALIKE in lines[0]
    assert lines[1:] == [f'{path}: missing' for path in gone]


def test_a_name_of_other_case_or_suffix_is_a_hint(mine, tmp_path):
    _image(tmp_path / 'Maps' / 'A.PNG')
    _image(tmp_path / 'Maps' / 'b.jpg')
    (tmp_path / 'Maps' / 'c').mkdir()
    near = {str(tmp_path / 'Maps' / 'a.png'): tmp_path / 'Maps' / 'A.PNG',
            str(tmp_path / 'maps' / 'b.png'): tmp_path / 'Maps' / 'b.jpg',
            str(mine / 'Dog' / '1.JPG'): mine / 'dog' / '1.png',
            str(mine / ONE.upper() / '1.png'): mine / TWO / '1.png'}
    gone = [str(tmp_path / 'Maps' / 'c.png'), str(tmp_path / 'b.png')]
    assert missing_lines([*gone, *near]) == [
        *(f'{path}: missing' for path in gone),
        *(f'{path}: missing (is {there} meant? Its name differs in case or '
          'suffix)' for path, there in near.items())]
    assert look_alikes([*gone, *near]) == {}
    assert missing_example(gone) == gone[0]
    first = next(iter(near))
    assert missing_example([*gone, *near]) == (
        f'{first} (is {near[first]} meant? Its name differs in case or '
        'suffix)')


@pytest.mark.parametrize('name', ['cat.jpg', 'a.PNG', 'b.tif'])
def test_a_suffix_too_many_is_no_unread_format(tmp_path, name):
    (tmp_path / name).write_bytes(b'x')
    line, = missing_lines([str(tmp_path / f'{name}.png')])
    assert 'not read' not in line


@pytest.mark.parametrize('name', ['b.gif', 'dog/b.heic'])
def test_a_listed_format_that_is_not_read(mine, tmp_path, name):
    there = mine / name
    there.write_bytes(b'GIF89a')
    table = tmp_path / 'l.csv'
    table.write_text(f'dog/0.png,dog\n{name},dog\n', 'utf-8')
    labels = tmp_path / 'l.json'
    labels.write_text(json.dumps(dict(classes=['dog'], images={
        'dog/0.png': ['dog'], name: ['dog']})))
    for path in (table, labels):
        with pytest.raises(ValueError, match='1 problem') as at:
            ImageLabelDataset(str(path), data_prefix=dict(img_path=str(mine)))
        assert f'{there}.jpg: missing ({there} is there, a format that is ' \
            'not read; convert it to PNG or JPEG' in str(at.value)


@pytest.mark.parametrize('listed', [f'{ONE}/0.png,cat\n', f'{ONE}/0.png\n'])
def test_a_list_in_other_characters_than_the_files(mine, tmp_path, listed):
    table = tmp_path / 'l.csv'
    table.write_text(f'{ONE}/0.png,cat\ndog/0.png,dog\n', 'utf-8')
    (tmp_path / 'few.txt').write_text(listed, 'utf-8')
    with pytest.raises(ValueError, match=rf'0\.png: missing \({ALIKE}'):
        ImageLabelDataset(str(table), data_prefix=dict(img_path=str(mine)),
                          ann_file=str(tmp_path / 'few.txt'))


def test_masks_in_other_characters(mine, tmp_path):
    names = [f'{ONE}/0', f'{ONE}/1', 'dog/0', 'dog/1']
    maps = _masks(tmp_path / 'maps', names)
    new = NewDataset(str(mine), masks=str(maps))
    for survey in (new.summary, new.with_mask):
        with pytest.raises(ValueError, match=rf'2 problem.*\n.*{ALIKE}'):
            survey(new.read())


@pytest.mark.parametrize('classes', [('background', 'dog', ONE),
                                     ('background', 'dog', TWO)])
def test_voc_annotations_in_other_characters_than_the_vocabulary(tmp_path,
                                                                classes):
    other = TWO if ONE in classes else ONE
    for number, names in enumerate(((other, classes[2]), ('dog', ))):
        _image(tmp_path / 'JPEGImages' / f'{number}.jpg', number)
        (tmp_path / 'Annotations').mkdir(exist_ok=True)
        (tmp_path / 'Annotations' / f'{number}.xml').write_text(
            '<annotation>' + ''.join(
                f'<object><name>{name}</name></object>' for name in names) +
            '</annotation>', 'utf-8')
    (tmp_path / 'ImageSets' / 'Segmentation').mkdir(parents=True)
    lists = tmp_path / 'ImageSets' / 'Segmentation' / 'l.txt'
    lists.write_text('0\n1\n')
    options = dict(data_root=str(tmp_path), vocabulary=classes,
                   ann_file='ImageSets/Segmentation/l.txt')
    labels, problems = collect_labels(tmp_path, ['0', '1'],
                                      list(classes[1:]), 'xml')
    assert (labels.images, problems) == (
        {'0': [classes[2]], '1': ['dog']}, [])
    write_json(tmp_path / 'labels.json', dict(
        classes=['dog', other], images={'0': [other], '1': ['dog']}))
    for more in ({}, dict(label_file='labels.json'),
                 dict(metainfo=dict(classes=('background', 'dog', other)))):
        data = VOCImageLabelDataset(**options, **more)
        assert [list(i['gt_label']) for i in data] == [[0, 1], [1, 0]]
        assert data.spelled_labels(['1', '0']) == {
            '1': ['dog'], '0': [classes[2]] * (1 if 'label_file' in more
                                               else 2)}
    with pytest.raises(ValueError, match='not among the classes'):
        VOCImageLabelDataset(**{**options, 'vocabulary': classes[:2]})


def test_trusted_masks_in_other_characters(tmp_path):
    trusted = TrustedMasks(_masks(tmp_path, [f'{TWO}/0', 'dog/0', 'cow/0']))
    assert trusted.check([f'{TWO}/0', 'dog/0', 'dog/1'], None) == 2
    with pytest.raises(ValueError, match='found 1 that look the same in '
                       r'other characters, such as k.*Rename'):
        trusted.check([f'{ONE}/0', 'dog/0'], None)


def test_classes_in_other_characters(mine, tmp_path):
    names = ('background', 'dog', ONE)
    data = ImageLabelDataset(str(mine), metainfo=dict(classes=names))
    labels = {data[i]['img_id']: list(data[i]['gt_label']) for i in range(4)}
    assert labels[f'{TWO}/0'] == [0, 1]
    assert labels['dog/0'] == [1, 0]
    assert data.foreground == ['dog', TWO]
    assert tuple(data.metainfo['classes']) == names
    with pytest.raises(ValueError, match='each once'):
        ImageLabelDataset(str(mine), metainfo=dict(
            classes=('background', ONE, TWO)))
    path = tmp_path / 'trusted_masks.json'
    write_json(path, dict(mask_classes=['background', 'dog', TWO]))
    check_mask_classes(path, names)
    with pytest.raises(ValueError, match='an index means another class'):
        check_mask_classes(path, ['background', ONE, 'dog'])
