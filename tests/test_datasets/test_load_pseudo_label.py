"""Hard and soft pseudo labels in a training pipeline."""
import shutil

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from PIL import Image

from hsc_mm.datasets import VOCImageLabelDataset
from hsc_mm.datasets.sampler import Draw
from hsc_mm.datasets.transforms import LoadPseudoLabel, SeedBySampler
from hsc_mm.pseudo_labels.files import read_soft_cam, write_soft_cam
from hsc_mm.pseudo_labels.origins import input_note
from hsc_mm.pseudo_labels.soft_cam import band_label
from hsc_mm.utils import (
    read_index_png,
    read_json,
    voc_palette,
    write_index_png,
)

SUBSET = dict(classes=('background', 'dog', 'cat'))


@pytest.fixture
def soft_dir(voc_root):
    """Soft CAMs of all images of a tiny VOC."""
    rng = np.random.default_rng(0)
    labels = read_json(voc_root / 'image_labels.json')['images']
    for number, (img_id, names) in enumerate(labels.items()):
        shape = (48, 64) if number % 2 else (56, 40)
        classes = [dict(cat=8, dog=12)[name] for name in names]
        write_soft_cam(voc_root / 'soft' / f'{img_id}.npz',
                       rng.random((len(classes), *shape)), classes)
    return voc_root / 'soft'


def data(root, folder, metainfo=SUBSET, **kwargs):
    """Build a data set whose masks are pseudo labels."""
    init_default_scope('mmseg')
    return VOCImageLabelDataset(
        data_root=str(root),
        ann_file='ImageSets/Segmentation/train.txt',
        label_file='image_labels.json',
        metainfo=metainfo,
        pipeline=[
            dict(type='hsc_mm.SeedBySampler'),
            dict(type='LoadImageFromFile'),
            dict(
                type='hsc_mm.LoadPseudoLabel',
                pseudo_dir=str(folder),
                **kwargs)
        ])


def expected(folder, rule, *args):
    """Apply a rule to the file of img_02, in classes of the subset."""
    content = np.load(folder / 'img_02.npz')
    classes = [{8: 2, 12: 1}[i] for i in content['classes'].tolist()]
    return rule(content['cam'], np.array(classes), *args)


def test_a_threshold_on_the_fly(voc_root, soft_dir):
    item = data(voc_root, soft_dir, suffix='.npz')[2]
    assert np.array_equal(item['gt_seg_map'],
                          expected(soft_dir, band_label, 0.3, 0.3))
    assert item['seg_fields'] == ['gt_seg_map']
    assert item['gt_seg_map'].dtype == np.uint8
    item = data(voc_root, soft_dir, suffix='.npz', threshold=0.7)[2]
    assert np.array_equal(item['gt_seg_map'],
                          expected(soft_dir, band_label, 0.7, 0.7))
    item = data(voc_root, soft_dir, suffix='.npz', band=(0.4, 0.8))[2]
    assert np.array_equal(item['gt_seg_map'],
                          expected(soft_dir, band_label, 0.4, 0.8))
    assert set(np.unique(item['gt_seg_map'])) == {0, 1, 2, 255}


def test_a_random_threshold_follows_the_draw(voc_root, soft_dir):
    items = data(voc_root, soft_dir, suffix='.npz', threshold=(0.3, 0.9))
    shares = [(items[Draw(2, (0, n))]['gt_seg_map'] > 0).mean()
              for n in range(8)]
    assert len(set(shares)) == 8
    results = dict(sample_idx=Draw(2, (0, 5)))
    SeedBySampler()(results)
    drawn = np.random.uniform(0.3, 0.9)
    again = items[Draw(2, (0, 5))]['gt_seg_map']
    assert np.array_equal(again, expected(soft_dir, band_label, drawn, drawn))


@pytest.mark.parametrize(('arguments', 'match'), [
    (dict(threshold=0.3), 'suffix ".png"'),
    (dict(band=(0.1, 0.2)), 'suffix ".png"'),
    (dict(suffix='.npz', threshold=1.5), '> 0 and < 1, found 1.5'),
    (dict(suffix='.npz', threshold=(0.5, 0.4)), '>= 0.5 and < 1'),
    (dict(suffix='.npz', band=(0.2, 0.3, 0.4)), 'expected .low, high.'),
    (dict(suffix='.npz', band=(0.2, 0.3), threshold=0.3), 'found both'),
])
def test_wrong_arguments(tmp_path, arguments, match):
    with pytest.raises(ValueError, match=match):
        LoadPseudoLabel(str(tmp_path), **arguments)


