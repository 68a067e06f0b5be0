import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.registry import init_default_scope
from PIL import Image

from hsc_converters.voc import check_split
from hsc_mm.datasets import ImageLabelDataset, VOCImageLabelDataset
from hsc_mm.datasets.transforms import LoadPseudoLabel

TRAIN = 'ImageSets/Segmentation/train.txt'
SUBSET = dict(classes=('background', 'dog', 'cat'))


def _voc(root, **kwargs):
    return VOCImageLabelDataset(data_root=str(root), ann_file=TRAIN, **kwargs)


def test_voc_labels_from_xml_and_json_agree(shared_voc):
    from_xml = _voc(shared_voc)
    from_json = _voc(shared_voc, label_file='image_labels.json')
    assert len(from_xml) == len(from_json) == 8
    for i in range(8):
        first, second = from_xml[i], from_json[i]
        assert np.array_equal(first['gt_label'], second['gt_label'])
    label = from_xml[2]['gt_label']  # holds a cat (8) and a dog (12)
    assert label.shape == (20, )
    assert list(np.flatnonzero(label)) == [7, 11]
    assert 'seg_map_path' not in from_xml[0]


def test_subset_in_another_order(shared_voc):
    data = _voc(shared_voc, metainfo=SUBSET)
    assert data.foreground == ['dog', 'cat']
    assert list(data[0]['gt_label']) == [0, 1]
    assert data.metainfo['label_map'][12] == 1
    assert data.metainfo['label_map'][8] == 2
    assert data.metainfo['label_map'][15] == 255
    assert data.metainfo['palette'] == [[0, 0, 0], [64, 0, 128], [64, 0, 0]]


def test_images_without_a_chosen_class_are_not_trained_on(shared_voc):
    only_cats = dict(classes=('background', 'cat'))
    assert len(_voc(shared_voc, metainfo=only_cats)) == 5
    assert len(_voc(shared_voc, metainfo=only_cats, test_mode=True)) == 8
    with pytest.raises(ValueError, match='no image holds any'):
        _voc(shared_voc, metainfo=dict(classes=('background', 'sheep')))


@pytest.mark.parametrize('classes', [('cat', 'background'),
                                     ('background', 'unicorn')])
def test_classes_must_be_known_and_led_by_background(shared_voc, classes):
    with pytest.raises(ValueError, match='expected "background" followed'):
        _voc(shared_voc, metainfo=dict(classes=classes))


def test_labels_can_be_left_unread(voc_root):
    shutil.rmtree(voc_root / 'Annotations')
    assert 'gt_label' not in _voc(voc_root, with_labels=False)[0]
    with pytest.raises(ValueError, match=r'img_00\.xml: missing'):
        _voc(voc_root)


def test_list_names_missing_images(voc_root):
    (voc_root / 'JPEGImages' / 'img_03.jpg').unlink()
    (voc_root / 'JPEGImages' / 'img_05.jpg').unlink()
    with pytest.raises(
            ValueError, match=r'(?s)2 problem.*img_03\.jpg: missing.*img_05'):
        _voc(voc_root)


@pytest.mark.parametrize('cut', [0, 300])
def test_truncated_and_empty_images(voc_root, cut):
    path = voc_root / 'JPEGImages' / 'img_01.jpg'
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r'img_01\.jpg: expected'):
        _voc(voc_root)


def test_a_text_file_is_no_image(voc_root):
    (voc_root / 'JPEGImages' / 'img_01.jpg').write_text('<html>404</html>')
    with pytest.raises(ValueError, match=r'img_01\.jpg: expected an image'):
        _voc(voc_root)


@pytest.mark.parametrize(('folder', 'options', 'kind'), [
    ('SegmentationClass',
     dict(data_prefix=dict(seg_map_path='SegmentationClass')), 'mask'),
    ('SaliencyMaps', dict(aux_maps=dict(saliency=dict(path='SaliencyMaps'))),
     'saliency map'),
])
def test_maps_of_another_size(voc_root, folder, options, kind):
    path = voc_root / folder / 'img_02.png'
    cv2.imwrite(str(path), np.zeros((9, 7), np.uint8))
    with pytest.raises(ValueError, match=f'img_02.png: expected a {kind}'):
        _voc(voc_root, **options)
    path.unlink()
    with pytest.raises(ValueError, match=r'img_02\.png: missing'):
        _voc(voc_root, **options)


def test_masks_fit_images_turned_by_exif(voc_root):
    from PIL import Image
    path = voc_root / 'JPEGImages' / 'img_00.jpg'
    picture = Image.open(path).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(path, exif=exif)
    data = _voc(voc_root, data_prefix=dict(seg_map_path='SegmentationClass'))
    assert len(data) == 8


