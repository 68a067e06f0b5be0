"""Masks that go to annotation tools and come back, pixel by pixel."""
import csv
import errno
import json
import shutil
import sys
import zipfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from hsc_converters.exchange import (
    ExportOptions,
    ImportOptions,
    export_masks,
    find_format,
    import_masks,
)
from hsc_converters.exchange.brush import decode_brush, encode_brush
from hsc_converters.exchange.formats import FORMATS
from hsc_converters.exchange.polygons import components, outlines
from hsc_converters.exchange.records import Item, MaskClasses
from hsc_mm.cli import import_command
from hsc_mm.datasets.transforms import LoadPseudoLabel
from hsc_mm.pseudo_labels.files import write_soft_cam
from hsc_mm.pseudo_labels.folder import PseudoLabelFolder
from hsc_mm.pseudo_labels.origins import note_of
from hsc_mm.pseudo_labels.trusted import TRUSTED
from hsc_mm.utils import read_index_png, read_json, voc_palette, write_json
from hsc_mm.utils.images import write_index_png

NAMES = MaskClasses(('background', 'cat', 'dog, "old" & <big>', 'ignored'))
#: What Label Studio's own encoder makes of ``GOLDEN``, recorded by
#: label_studio_sdk 2.1.2: ``brush.mask2rle``.
GOLDEN = np.array([[0, 1, 1, 0, 0], [0, 0, 0, 0, 1], [1, 1, 1, 1, 1]])
GOLDEN_CODE = [0, 0, 0, 60, 57, 27, 252, 96, 19, 255, 225, 112, 12, 47, 254]


def noisy(seed: int, shape=(13, 17), classes=3) -> np.ndarray:
    """Draw a mask of blobs and single pixels, with ignored ones."""
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, classes + 1, shape).astype(np.uint8)
    big = rng.integers(0, classes + 1, (4, 4)).astype(np.uint8)
    big = cv2.resize(big, shape[::-1], interpolation=cv2.INTER_NEAREST)
    mask = np.where(rng.random(shape) < 0.7, big, mask)
    mask[rng.random(shape) < 0.1] = 255
    return mask


def items(count=4) -> list[Item]:
    shapes = [(13, 17), (1, 9), (20, 6), (8, 8)]
    found = [Item(f'sub/ä {n}', f'images/sub/ä {n}.jpg',
                  noisy(n, shapes[n % 4])) for n in range(count - 1)]
    return [*found, Item('nothing', 'images/nothing.png',
                         np.zeros((7, 5), np.uint8))]


def exact_component(part: np.ndarray) -> bool:
    runs = coco_mask.merge(
        coco_mask.frPyObjects(outlines(part), *part.shape))
    return np.array_equal(coco_mask.decode(runs).astype(bool), part)


def test_outlines_lose_no_pixel_and_have_no_holes():
    for seed in range(6):
        mask = np.random.default_rng(seed).random((14, 19)) < 0.6
        drawn = np.zeros(mask.shape, bool)
        for part, top, left in components(mask):
            assert exact_component(part)
            runs = coco_mask.merge(coco_mask.frPyObjects(
                outlines(part, top, left), *mask.shape))
            drawn |= coco_mask.decode(runs).astype(bool)
        assert np.array_equal(drawn, mask)
    ring = np.ones((5, 6), bool)
    ring[1:4, 1:5] = False
    ring[2, 2:4] = True     # an island in the hole
    assert [exact_component(p) for p, _, _ in components(ring)] == [True] * 2
    assert outlines(np.ones((2, 3), bool), 5, 7) == [[10, 5, 10, 7, 7, 7, 7,
                                                      5]]


def test_many_holes_do_not_label_the_rest_again_and_again(monkeypatch):
    part, looked = np.ones((257, 3), bool), 0
    part[1::2, 1] = False    # 128 holes, one below another
    label = cv2.connectedComponentsWithStats

    def count(image, **options):
        nonlocal looked
        looked += image.size
        return label(image, **options)

    monkeypatch.setattr(cv2, 'connectedComponentsWithStats', count)
    assert len(outlines(part)) == 129
    assert looked < 40 * part.size  # 8 = log2(128) times, twice, with a frame
    assert exact_component(part)


def test_brush_code_is_that_of_label_studio():
    assert encode_brush(GOLDEN.astype(bool)) == GOLDEN_CODE
    for seed in range(4):
        mask = noisy(seed) == 1
        assert np.array_equal(decode_brush(encode_brush(mask), 13, 17), mask)
    wide = np.zeros((2, 70000), bool)    # runs longer than a code has bits
    wide[1, 5:] = True
    assert np.array_equal(decode_brush(encode_brush(wide), 2, 70000), wide)
    # A run of single values, as the brush itself writes soft rims.
    bits = f'{8:032b}{7:05b}' + '0010001101111111' + '0' + '00' + '111' + (
        ''.join(f'{v:08b}' for v in (9, 9, 9, 127, 9, 9, 9, 128)))
    code = [int(bits[i:i + 8].ljust(8, '0'), 2)
            for i in range(0, len(bits), 8)]
    assert decode_brush(code, 1, 2).tolist() == [[False, True]]
    for broken in (code[:-2], [], [1, 2, 300], code[:7]):
        with pytest.raises(ValueError, match='expected'):
            decode_brush(broken, 1, 2)
    with pytest.raises(ValueError, match='RGBA of 3 x 1 pixels, found 8'):
        decode_brush(code, 1, 3)