@pytest.mark.parametrize('metainfo', [SUBSET, None])
def test_the_list_is_looked_through_before_training(
        voc_root, soft_dir, metainfo):
    cam = np.zeros((1, 48, 64))
    (soft_dir / 'img_01.npz').write_bytes(b'')
    write_soft_cam(soft_dir / 'img_03.npz', cam[:, :9], [8])
    write_soft_cam(soft_dir / 'img_05.npz', cam, [77])
    with pytest.raises(ValueError, match=r'3 problem\(s\)') as error:
        data(voc_root, soft_dir, metainfo, suffix='.npz')
    text = str(error.value)
    assert 'img_01.npz: expected soft CAMs' in text
    assert 'img_03.npz: expected a pseudo label of the size' in text
    assert '(48, 64), found (9, 64)' in text
    assert 'found [77]' in text
    (soft_dir / 'img_01.npz').unlink()
    with pytest.raises(ValueError, match=r'img_01\.npz: missing'):
        data(voc_root, soft_dir, metainfo, suffix='.npz')


def test_soft_cams_of_classes_turned_round_are_refused(voc_root, soft_dir):
    data(voc_root, soft_dir, suffix='.npz')
    for path in soft_dir.glob('*.npz'):
        cam, classes = read_soft_cam(path)
        if len(classes) == 1:
            write_soft_cam(path, cam, 20 - classes)
    with pytest.raises(ValueError, match='of 8 labels that were examined show '
                       'none of the classes of their image label'):
        data(voc_root, soft_dir, suffix='.npz')
    data(voc_root, soft_dir, suffix='.npz', check_origin=False)


def test_masks_with_unknown_classes_are_told(voc_root):
    folder = voc_root / 'SegmentationClass'
    mask = np.zeros((48, 64), np.uint8)
    mask[0, 0], mask[0, 1] = 99, 255
    write_index_png(folder / 'img_01.png', mask, voc_palette())
    (folder / 'img_03.png').write_bytes(b'')
    with pytest.raises(ValueError, match=r'2 problem\(s\)') as error:
        data(voc_root, folder)
    assert 'found [99]' in str(error.value)
    assert 'img_03.png: expected an image, found an empty' in str(error.value)


def test_it_says_what_it_is(tmp_path):
    assert 'threshold=(0.3, 0.3)' in repr(
        LoadPseudoLabel(str(tmp_path), suffix='.npz'))
    assert repr(LoadPseudoLabel('.')) == "LoadPseudoLabel(pseudo_dir='.')"


@pytest.fixture
def trusted_dog(voc_root, tmp_path):
    """A corrected mask of an image of a dog, as an array, and its file."""
    labels = read_json(voc_root / 'image_labels.json')['images']
    name = next(name for name, found in labels.items() if found == ['dog'])
    shape = read_index_png(voc_root / 'SegmentationClass' /
                           f'{name}.png').shape
    mask = np.zeros(shape, np.uint8)
    mask[:20] = 12
    return mask, tmp_path / 'mine' / f'{name}.png'


def test_a_trusted_mask_that_an_editor_has_numbered_anew(
        voc_root, soft_dir, trusted_dog):
    mask, path = trusted_dog
    options = dict(suffix='.npz', trusted_dir=str(path.parent))
    path.parent.mkdir()
    colours = Image.fromarray(voc_palette()[mask])
    colours.quantize(colors=2).save(path)
    assert set(np.unique(read_index_png(path))) == {0, 1}
    with pytest.raises(ValueError, match=rf'{path.name}: index \d has the '
                       r'colour of \d+'):
        data(voc_root, soft_dir, **options)
    data(voc_root, soft_dir, check_origin=False, **options)
    # The same picture with its own indices, and colours of a person's own.
    write_index_png(path, mask, voc_palette())
    data(voc_root, soft_dir, **options)
    write_index_png(path, mask, voc_palette()[::-1])
    data(voc_root, soft_dir, **options)


def test_a_trusted_mask_of_another_size_is_no_missing_label(
        voc_root, soft_dir, trusted_dog):
    mask, path = trusted_dog
    write_index_png(path, mask[:9], voc_palette())
    with pytest.raises(ValueError, match=rf'trusted_dir {path.parent}: 1 '
                       r'problem\(s\)\. Correct these masks') as found:
        data(voc_root, soft_dir, suffix='.npz', trusted_dir=str(path.parent))
    assert str(path) in str(found.value)
    assert 'missing ones' not in str(found.value)