@pytest.mark.parametrize('orientation', [3, 6])
@pytest.mark.parametrize(('folder', 'options', 'kind'), [
    ('SaliencyMaps', dict(aux_maps=dict(saliency=dict(path='SaliencyMaps'))),
     'saliency map'),
    ('SegmentationClass',
     dict(data_prefix=dict(seg_map_path='SegmentationClass')), 'mask')])
def test_maps_turned_by_exif(voc_root, folder, options, kind, orientation):
    """They are read as stored, so that they would not fit the image."""
    path = voc_root / folder / 'img_02.png'
    picture = Image.open(path).rotate(90, expand=orientation == 6)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(path, exif=exif)
    with pytest.raises(ValueError, match=f'img_02.png: expected a {kind} as '
                       f'it is seen.*orientation {orientation}'):
        _voc(voc_root, **options)


def test_image_without_labels_and_unknown_label(voc_root):
    path = voc_root / 'image_labels.json'
    content = json.loads(path.read_text())
    del content['images']['img_04']
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='img_04: no labels'):
        _voc(voc_root, label_file='image_labels.json')
    content['images']['img_04'] = ['unicorn']
    content['classes'].append('unicorn')
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='img_04: "unicorn"'):
        _voc(voc_root, label_file='image_labels.json')


def test_images_that_show_no_class_stay(voc_root):
    """Unlike those that hold other classes alone, in a subset."""
    path = voc_root / 'image_labels.json'
    content = json.loads(path.read_text())
    content['images']['img_04'] = []
    path.write_text(json.dumps(content))
    (voc_root / 'Annotations' / 'img_04.xml').write_text('<annotation/>')
    cats = dict(classes=('background', 'cat'))
    for label_file in ('', 'image_labels.json'):
        for metainfo, count in ((None, 8), (cats, 6)):
            data = _voc(voc_root, label_file=label_file, metainfo=metainfo)
            assert len(data) == count
            by_id = {data[i]['img_id']: data[i]['gt_label']
                     for i in range(count)}
            assert not by_id.pop('img_04').any()
            assert all(label.any() for label in by_id.values())
    content['images'] = {i: [] for i in content['images']}
    path.write_text(json.dumps(content))
    only = dict(label_file='image_labels.json')
    assert len(_voc(voc_root, test_mode=True, **only)) == 8
    with pytest.raises(ValueError, match='no image holds any'):
        _voc(voc_root, **only)


def test_any_data_set_from_json_csv_and_folders(voc_root, tmp_path):
    csv = voc_root / 'labels.csv'
    images = json.loads((voc_root / 'image_labels.json').read_text())['images']
    csv.write_text(''.join(f'{i}.jpg,{";".join(n)}\n'
                           for i, n in images.items()))
    for label_file in ('image_labels.json', 'labels.csv'):
        data = ImageLabelDataset(
            label_file, data_root=str(voc_root),
            data_prefix=dict(img_path='JPEGImages'))
        assert data.metainfo['classes'] == ('background', 'cat', 'dog')
        assert list(data[2]['gt_label']) == [1, 1]
        assert data[2]['img_id'] == 'img_02'
    folders = tmp_path / 'mine'
    for name, labels in images.items():
        for label in labels:
            (folders / label).mkdir(parents=True, exist_ok=True)
            shutil.copy(voc_root / 'JPEGImages' / f'{name}.jpg',
                        folders / label)
    data = ImageLabelDataset(str(folders))
    assert len(data) == 8
    by_id = {data[i]['img_id']: list(data[i]['gt_label']) for i in range(8)}
    assert by_id['cat/img_02'] == [1, 1]
    assert by_id['dog/img_01'] == [0, 1]


def test_names_with_two_suffixes(voc_root, tmp_path):
    image = voc_root / 'JPEGImages' / 'img_01.jpg'
    for name in ('cat/photo.jpg.jpg', 'cat/photo.png.jpg', 'dog/photo.png'):
        (tmp_path / 'mine' / name).parent.mkdir(parents=True, exist_ok=True)
        with Image.open(image) as picture:
            picture.transpose(len(name) % 3).save(tmp_path / 'mine' / name)
    data = ImageLabelDataset(str(tmp_path / 'mine'))
    paths = sorted(data.get_data_info(i)['img_path'] for i in range(3))
    assert [Path(path).relative_to(tmp_path / 'mine').as_posix()
            for path in paths] == [
        'cat/photo.jpg.jpg', 'cat/photo.png.jpg', 'dog/photo.png']


@pytest.mark.parametrize('names', [
    ('cats, black/a', 'cats, black/b'), ('cat/IMG,0', 'dog/IMG,1'),
    ('cat/a;b', 'dog/c;d')])