@pytest.mark.parametrize('form', list(FORMATS))
def test_masks_come_back_exactly(tmp_path, form):
    write, read, _ = FORMATS[form]
    masks = {item.img_id: item.mask for item in items()}
    path = write(tmp_path, iter(items()), NAMES)[0]
    if form == 'fiftyone':
        path = tmp_path
    if form == 'label-studio':      # as when each prediction is accepted
        tasks = read_json(path)
        for task in tasks:
            task['annotations'] = task.pop('predictions')
        path.write_text(json.dumps(tasks))
    assert find_format(path) == ('coco' if 'coco' in form else form)
    found = {name: load(masks[name].shape)
             for name, load in read(path, NAMES)}
    assert found.keys() == masks.keys()
    for name, mask in masks.items():
        assert np.array_equal(found[name], mask), name


@pytest.mark.parametrize('packed', [True, False])
@pytest.mark.parametrize('form', ['fiftyone', 'cvat'])
def test_hidden_files_are_no_masks(tmp_path, form, packed):
    """As macOS puts them beside others."""
    path = FORMATS[form][0](tmp_path, items(1), NAMES)[0]
    folder = 'labels' if form == 'fiftyone' else 'SegmentationClass'
    names = (f'{folder}/._nothing.png', f'{folder}/.DS_Store')
    if form == 'cvat':
        with zipfile.ZipFile(path, 'a') as archive:
            for name in names:
                archive.writestr(name, b'\0\5\x16\7')
        if not packed:
            zipfile.ZipFile(path).extractall(tmp_path)
    else:
        for name in names:
            (tmp_path / name).write_bytes(b'\0\5\x16\7')
    path = path if form == 'cvat' and packed else tmp_path
    assert [name for name, _ in FORMATS[form][1](path, NAMES)] == ['nothing']


def test_blanks_around_an_id_come_back_from_cvat(tmp_path):
    given = [item._replace(img_id=name)
             for item, name in zip(items(3), (' a', 'b ', 'c'))]
    path = FORMATS['cvat'][0](tmp_path, given, NAMES)[0]
    with zipfile.ZipFile(path, 'a') as archive:
        archive.writestr('ImageSets/Segmentation/more.txt', 'c \r\nd\t\n\n')
    found = [name for name, _ in FORMATS['cvat'][1](path, NAMES)]
    assert found == [' a', 'b ', 'c', 'd']


@pytest.mark.parametrize('form', list(FORMATS))
def test_a_leading_dot_is_no_part_of_an_id(tmp_path, form):
    """A tool that lists files as ``find .`` does."""
    given = [item._replace(img_id=name, picture=f'images/{name}.jpg')
             for item, name in zip(items(3), ('a', 'b/c', 'd'), strict=True)]
    path = FORMATS[form][0](tmp_path, given, NAMES)[0]
    if form == 'cvat':
        with zipfile.ZipFile(path, 'a') as archive:
            archive.writestr('ImageSets/Segmentation/more.txt',
                             './a\n./b/./c\n./e\n')
    elif form == 'label-studio':
        tasks = read_json(path)
        for task, ids in zip(tasks, (True, False, False), strict=True):
            name = task['data'].pop('img_id')
            if ids:
                task['data']['img_id'] = f'./{name}'
            else:
                task['data']['image'] = f'/data/local-files/?d=./images/' \
                    f'./{name}.jpg'
            task['annotations'] = task.pop('predictions')
        write_json(path, tasks)
    elif form != 'fiftyone':
        content = read_json(path)
        for image in content['images']:
            image['file_name'] = f'./{image["file_name"]}'
        write_json(path, content)
    source = f'{tmp_path}/./' if form == 'fiftyone' else path
    found = dict(FORMATS[form][1](Path(source), NAMES))
    wanted = {one.img_id: one.mask for one in given}
    if form == 'cvat':
        wanted['e'] = np.zeros((5, 7), np.uint8)
    assert found.keys() == wanted.keys()
    for name, mask in wanted.items():
        assert np.array_equal(found[name](mask.shape), mask)


def test_coco_lists_a_picture_once_whatever_its_dots(tmp_path):
    given = [item._replace(img_id=name, picture=f'{name}.jpg')
             for item, name in zip(items(2), ('a', './a'), strict=True)]
    path = FORMATS['coco'][0](tmp_path, given, NAMES)[0]
    with pytest.raises(ValueError, match=r"'a.jpg', is listed twice"):
        list(FORMATS['coco'][1](path, NAMES))