def test_a_trusted_mask_with_a_class_of_no_label_is_doubtful(
        voc_root, soft_dir, trusted_dog, monkeypatch):
    told = []
    monkeypatch.setattr('hsc_mm.pseudo_labels.trusted.print_log',
                        lambda line, *args: told.append(line))
    mask, path = trusted_dog
    write_index_png(path, np.where(mask, 8, 0).astype(np.uint8),
                    voc_palette())
    shutil.copy(path, path.with_name('img_00.PNG'))
    data(voc_root, soft_dir, suffix='.npz', trusted_dir=str(path.parent))
    assert (f'1 trusted masks show classes that the image label does not '
            f'name, such as (indices) {path} (8)') in told[1]
    assert '1 pictures are no masks <img_id>.png and are not read, such as ' \
        'img_00.PNG' in told[0]


def test_a_black_and_white_trusted_mask_is_no_mask_of_indices(
        voc_root, soft_dir, trusted_dog, monkeypatch):
    told = []
    monkeypatch.setattr('hsc_mm.pseudo_labels.trusted.print_log',
                        lambda line, *args: told.append(line))
    mask, path = trusted_dog
    white = 255 * (mask > 0).astype(np.uint8)
    options = dict(suffix='.npz', trusted_dir=str(path.parent))
    write_index_png(path, white, voc_palette())
    with pytest.raises(ValueError, match=r'(?s)trusted_dir .*none of 1 masks '
                       'holds an index of a class.*black-and-white'):
        data(voc_root, soft_dir, **options)
    write_index_png(path, np.full_like(mask, 255), voc_palette())
    data(voc_root, soft_dir, **options)  # left out of the training
    assert told == []
    write_index_png(path, white, voc_palette())
    labels = read_json(voc_root / 'image_labels.json')['images']
    other = next(name for name, found in labels.items()
                 if found and name != path.stem)
    shutil.copy(voc_root / 'SegmentationClass' / f'{other}.png', path.parent)
    data(voc_root, soft_dir, **options)
    line, = [line for line in told if 'background and ignored' in line]
    assert line.startswith(f'{path.parent}: 1 trusted masks hold')
    assert f'such as {path}' in line


def test_a_trusted_mask_of_another_picture(voc_root, soft_dir, trusted_dog):
    mask, path = trusted_dog
    image = voc_root / 'JPEGImages' / f'{path.stem}.jpg'
    options = dict(suffix='.npz', trusted_dir=str(path.parent))
    write_index_png(path, mask, voc_palette(), input_note(image, None))
    data(voc_root, soft_dir, **options)
    image.write_bytes(image.read_bytes() + b'0')
    with pytest.raises(ValueError, match=rf'{path.name}: made from another'):
        data(voc_root, soft_dir, **options)
    # An editor keeps no note: of such a mask nothing is known.
    write_index_png(path, mask, voc_palette())
    data(voc_root, soft_dir, **options)


def test_trusted_masks_of_no_image_are_counted(voc_root, soft_dir, tmp_path,
                                               monkeypatch):
    told = []
    monkeypatch.setattr('hsc_mm.datasets.transforms.pseudo_label.print_log',
                        lambda line, **kwargs: told.append(line))
    for name in ('img_02', 'img_99'):
        mask = read_index_png(voc_root / 'SegmentationClass' / 'img_02.png')
        write_index_png(tmp_path / 'mine' / f'{name}.png', mask,
                        voc_palette())
    data(voc_root, soft_dir, suffix='.npz', trusted_dir=str(tmp_path / 'mine'))
    assert '1 of 8 images have a trusted mask, 1 masks are of other images' \
        in told[0]


def test_two_images_of_one_name_do_not_share_a_label(voc_root):
    """A data set of mmseg has no ids; files go by their names."""
    load = LoadPseudoLabel(str(voc_root / 'SegmentationClass'))

    def sample(folder: str) -> dict:
        path = voc_root / 'JPEGImages' / folder / 'img_00.png'
        return dict(img_path=str(path), seg_fields=[],
                    img_shape=read_index_png(load._path(
                        dict(img_path=str(path)))).shape)

    (voc_root / 'JPEGImages/linked').symlink_to('a')
    for folder in ('a', 'linked', './a'):
        assert 'gt_seg_map' in load(sample(folder))
    with pytest.raises(ValueError, match=r'(?s)img_00\.png: expected the '
                       r'label of one image, found .*a/img_00.*b/img_00'):
        load(sample('b'))


def test_soft_cams_in_place_of_pngs_are_named(voc_root, soft_dir):
    with pytest.raises(ValueError, match=r'img_00\.png: missing') as found:
        data(voc_root, soft_dir)
    assert "set suffix='.npz' of hsc_mm.LoadPseudoLabel" in str(found.value)
    assert 'make_pseudo_labels' not in str(found.value)
    (soft_dir / 'img_01.npz').unlink()
    with pytest.raises(ValueError, match='make_pseudo_labels'):
        data(voc_root, soft_dir)