@pytest.mark.parametrize('suffix', ['', '.jpg'])
def test_marks_of_tables_in_all_names_of_a_list(
        voc_root, tmp_path, names, suffix):
    for number, name in enumerate(names):
        path = tmp_path / 'mine' / f'{name}.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(voc_root / 'JPEGImages' / f'img_0{number}.jpg', path)
    listed = tmp_path / 'eval.txt'
    listed.write_text(''.join(f'{name}{suffix}\n' for name in names))
    data = ImageLabelDataset(str(tmp_path / 'mine'), ann_file=str(listed))
    assert [data.get_data_info(i)['img_id'] for i in range(2)] == [*names]


def test_a_list_chooses_among_labelled_images(voc_root):
    (voc_root / 'few.txt').write_text('img_01\nimg_02.jpg\n')
    data = ImageLabelDataset(
        'image_labels.json', data_root=str(voc_root), ann_file='few.txt',
        data_prefix=dict(img_path='JPEGImages'))
    assert [data[i]['img_id'] for i in range(len(data))] == [
        'img_01', 'img_02'
    ]
    assert data.split == 'few'


def _listed(root, lines, **kwargs):
    (root / 'l.csv').write_text(lines)
    return ImageLabelDataset('l.csv', data_root=str(root),
                             data_prefix=dict(img_path='JPEGImages'), **kwargs)


def test_a_dot_in_front_of_a_path_makes_no_other_image(voc_root):
    """As ``find .`` writes paths."""
    data = _listed(voc_root, './img_01.jpg,cat\n././img_02.jpg,dog\n')
    assert [data[i]['img_id'] for i in range(2)] == ['img_01', 'img_02']
    (voc_root / 'few.txt').write_text('img_02\n')
    few = _listed(voc_root, './img_01.jpg,cat\n./img_02.jpg,dog\n',
                  ann_file='few.txt')
    assert list(few[0]['gt_label']) == [0, 1]
    for listed in ('./img_01.jpg\n', './img_01\n'):
        (voc_root / 'few.txt').write_text(listed)
        few = _listed(voc_root, 'img_01.jpg,cat\nimg_02.jpg,dog\n',
                      ann_file='few.txt')
        assert few[0]['img_id'] == 'img_01'
        assert list(few[0]['gt_label']) == [1, 0]
    with pytest.raises(ValueError, match=r'line 2: "img_01\.jpg" has the '
                       r'name of "\./img_01\.jpg"'):
        _listed(voc_root, './img_01.jpg,cat\nimg_01.jpg,dog\n')


@pytest.mark.parametrize('root', ['C:\\pics\\', '/home/x/'])
def test_paths_of_another_machine(voc_root, root):
    with pytest.raises(ValueError, match=r'(?s)Write them relative.*line 2: '
                       r'.*img_02\.jpg" leads out of the image folder'):
        _listed(voc_root, f'{root}img_01.jpg,cat\n{root}img_02.jpg,dog\n')


def test_a_dot_in_front_of_a_path_in_voc_layout(voc_root):
    listed = voc_root / TRAIN
    listed.write_text(''.join(
        f'./{line}\n' for line in listed.read_text().splitlines()))
    for label_file in ('', 'image_labels.json'):
        data = _voc(voc_root, label_file=label_file)
        assert data[0]['img_id'] == 'img_00'


def test_blanks_in_names_of_voc_layout(voc_root):
    for folder, suffix in (('JPEGImages', 'jpg'), ('Annotations', 'xml')):
        (voc_root / folder / f'img_00.{suffix}').rename(
            voc_root / folder / f'Photo 0.{suffix}')
    (voc_root / TRAIN).write_text('Photo 0\nimg_01 -1\n')
    data = _voc(voc_root)
    assert [data[i]['img_id'] for i in range(2)] == ['Photo 0', 'img_01']
    ids, problems = check_split(voc_root, 'train')
    assert (ids, problems) == (['Photo 0', 'img_01'], [])


def test_pseudo_labels_are_looked_for_at_the_start(voc_root, tmp_path):
    init_default_scope('mmseg')
    pseudo = tmp_path / 'pseudo'
    with pytest.raises(FileNotFoundError, match='make_pseudo_labels'):
        LoadPseudoLabel(str(pseudo))
    shutil.copytree(voc_root / 'SegmentationClass', pseudo)
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='hsc_mm.LoadPseudoLabel', pseudo_dir=str(pseudo))
    ]
    data = _voc(voc_root, with_labels=False, metainfo=SUBSET,
                pipeline=pipeline)
    assert set(np.unique(data[0]['gt_seg_map'])) == {0, 2, 255}
    assert data[0]['seg_fields'] == ['gt_seg_map']
    (pseudo / 'img_06.png').unlink()
    with pytest.raises(ValueError, match=r'img_06\.png: missing'):
        _voc(voc_root, with_labels=False, pipeline=pipeline)
    cv2.imwrite(str(pseudo / 'img_06.png'), np.zeros((3, 3), np.uint8))
    with pytest.raises(ValueError, match=r'img_06\.png: expected a pseudo'):
        _voc(voc_root, with_labels=False, pipeline=pipeline)