@pytest.mark.parametrize('mode', ['RGB', 'P'])
def test_masks_of_colours_with_their_table(tmp_path, mode):
    """As a folder, which other programs write too."""
    (tmp_path / 'labelmap.txt').write_text(
        '\ufeff# label:color_rgb:parts:actions\n'
        'cat:0,128,0::\nbackground:0,0,0::\nignored:255,255,255::\n')
    mask = np.array([[0, 1, 1], [255, 0, 1]], np.uint8)
    colours = np.zeros((256, 3), np.uint8)
    colours[1], colours[255] = (0, 128, 0), 255
    picture = Image.fromarray(colours[mask])
    path = tmp_path / 'SegmentationClass' / 'a.png'
    path.parent.mkdir()
    (picture if mode == 'RGB' else picture.quantize(3)).save(path)
    assert Image.open(path).mode == mode
    assert find_format(tmp_path) == 'cvat'
    classes = MaskClasses(('background', 'cat'))
    (name, load), = FORMATS['cvat'][1](tmp_path, classes)
    assert name == 'a'
    assert np.array_equal(load(mask.shape), mask)


@pytest.mark.parametrize('form', ['coco', 'coco-polygons'])
def test_pycocotools_sees_the_same(tmp_path, form):
    path = FORMATS[form][0](tmp_path, items(), NAMES)[0]
    coco = COCO(str(path))
    assert [c['name'] for c in coco.loadCats(coco.getCatIds())] == [
        'cat', 'dog, "old" & <big>', 'ignored', '_ignored']
    for image, item in zip(coco.loadImgs(coco.getImgIds()), items()):
        drawn = np.zeros(item.mask.shape, np.uint8)
        for one in coco.loadAnns(coco.getAnnIds(image['id'])):
            pixels = coco.annToMask(one).astype(bool)
            assert not drawn[pixels].any()      # no overlap
            assert pixels.sum() == one['area']
            rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(
                pixels.any(0))
            assert one['bbox'] == [columns[0], rows[0],
                                   np.ptp(columns) + 1, np.ptp(rows) + 1]
            drawn[pixels] = one['category_id']
        assert image['file_name'] == item.picture
        assert np.array_equal(drawn, item.mask)


def test_datumaro_reads_and_writes_the_archive_of_cvat(tmp_path):
    datumaro = pytest.importorskip('datumaro')
    path = FORMATS['cvat'][0](tmp_path, items(), NAMES)[0]
    zipfile.ZipFile(path).extractall(tmp_path / 'there')
    data = datumaro.Dataset.import_from(
        str(tmp_path / 'there'), 'voc_segmentation')
    categories = data.categories()[datumaro.AnnotationType.label]
    for item in items():
        found = np.zeros(item.mask.shape, np.uint8)
        for one in data.get(item.img_id, 'default').annotations:
            name = categories[one.label].name
            found[one.image.astype(bool)] = NAMES.foreground[name]
        assert np.array_equal(found, item.mask)
    data.export(str(tmp_path / 'back'), 'voc_segmentation',
                label_map='source', apply_colormap=True)
    back = dict(FORMATS['cvat'][1](tmp_path / 'back', NAMES))
    for item in items():
        assert np.array_equal(back[item.img_id](item.mask.shape), item.mask)


@pytest.mark.parametrize('form', ['coco', 'coco-polygons'])
def test_coco_finds_a_picture_of_two_suffixes(tmp_path, form):
    given = [items()[0]._replace(img_id=name, picture=f'images/{name}{end}')
             for name, end in (('x.png', '.jpg'), ('y.jpg', '.jpg'),
                               ('w.jpg', '.png'), ('images/a', '.JPG'))]
    path = FORMATS[form][0](tmp_path, given, NAMES)[0]
    found = dict(FORMATS[form][1](path, NAMES))
    assert set(found) == {one.img_id for one in given}


@pytest.mark.parametrize('form', ['coco', 'coco-polygons'])
def test_coco_comes_back_with_as_many_classes_as_masks_hold(tmp_path, form):
    names = MaskClasses(('background', *map(str, range(254))))
    mask = np.arange(256, dtype=np.uint8).reshape(16, 16)
    path = FORMATS[form][0](tmp_path, [Item('a', 'images/a.jpg', mask)],
                            names)[0]
    (_, load), = FORMATS[form][1](path, names)
    assert np.array_equal(load(mask.shape), mask)


def test_label_studio_finds_a_picture_of_any_name(tmp_path):
    picture = 'images/cat & dog/a#1 + 50%25.jpg'
    item = items()[0]._replace(picture=picture)
    path = FORMATS['label-studio'][0](tmp_path, [item], NAMES)[0]
    task, = read_json(path)
    url = urlsplit(task['data']['image'])
    assert parse_qs(url.query) == dict(d=[picture])
    del task['data']['img_id']
    task['annotations'] = task.pop('predictions')
    path.write_text(json.dumps([task]))
    (name, _), = FORMATS['label-studio'][1](path, NAMES)
    assert name == 'cat & dog/a#1 + 50%25'


