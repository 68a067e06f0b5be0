"""Imports: an early end, wrong corrections, and names of pictures."""
import errno
import shutil
import unicodedata

import numpy as np
import pytest
from exchange_masks import edit
from mmengine.config import Config
from PIL import Image

from hsc_converters.exchange import (
    ExportOptions,
    ImportOptions,
    export_masks,
    find_format,
    import_masks,
)
from hsc_converters.exchange.formats import FORMATS
from hsc_converters.exchange.records import Item, MaskClasses
from hsc_mm.pseudo_labels.origins import note_of, read_note
from hsc_mm.utils import read_index_png, read_json, write_json
from hsc_mm.utils.images import write_index_png


@pytest.mark.parametrize('end', [
    KeyboardInterrupt(), OSError(errno.ENOSPC, 'No space left on device')])
def test_an_import_that_ends_early_continues(project, tmp_path, monkeypatch,
                                             end):
    cfg, root, masks = project
    export_masks(cfg, root / 'pseudo', tmp_path / 'out')
    trusted, real, calls = tmp_path / 'trusted', write_index_png, []

    def write(*args):
        calls.append(args)
        if len(calls) == 3:
            raise end
        return real(*args)
    monkeypatch.setattr('hsc_converters.exchange.importer.write_index_png',
                        write)
    with pytest.raises(type(end)):  # no mask is called wrong
        import_masks(cfg, tmp_path / 'out' / 'instances.json', trusted)
    assert read_json(trusted / 'trusted_masks.json')['mask_classes'] == [
        'background', 'cat', 'dog']
    found = import_masks(cfg, tmp_path / 'out' / 'instances.json', trusted)
    assert (len(found.same), len(found.written)) == (2, 6)
    assert set(read_json(trusted / 'trusted_masks.json')['masks']) == set(
        masks)


def test_a_mask_of_a_picture_that_has_changed_is_imported_again(
        project, tmp_path):
    cfg, root, masks = project
    export_masks(cfg, root / 'pseudo', tmp_path / 'out')
    file, trusted = tmp_path / 'out' / 'instances.json', tmp_path / 'trusted'
    import_masks(cfg, file, trusted)
    picture = root / 'JPEGImages' / 'img_00.jpg'
    Image.open(picture).save(picture, quality=60)
    found = import_masks(cfg, file, trusted)
    assert (found.written, len(found.same)) == (['img_00'], len(masks) - 1)
    assert read_note(trusted / 'img_00.png') == note_of(picture)
    assert len(import_masks(cfg, file, trusted).same) == len(masks)


def test_what_is_wrong_with_a_correction_is_told(project, tmp_path):
    cfg, root, masks = project
    out = tmp_path / 'out'
    export_masks(cfg, root / 'pseudo', out, ExportOptions(first=2))
    path = out / 'instances.json'

    def rename(content):
        content['categories'][0]['name'] = 'Cat'

    edit(path, rename)
    with pytest.raises(ValueError, match=r'found "Cat"\. Is "cat" meant'):
        import_masks(cfg, path, tmp_path / 'trusted')

    def spoil(content):
        content['categories'][0]['name'] = 'cat'
        content['annotations'] = [
            one for one in content['annotations'] if one['image_id'] == 1]
        content['images'][1]['file_name'] = 'images/stranger.jpg'
    edit(path, spoil)
    found = import_masks(cfg, path, tmp_path / 'trusted')
    assert len(found.written) == 1
    assert 'found "stranger"' in found.refused[0]

    def shrink(content):
        content['images'][0]['height'] -= 1
    edit(path, shrink)
    found = import_masks(cfg, path, tmp_path / 'trusted')
    assert 'expected runs of size' in found.refused[0]
    FORMATS['fiftyone'][0](out, [
        Item('img_01', '', masks['img_01'][1:]),
        Item('img_02', '', np.where(masks['img_02'] == 1, 0,
                                    masks['img_02'])),
        Item('img_03', '', np.where(masks['img_03'] == 1, 2,
                                    masks['img_03']))],
        MaskClasses(('background', 'cat', 'dog')))
    found = import_masks(cfg, out, tmp_path / 'trusted')
    assert 'img_01: expected a mask of the size' in found.refused[0]
    assert 'img_02: expected the classes of its image label, cat, dog, but ' \
        'the mask lacks cat.' in found.refused[1]
    assert 'the mask shows dog and lacks cat' in found.refused[2]
    found = import_masks(cfg, out, tmp_path / 'accepted',
                         ImportOptions(accept_labels=True))
    assert found.written == ['img_02', 'img_03']
    for name, text in (('x.txt', 'none of these'), ('gone.json', 'no such')):
        (tmp_path / 'x.txt').write_text('')
        with pytest.raises((ValueError, FileNotFoundError), match=text):
            find_format(tmp_path / name)