def test_label_studios_own_decoder_sees_the_same(tmp_path):
    brush = pytest.importorskip('label_studio_sdk.converter.brush')
    assert brush.mask2rle(GOLDEN.astype(np.uint8) * 255) == GOLDEN_CODE
    path = FORMATS['label-studio'][0](tmp_path, items(), NAMES)[0]
    for task, item in zip(read_json(path), items()):
        found = np.zeros(item.mask.shape, np.uint8)
        for one in task['predictions'][0]['result']:
            layers = brush.decode_from_annotation('mask', [
                {**one, **one['value']}])
            found[next(iter(layers.values())) > 0] = NAMES.foreground[
                one['value']['brushlabels'][0]]
        assert np.array_equal(found, item.mask)


def test_fiftyone_reads_its_folder(tmp_path):
    pytest.importorskip('fiftyone')
    from fiftyone.utils.data.importers import (
        ImageSegmentationDirectoryImporter,
    )
    FORMATS['fiftyone'][0](tmp_path, items(), NAMES)
    masks = {item.img_id: item.mask for item in items()}
    for name, mask in masks.items():
        file = tmp_path / 'data' / f'{name}.png'
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), mask)
    found = {}
    with ImageSegmentationDirectoryImporter(str(tmp_path)) as importer:
        for image, _, label in importer:
            name = image[len(str(tmp_path / 'data')) + 1:-4]
            found[name] = label.mask if label.mask is not None else (
                cv2.imread(label.mask_path, cv2.IMREAD_UNCHANGED))
    assert found.keys() == masks.keys()
    for name, mask in masks.items():
        assert np.array_equal(found[name], mask)


@pytest.fixture
def project(voc_root):
    """A config, a folder of pseudo labels, and its masks."""
    path = voc_root / 'config.py'
    path.write_text(f"""
model = dict(type='hsc_mm.CAMSegmentor')
train_dataloader = dict(dataset=dict(
    type='hsc_mm.ImageLabelDataset', data_root={str(voc_root)!r},
    label_file='image_labels.json', data_prefix=dict(img_path='JPEGImages')))
""")
    masks = {}
    for number in range(8):
        name = f'img_{number:02d}'
        mask = read_index_png(voc_root / 'SegmentationClass' / f'{name}.png')
        masks[name] = np.select([mask == 8, mask == 12, mask == 255],
                                [1, 2, 255], 0).astype(np.uint8)
        write_index_png(voc_root / 'pseudo' / f'{name}.png', masks[name],
                        voc_palette())
    return Config.fromfile(path), voc_root, masks


def test_masks_of_other_pictures_are_not_exported(project, tmp_path):
    # "1" and "1-2" are names by the order of folders, as in predict.
    cfg, root, masks = project
    folders = []
    for name, number in (('img_01', '1'), ('img_03', '1-2')):
        folders.append(tmp_path / name)
        folders[-1].mkdir()
        picture = shutil.copy(root / 'JPEGImages' / f'{name}.jpg',
                              folders[-1] / '1.jpg')
        write_index_png(tmp_path / 'p' / f'{number}.mask.png', masks[name],
                        voc_palette(), note_of(picture))
    for folder in (tmp_path / 'right', tmp_path / 'wrong'):
        def export(images, folder=folder, **more):
            export_masks(cfg, tmp_path / 'p', folder, ExportOptions(
                'coco', images=tuple(map(str, images)), **more))
        if folder.name == 'right':
            export(folders)
            assert (folder / 'instances.json').is_file()
        else:
            with pytest.raises(ValueError, match=r'1\.mask\.png: made from '
                               r'another image than .*img_03/1\.jpg'):
                export(folders[::-1])
            assert not folder.exists()
            export(folders[::-1], accept_origin=True)
            assert (folder / 'instances.json').is_file()


def test_from_pseudo_labels_to_training(project, tmp_path):
    cfg, root, masks = project
    out, trusted = tmp_path / 'out', tmp_path / 'trusted'
    export_masks(cfg, root / 'pseudo', out, ExportOptions('cvat'))
    picture = out / 'images' / 'img_03.jpg'
    assert picture.read_bytes() == (
        root / 'JPEGImages' / 'img_03.jpg').read_bytes()
    found = import_masks(cfg, out / 'annotations.zip', trusted)
    assert sorted(found.written) == sorted(masks)
    assert found.ignored == np.mean(np.concatenate(
        [m.ravel() == 255 for m in masks.values()]))
    for name, mask in masks.items():
        assert np.array_equal(read_index_png(trusted / f'{name}.png'), mask)

    # A person corrects one; the others are as they were.
    better = masks['img_03'].copy()
    better[better == 255] = 0
    (tmp_path / 'again').mkdir()
    FORMATS['coco'][0](tmp_path / 'again', [
        Item('img_03', 'images/img_03.jpg', better),
        Item('img_04', 'images/img_04.jpg', masks['img_04'])],
        MaskClasses(('background', 'cat', 'dog')))
    again = tmp_path / 'again' / 'instances.json'
    found = import_masks(cfg, again, trusted)
    assert (found.written, found.same) == ([], ['img_04'])
    assert 'img_03.png: expected no trusted mask' in found.refused[0]
    found = import_masks(cfg, again, tmp_path / 'new', ImportOptions(
        changed_from=str(root / 'pseudo')))
    assert (found.written, found.unchanged) == (['img_03'], ['img_04'])
    found = import_masks(cfg, again, trusted, ImportOptions(replace=True))
    assert (found.written, found.refused) == (['img_03'], [])
    assert read_json(trusted / 'trusted_masks.json')['masks']['img_03'] == (
        dict(source='instances.json', format='coco'))

    # What lies there by hand is never replaced, trusted or not.
    by_hand = tmp_path / 'hand' / 'img_03.png'
    write_index_png(by_hand, masks['img_03'], voc_palette())
    before = by_hand.read_bytes()
    found = import_masks(cfg, again, by_hand.parent,
                         ImportOptions(replace=True))
    assert 'was written by this tool' in found.refused[0]
    assert by_hand.read_bytes() == before
    # Pseudo labels and trusted masks never share a folder.
    with pytest.raises(FileExistsError, match='found other files in it'):
        PseudoLabelFolder(trusted, {})
    (root / 'pseudo' / 'pseudo_labels.json').write_text('{}')
    with pytest.raises(FileExistsError, match='which the next run overwrites'):
        import_masks(cfg, again, root / 'pseudo')
    # The export leaves out what is trusted already.
    queue, _ = export_masks(cfg, root / 'pseudo', tmp_path / 'rest',
                            ExportOptions(trusted=str(tmp_path / 'new')))
    assert len(queue) == 7
    assert 'img_03' not in {one.img_id for one in queue}


@pytest.mark.parametrize('form', list(FORMATS))
def test_an_export_is_not_written_over(project, tmp_path, form):
    """It may hold corrections by now."""
    cfg, root, _ = project
    out = tmp_path / 'out'
    export_masks(cfg, root / 'pseudo', out, ExportOptions(form))
    (out / 'queue.json').unlink()       # as one that was interrupted
    before = {path: path.read_bytes() for path in out.rglob('*')
              if path.is_file()}
    with pytest.raises(FileExistsError, match=r'--out .*Corrections.*new '
                       'folder'):
        export_masks(cfg, root / 'pseudo', out, ExportOptions(form, first=2))
    assert before == {path: path.read_bytes() for path in out.rglob('*')
                      if path.is_file()}
    shutil.rmtree(out)
    export_masks(cfg, root / 'pseudo', out, ExportOptions(form, first=2))
    with pytest.raises(FileExistsError, match='inputs'):    # not "corrections"
        export_masks(cfg, out, out, ExportOptions(form))


def test_predictions_of_other_classes_are_refused(project, tmp_path):
    """``predict`` writes the names of its model beside each mask."""
    cfg, _, masks = project
    folder = tmp_path / 'predicted'

    def export(stage, names, mask_names=('background', 'cat', 'dog')):
        for name, mask in masks.items():
            write_index_png(folder / f'{name}.mask.png', mask, voc_palette())
            drawn = mask.copy()
            for index, one in enumerate(mask_names):
                drawn[mask == index] = names.index(one)
            present = sorted({*np.unique(mask).tolist()} - {0, 255})
            raw = dict(mask=drawn, names=names) if stage == 'seg' else dict(
                cam=np.zeros((len(present), *mask.shape), np.float16),
                classes=present, names=[mask_names[i] for i in present])
            np.savez(folder / f'{name}.npz', **raw)
        export_masks(cfg, folder, tmp_path / f'{stage}{len(names)}')

    for stage in ('seg', 'cam'):
        export(stage, ['background', 'cat', 'dog'])
        # A model of more classes, in another order.
        export(stage, ['background', 'dog', 'elk', 'cat'])
        with pytest.raises(ValueError, match=r'img_0\d\.npz: expected index 1 '
                           r'to be "cat".*found "ant"'):
            export(stage, ['background', 'ant', 'cat', 'dog', 'x'],
                   ('background', 'ant', 'cat'))
    path = folder / 'img_00.npz'
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r'img_00\.npz: expected an npz'):
        export_masks(cfg, folder, tmp_path / 'cut')