def bring_pictures(form, root, given, out):
    """Import masks of pictures: name in the file -> mask."""
    path = root / f'{form}.json'
    shutil.rmtree(root / form, ignore_errors=True)
    file = FORMATS[form][0](root / form, [
        Item(name.removesuffix('.jpg'), name, mask)
        for name, mask in given.items()],
        MaskClasses(('background', 'cat', 'dog')))[0]
    cfg = Config.fromfile(root / 'config.py')
    if form == 'cvat':
        return import_masks(cfg, file, out, ImportOptions(accept_labels=True))
    content = read_json(file)
    for task in content if form == 'label-studio' else ():
        del task['data']['img_id']
        task['annotations'] = task.pop('predictions')
    write_json(path, content)
    return import_masks(cfg, path, out, ImportOptions(accept_labels=True))


@pytest.mark.parametrize('form', ['coco', 'label-studio', 'cvat'])
def test_ids_that_begin_as_the_folder_of_an_export(project, tmp_path, form):
    _, root, masks = project
    pictures = root / 'JPEGImages'
    (pictures / 'images').mkdir()
    for name in ('img_01', 'img_03'):
        shutil.copy(pictures / f'{name}.jpg', pictures / 'images')
    write_json(root / 'image_labels.json', dict(
        classes=['cat', 'dog'], images={name: ['cat'] for name in (
            'img_01.jpg', 'images/img_01.jpg', 'images/img_03.jpg')}))
    one, other, third = (masks[f'img_0{n}'] for n in (1, 3, 5))

    def check(wanted, given):
        out = tmp_path / str(len([*tmp_path.iterdir()]))
        found = bring_pictures(form, root, given, out)
        assert not found.refused
        assert sorted(found.written) == sorted(wanted)
        for name, mask in wanted.items():
            assert np.array_equal(read_index_png(out / f'{name}.png'), mask)

    # One with the id of one image alone.
    check({'images/img_03': one}, {'images/img_03.jpg': one})
    # Names of the data, and those of an export.
    check({'images/img_01': one, 'images/img_03': other},
          {'images/img_01.jpg': one, 'images/img_03.jpg': other})
    check({'images/img_01': one, 'img_01': other},
          {'images/img_01.jpg': one, 'img_01.jpg': other})
    check({'images/img_01': one, 'img_01': other, 'images/img_03': third},
          {'images/images/img_01.jpg': one, 'images/img_01.jpg': other,
           'images/images/img_03.jpg': third})
    found = bring_pictures(form, root, {'images/img_01.jpg': one},
                           tmp_path / 'unclear')
    assert not found.written
    assert 'found "images/img_01": it may be the image of this name or, in ' \
        'the folder of an export, "img_01". Write "images/images/img_01" or ' \
        '"img_01" there.' in found.refused[0]
    for name, wanted in (('images/images/img_01', 'images/img_01'),
                         ('img_01', 'img_01')):
        check({wanted: one}, {f'{name}.jpg': one})


def test_two_masks_of_one_image_are_refused(project, tmp_path):
    _, root, masks = project
    found = bring_pictures('coco', root, {
        'img_01.jpg': masks['img_01'], 'images/img_01.jpg': masks['img_03'],
        'img_05.jpg': masks['img_05']}, tmp_path / 'trusted')
    assert found.written == ['img_05']
    assert found.refused == [
        f'{root / "coco.json"}: expected one mask of "img_01", found 2. '
        'Remove all but the right one.']


@pytest.mark.parametrize('form', ['coco', 'label-studio', 'cvat'])
@pytest.mark.parametrize('folder', ['', 'images/'])
def test_a_letter_and_its_accent_may_be_two_characters(
        project, tmp_path, form, folder):
    _, root, masks = project
    shutil.copy(root / 'JPEGImages' / 'img_01.jpg',
                root / 'JPEGImages' / 'Käse.jpg')
    write_json(root / 'image_labels.json', dict(
        classes=['cat', 'dog'], images={'Käse.jpg': ['cat']}))
    found = bring_pictures(form, root, {
        unicodedata.normalize('NFD', f'{folder}Käse.jpg'): masks['img_01']},
        tmp_path / 'out')
    assert (found.refused, found.written) == ([], ['Käse'])
    assert np.array_equal(read_index_png(tmp_path / 'out' / 'Käse.png'),
                          masks['img_01'])