def test_masks_of_other_classes_than_the_labels_are_refused(project,
                                                            tmp_path):
    """Masks of ``test --out`` say nothing of what their indices mean."""
    cfg, _, masks = project
    folder = tmp_path / 'tested'
    for name, mask in masks.items():
        turned = np.where((mask > 0) & (mask < 255), 3 - mask, mask)
        write_index_png(folder / f'{name}.png', turned, voc_palette())
    with pytest.raises(ValueError, match=r'--accept-labels\.\n.* labelled '):
        export_masks(cfg, folder, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
    export_masks(cfg, folder, tmp_path / 'out',
                 ExportOptions(accept_labels=True))
    for name, mask in masks.items():    # nothing was found: it can be drawn
        write_index_png(folder / f'{name}.png', 0 * mask, voc_palette())
    export_masks(cfg, folder, tmp_path / 'empty')


@pytest.mark.parametrize(('names', 'found'), [
    (['background', 'dog', 'cat'], 'an index means another class'),
    (['background', 'cat', 'dog', 'elk'], 'an index means another class'),
    (['background', 'cat', 'dog'], None)])
@pytest.mark.parametrize('manifest', ['pseudo_labels.json',
                                      'imported_seeds.json', TRUSTED])
def test_other_masks_name_the_same_classes(project, tmp_path, manifest, names,
                                           found):
    cfg, root, _ = project
    other = tmp_path / 'other'
    shutil.copytree(root / 'pseudo', other)
    write_json(other / manifest, dict(mask_classes=names))
    options = ExportOptions(against=(str(other), ))
    if found is None:
        export_masks(cfg, root / 'pseudo', tmp_path / 'o', options)
        return
    with pytest.raises(ValueError, match=f'{other / manifest}: expected masks '
                       rf'of the classes .*{found}'):
        export_masks(cfg, root / 'pseudo', tmp_path / 'o', options)
    assert not (tmp_path / 'o').exists()


def test_other_masks_mean_the_same_classes(project, tmp_path):
    cfg, root, masks = project
    other, out = tmp_path / 'other', tmp_path / 'out'

    def export(*folders, change=lambda mask: mask, **more):
        for name, mask in masks.items():
            write_index_png(other / f'{name}.png', change(mask),
                            voc_palette())
        options = ExportOptions(against=(*map(str, folders), str(other)),
                                **more)
        export_masks(cfg, root / 'pseudo', out, options)

    with pytest.raises(ValueError, match=r'img_00\.png: expected indices '
                       r'0\.\.2 and 255.*found \[9\]'):
        export(change=lambda mask: np.where(mask == 1, 9, mask))
    with pytest.raises(ValueError, match=r'img_00\.png: expected a mask of '
                       'the size'):
        export(change=lambda mask: mask[1:])
    turned = dict(change=lambda mask: np.where(
        (mask > 0) & (mask < 255), 3 - mask, mask))
    with pytest.raises(ValueError, match=rf'{other}: .*--accept-labels\.\n.* '
                       'labelled '):
        export(root / 'pseudo', **turned)
    assert not out.exists()
    np.savez(other / 'img_00.npz', cam=np.zeros(
        (1, *masks['img_00'].shape), np.float16), classes=[1], names=['elk'])
    with pytest.raises(ValueError, match=rf'{other}/img_00\.npz: expected '
                       'index 1 to be "cat".*found "elk"'):
        export(accept_labels=True)
    (other / 'img_00.npz').unlink()
    export(accept_labels=True, **turned)


def test_a_folder_without_trusted_masks_is_another_one(project, tmp_path):
    cfg, root, _ = project
    for folder in (root / 'JPEGImages', root / 'SegmentationClass'):
        if folder.name == 'SegmentationClass':
            write_json(folder / TRUSTED, dict(mask_classes=['x']))
        with pytest.raises(ValueError, match='expected masks'):
            export_masks(cfg, root / 'pseudo', tmp_path / 'o',
                         ExportOptions(trusted=str(folder)))
    assert not (tmp_path / 'o').exists()


def test_the_second_stage_reads_trusted_masks_whole(project, tmp_path):
    _, root, masks = project
    for name, mask in masks.items():
        write_soft_cam(tmp_path / 'soft' / f'{name}.npz',
                       np.full((1, *mask.shape), 0.3), [1])
    better = np.full(masks['img_02'].shape, 2, np.uint8)
    write_index_png(tmp_path / 'trusted' / 'img_02.png', better,
                    voc_palette())
    (tmp_path / 'soft' / 'img_02.npz').unlink()     # not needed
    loader = LoadPseudoLabel(
        str(tmp_path / 'soft'), '.npz', band=(0.2, 0.4),
        trusted_dir=str(tmp_path / 'trusted'))

    def info(name, label_map=None):
        return dict(img_path=str(root / 'JPEGImages' / f'{name}.jpg'),
                    img_id=name, img_shape=masks[name].shape, seg_fields=[],
                    label_map=label_map)

    infos = [info(name) for name in masks]
    loader.scan(infos, ['background', 'cat', 'dog'])
    assert (loader.transform(info('img_02'))['gt_seg_map'] == 2).all()
    turned = loader.transform(info('img_02', {0: 0, 1: 2, 2: 1}))
    assert (turned['gt_seg_map'] == 1).all()
    assert (loader.transform(info('img_01'))['gt_seg_map'] == 255).all()
    assert 'trusted_dir' in repr(loader)
    with pytest.raises(ValueError, match=r'such as img_01\.png, found 1'):
        loader.scan([info('img_01')], None)
    write_index_png(tmp_path / 'trusted' / 'img_05.png', better[:5],
                    voc_palette())
    loader = LoadPseudoLabel(str(tmp_path / 'soft'), '.npz',
                             trusted_dir=str(tmp_path / 'trusted'))
    with pytest.raises(ValueError, match=r'img_05\.png: expected a pseudo'):
        loader.scan(infos)
    (tmp_path / 'trusted' / 'trusted_masks.json').write_text(
        '{"mask_classes": ["background", "dog", "cat"]}')
    with pytest.raises(ValueError, match='an index means another class'):
        loader.scan(infos, ['background', 'cat', 'dog'])
    with pytest.raises(FileNotFoundError, match=r'trusted_dir .*hsc_mm impo'):
        LoadPseudoLabel(str(root), trusted_dir=str(tmp_path / 'none'))
    assert LoadPseudoLabel(str(root), trusted_dir='none').trusted.ids == set()


def test_the_most_doubtful_comes_first(project, tmp_path):
    cfg, root, masks = project
    pseudo = root / 'pseudo'
    write_index_png(pseudo / 'img_06.png', masks['img_06'] * 0,
                    voc_palette())      # the cat is missing
    masks['img_05'][:20] = 255
    write_index_png(pseudo / 'img_05.png', masks['img_05'], voc_palette())
    soft = np.full((2, *masks['img_02'].shape), 0.25)
    soft[0] = 0.75
    write_soft_cam(pseudo / 'img_02.npz', soft, [1, 2])
    other = tmp_path / 'other'
    for name, mask in masks.items():
        write_index_png(other / f'{name}.png', mask, voc_palette())
    turned = masks['img_02'].copy()
    turned[:, ::2][turned[:, ::2] != 255] = 1
    write_index_png(other / 'img_02.png', turned, voc_palette())
    queue, files = export_masks(
        cfg, pseudo, tmp_path / 'out', ExportOptions(
            'label-studio', first=3, against=(str(other), )))
    assert [one.img_id for one in queue] == ['img_06', 'img_02', 'img_05']
    first, second, third = queue
    valid = masks['img_02'] != 255
    apart = (turned != masks['img_02'])[valid].mean()
    assert second.disagreement == pytest.approx(apart)
    assert second.confidence == pytest.approx(0.25)
    assert second.priority == pytest.approx(
        ((~valid).mean() + apart + 0.75) / 3)
    assert third.priority == pytest.approx((masks['img_05'] == 255).mean() / 2)
    assert (first.missing, first.confidence) == (('cat', ), None)
    assert first.priority > 1
    tasks = read_json(tmp_path / 'out' / 'tasks.json')
    assert [one['data']['img_id'] for one in tasks] == [
        one.img_id for one in queue]
    rows = list(csv.DictReader(
        (tmp_path / 'out' / 'queue.csv').read_text().splitlines()))
    assert [row['img_id'] for row in rows] == [o.img_id for o in queue]
    assert rows[0]['missing'] == 'cat'
    listed = read_json(tmp_path / 'out' / 'queue.json')
    assert listed[1]['confidence'] == 0.25
    assert [path.name for path in files[-2:]] == ['queue.csv', 'queue.json']


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


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


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


def test_only_what_a_person_submitted_counts_in_label_studio(
        project, tmp_path):
    cfg, root, masks = project
    out = tmp_path / 'out'
    export_masks(cfg, root / 'pseudo', out, ExportOptions('label-studio'))
    path = out / 'tasks.json'
    with pytest.raises(ValueError, match='tasks without an annotation'):
        import_masks(cfg, path, tmp_path / 'trusted')

    def submit(tasks):
        for number, task in enumerate(tasks[:3]):
            result = task['predictions'][0]['result']
            task['annotations'] = [
                dict(result=result, updated_at='2024-02-01',
                     was_cancelled=number == 1),
                dict(result=[], updated_at='2024-01-01',
                     was_cancelled=number == 1)]
        del tasks[2]['data']['img_id']      # then the name of the picture
    edit(path, submit)
    names = [one['data'].get('img_id') for one in read_json(path)]
    found = import_masks(cfg, path, tmp_path / 'trusted')
    assert len(found.written) == 2 and not found.refused
    assert found.written[0] == names[0] and names[1] not in found.written
    for name in found.written:
        assert np.array_equal(
            read_index_png(tmp_path / 'trusted' / f'{name}.png'),
            masks[name])

    def outline(tasks):
        tasks[0]['annotations'][0]['result'] = [dict(
            type='polygonlabels', value=dict(points=[]))]
    edit(path, outline)
    found = import_masks(cfg, path, tmp_path / 'other')
    assert 'regions of the brush, with one label each, found polygonl' in (
        found.refused[0])
    brush = dict(type='brushlabels', value=dict(rle=[], brushlabels=5))
    for wrong in (5, [5], [dict(brush, value=5)], [brush]):
        content = read_json(path)
        content[0]['annotations'][0]['result'] = wrong
        path.write_text(json.dumps(content))
        found = import_masks(cfg, path, tmp_path / 'wrong')
        assert ': expected ' in found.refused[0]
    content[0]['annotations'] = 5
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='a list of tasks'):
        import_masks(cfg, path, tmp_path / 'wrong')


def bring_pictures(form, root, given, out):
    """Import masks of pictures: name in the file -> mask."""
    path = root / f'{form}.json'
    shutil.rmtree(root / form, ignore_errors=True)
    file = FORMATS[form][0](root / form, [
        Item('', name, mask) for name, mask in given.items()],
        MaskClasses(('background', 'cat', 'dog')))[0]
    content = read_json(file)
    for task in content if form == 'label-studio' else ():
        del task['data']['img_id']
        task['annotations'] = task.pop('predictions')
    write_json(path, content)
    cfg = Config.fromfile(root / 'config.py')
    return import_masks(cfg, path, out, ImportOptions(accept_labels=True))


@pytest.mark.parametrize('form', ['coco', 'label-studio'])
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


def test_the_last_annotation_counts_in_several_tasks(project, tmp_path):
    cfg, root, masks = project
    export_masks(cfg, root / 'pseudo', tmp_path / 'out',
                 ExportOptions('label-studio', first=2))
    path = tmp_path / 'out' / 'tasks.json'
    first, second = read_json(path)
    good = first['predictions'][0]['result']
    wanted = first['data']['img_id']

    def take(*tasks):
        write_json(path, [
            dict(second, annotations=second['predictions']),
            *(dict(data=data, annotations=[dict(result=result, **date)])
              for data, result, date in tasks)])
        out = tmp_path / str(len([*tmp_path.iterdir()]))
        found = import_masks(cfg, path, out, ImportOptions(
            accept_labels=True, replace=True))
        assert second['data']['img_id'] in found.written
        file = out / f'{wanted}.png'
        return read_index_png(file) if file.is_file() else found.refused[0]

    old, new = dict(updated_at='2024-01-01'), dict(updated_at='2024-05-01')
    by_picture = dict(image=first['data']['image'])
    for data in (first['data'], by_picture):
        for tasks in ([(data, good, new), (first['data'], [], old)],
                      [(first['data'], [], old), (data, good, new)]):
            assert np.array_equal(take(*tasks), masks[wanted])
    assert np.array_equal(take((by_picture, good, new), (
        by_picture, good, new)), masks[wanted])
    assert f'{wanted}: expected one annotation that was updated last, found ' \
        '2 of "updated_at" None.' in take(
            (by_picture, good, {}), (by_picture, [], {}))


def test_two_masks_of_one_image_are_refused(project, tmp_path):
    _, root, masks = project
    found = bring_pictures('coco', root, {
        'img_01.jpg': masks['img_01'], 'images/img_01.jpg': masks['img_03'],
        'img_05.jpg': masks['img_05']}, tmp_path / 'trusted')
    assert found.written == ['img_05']
    assert found.refused == [
        f'{root / "coco.json"}: expected one mask of "img_01", found 2. '
        'Remove all but the right one.']


def test_damaged_archives_are_told(tmp_path):
    write, read, _ = FORMATS['cvat']
    path = write(tmp_path, items(), NAMES)[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:50])
    with pytest.raises(ValueError, match='expected a zip archive'):
        list(read(path, NAMES))
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('../labelmap.txt', 'cat:1,2,3::')
    with pytest.raises(ValueError, match='leaves its folder'):
        list(read(path, NAMES))
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('labelmap.txt', 'cat:1,2,3::\nbackground:0,0,0::')
        archive.writestr('SegmentationClass/a.png', cv2.imencode(
            '.png', np.full((2, 2, 3), 9, np.uint8))[1].tobytes())
        archive.writestr('SegmentationClass/b.png', bytes(5 << 20))
    found = dict(read(path, NAMES))
    with pytest.raises(ValueError, match=r'colours of .*found \(9, 9, 9\)'):
        found['a']((2, 2))
    with pytest.raises(ValueError, match='expected at most'):
        found['b']((2, 2))


def test_the_commands(project, tmp_path, monkeypatch, capsys):
    _, root, masks = project
    out, trusted = tmp_path / 'out', tmp_path / 'trusted'

    def call(name, *arguments):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments),
                                          '--config', root / 'config.py'])
        sys.argv = list(map(str, sys.argv))
        status = import_command(name).main()
        return status, capsys.readouterr()

    status, said = call('export', root / 'pseudo', '--out', out, '--first',
                        3, '--format', 'fiftyone')
    assert (status, '3 masks' in said.out) == (0, True)
    assert len(list((out / 'data').iterdir())) == 3
    status, said = call('import', out, '--out', trusted)
    assert status == 0
    assert '3 trusted masks written (fiftyone), 0 were there' in said.out
    # Predictions of pictures that belong to no data set.
    for name in ('img_01', 'img_02'):
        write_index_png(tmp_path / 'predicted' / f'{name}.mask.png',
                        masks[name], voc_palette())
    shown = ['--images', *(root / 'JPEGImages' / f'{name}.jpg'
                           for name in ('img_01', 'img_02'))]
    status, _ = call('export', tmp_path / 'predicted', '--out',
                     tmp_path / 'predicted_out', *shown)
    assert status == 0
    status, said = call('import', tmp_path / 'predicted_out' /
                        'instances.json', '--out', tmp_path / 'new', *shown)
    assert (status, '2 trusted masks written' in said.out) == (0, True)
    write_index_png(next((out / 'labels').iterdir()),
                    masks['img_00'][:3], voc_palette())
    status, said = call('import', out, '--out', trusted)
    assert status == 1
    assert 'expected a mask of the size' in said.err
