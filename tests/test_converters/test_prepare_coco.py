"""Labels, lists and masks of COCO, by the tool as a user types it."""
import hashlib
import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import run_here
from PIL import Image
from pycocotools.coco import COCO
from tiny_coco import (
    CAT,
    DOG,
    GAPS,
    annotation,
    box,
    instances_path,
    make_coco,
    name,
    runs,
)

from hsc_converters.coco_files import (
    read_split,
    write_lists,
    write_masks,
)
from hsc_converters.coco_masks import broken_outlines, draw_mask
from hsc_converters.coco_origins import check_masks
from hsc_mm.datasets.coco_annotations import parse_instances
from hsc_mm.utils import read_index_png, read_json

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'prepare_coco.py'


run = partial(run_here, 'prepare_coco')


def checksums(text: str) -> dict[str, str]:
    """Return split -> checksum, as printed."""
    return dict(re.findall(r'^  (\w+2014) ([0-9a-f]{64})$', text, re.M))


def mask_file(root, image: int, split='train2014') -> Path:
    """Return the path of a mask."""
    return root / 'SegmentationClass' / split / f'{name(split, image)}.png'


def masks(root, workers=1, split='train2014'):
    """Draw the masks of the annotated images of a split."""
    instances, source = read_split(root, split), check_masks(root, split)
    return write_masks(root, split, instances.annotated(), source, workers)


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
    """A prepared data set and what the tool said."""
    root = make_coco(tmp_path_factory.mktemp('coco'))
    done = run('--root', root, '--workers', 2)
    assert done.returncode == 0, done.stderr
    return root, done


@pytest.mark.slow
def test_labels_and_lists_leave_out_images_without_annotation(prepared):
    root, done = prepared
    labels = read_json(root / 'image_labels_train2014.json')
    assert len(labels['classes']) == 80
    assert labels['classes'][15:17] == ['cat', 'dog']
    assert list(labels['images'].values()) == [
        ['dog'], ['cat', 'dog'], ['cat', 'dog'], ['cat', 'toothbrush'],
        ['cat'], ['cat']]
    listed = (root / 'ImageSets/train2014.txt').read_text().split()
    assert listed == [name('train2014', i) for i in range(101, 107)]
    assert 'labels of 6 of 7 images, 1 without any annotation left out' in (
        done.stdout)
    assert len((root / 'ImageSets/val2014.txt').read_text().split()) == 5


def test_images_without_annotation_are_listed_on_request(tmp_path):
    root = make_coco(tmp_path)
    done = run('--root', root, '--splits', 'train2014', '--workers', 1,
               '--unannotated')
    assert done.returncode == 0, done.stderr
    assert 'labels of 7 of 7 images' in done.stdout
    empty = name('train2014', 107)
    labels = read_json(root / 'image_labels_train2014.json')['images']
    assert [i for i in labels if not labels[i]] == [empty]
    assert empty in (root / 'ImageSets/train2014.txt').read_text().split()
    assert not read_index_png(mask_file(root, 107)).any()


def test_a_category_that_means_no_class_shifts_no_index(tmp_path):
    path = instances_path(make_coco(tmp_path), 'train2014')
    content = read_json(path)
    first = dict(id=0, name='background')
    content['categories'].append(first)
    path.write_text(json.dumps(content))
    instances = read_split(tmp_path, 'train2014')
    assert (instances.index[CAT], len(instances.classes)) == (16, 80)
    assert len(write_lists(tmp_path, 'train2014', instances).classes) == 80
    first['name'] = 'normal'
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"found \['normal'\], which mean"):
        read_split(tmp_path, 'train2014')


def test_masks_agree_with_pycocotools_pixel_by_pixel(prepared):
    root, _ = prepared
    coco = COCO(str(instances_path(root, 'train2014')))
    index = {c: k for k, c in enumerate(sorted(coco.getCatIds()), 1)}
    assert index[90] == 80
    assert set(range(1, 91)) - set(index) == GAPS
    for image in range(101, 107):
        expected = np.zeros((48, 64), dtype=int)
        covered = np.full((48, 64), np.inf)
        for one in coco.loadAnns(coco.getAnnIds(imgIds=image)):
            drawn = coco.annToMask(one).astype(bool) & (one['area'] < covered)
            expected[drawn] = index[one['category_id']]
            covered[drawn] = one['area']
        found = Image.open(mask_file(root, image))
        assert found.mode == 'P'
        assert np.array_equal(np.array(found), expected), image
        assert expected.any()


def test_small_on_large_and_crowd_as_its_class(prepared):
    root, _ = prepared
    overlap = read_index_png(mask_file(root, 102))
    assert (overlap[30, 30], overlap[12, 12], overlap[2, 2]) == (17, 16, 0)
    crowd = read_index_png(mask_file(root, 103))
    assert (crowd[30, 40], crowd[10, 10], crowd[0, 0]) == (17, 16, 0)
    assert (crowd == 16).sum() + (crowd == 17).sum() == 48 * 32


def test_checksum_is_what_is_said_and_the_same_for_any_workers(
        prepared, tmp_path):
    root, done = prepared
    labels = read_json(root / 'image_labels_train2014.json')['images']
    expected = hashlib.sha256()
    for img_id, names in labels.items():
        mask = read_index_png(root / 'SegmentationClass/train2014' /
                              f'{img_id}.png')
        content = f'{mask.shape[0]} {mask.shape[1]} '.encode()
        digest = hashlib.sha256(content + mask.tobytes()).hexdigest()
        expected.update(('\t'.join([img_id, *names, digest]) + '\n').encode())
    found = checksums(done.stdout)
    assert found['train2014'] == expected.hexdigest()
    assert found['val2014'] != found['train2014']
    alone = masks(make_coco(tmp_path))
    assert (alone.made, alone.checksum) == (6, found['train2014'])


def test_a_second_run_makes_only_what_is_missing_or_broken(tmp_path):
    root = make_coco(tmp_path)
    first = masks(root)
    kept, broken, gone = (mask_file(root, i) for i in (101, 102, 103))
    before = kept.stat().st_mtime_ns
    broken.write_bytes(broken.read_bytes()[:60])
    gone.unlink()
    second = masks(root, workers=2)
    assert (second.made, second.there) == (2, 4)
    assert second.checksum == first.checksum
    assert kept.stat().st_mtime_ns == before
    assert not list(root.rglob('.*'))  # no temporary files


def test_a_changed_mask_changes_the_checksum(tmp_path):
    root = make_coco(tmp_path)
    first = masks(root)
    mask_file(root, 101).write_bytes(mask_file(root, 105).read_bytes())
    assert masks(root).checksum != first.checksum


def test_masks_of_others_are_not_touched(tmp_path):
    root = make_coco(tmp_path)
    path = mask_file(root, 101)
    path.parent.mkdir(parents=True)
    path.write_bytes(b'theirs')
    done = run('--root', root)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert 'expected a new or empty folder' in done.stderr
    assert path.read_bytes() == b'theirs'
    assert not (root / 'image_labels_train2014.json').exists()
    assert run('--root', root, '--no-masks').returncode == 0


def files(root) -> dict[Path, bytes]:
    """Return the content of all files of a folder."""
    return {p: p.read_bytes() for p in root.rglob('*') if p.is_file()}


@pytest.mark.parametrize('options', [(), ('--no-masks', )])
@pytest.mark.parametrize('split', ['train2014', 'val2014'])
def test_masks_of_other_annotations_are_refused_before_anything_is_written(
        tmp_path, split, options):
    root = make_coco(tmp_path)
    assert run('--root', root, '--workers', 1).returncode == 0
    path = instances_path(root, split)
    content = json.loads(path.read_text())
    for one in content['categories']:  # the order of classes is another one
        one['id'] = {CAT: DOG, DOG: CAT}.get(one['id'], one['id'])
    path.write_text(json.dumps(content))
    (root / 'image_labels_train2014.json').unlink()
    (root / 'image_labels_val2014.json').unlink()
    before = files(root)
    done = run('--root', root, '--workers', 1, *options)
    assert done.returncode == 1
    assert f'SegmentationClass/{split}: expected' in done.stderr
    assert 'found masks of other annotations' in done.stderr
    assert 'Nothing was written: move the folder away' in done.stderr
    assert '--no-masks' not in done.stderr
    assert files(root) == before
    (root / 'SegmentationClass' / split).rename(root / 'old')
    other = ({'train2014', 'val2014'} - {split}).pop()
    again = run('--root', root, '--splits', split, *options)
    assert again.returncode == 0, again.stderr
    labels = read_json(root / f'image_labels_{split}.json')
    assert labels['classes'][15:17] == ['dog', 'cat']
    assert not (root / f'image_labels_{other}.json').exists()


def test_without_masks_labels_of_the_same_annotations_are_written(prepared):
    root, _ = prepared
    before = files(root)
    done = run('--root', root, '--no-masks')
    assert done.returncode == 0, done.stderr
    assert files(root) == before


def test_broken_annotations_are_listed_and_the_rest_is_made(tmp_path):
    root = make_coco(tmp_path)
    path = instances_path(root, 'train2014')
    content = json.loads(path.read_text())
    content['annotations'] += [
        annotation(9001, 107, DOG, [[1, 2, 3, 4]], 5),
        annotation(9002, 105, DOG, [box(0, 0, 9, 9), [1, 2, 3]], 81),
        annotation(9003, 105, 12, [box(0, 0, 9, 9)], 81),
        annotation(9004, 999, DOG, [box(0, 0, 9, 9)], 81)
    ]
    path.write_text(json.dumps(content))
    done = run('--root', root, '--workers', 1)
    assert done.returncode == 0, done.stderr
    assert 'annotation 9001: polygon 1 of 1: expected x, y' in done.stderr
    assert 'annotation 9002: polygon 2 of 2' in done.stderr
    assert 'annotation 9003: category 12 is not listed' in done.stderr
    assert 'annotation 9004: image 999 is not listed' in done.stderr
    assert '4 problem(s)' in done.stderr
    assert not read_index_png(mask_file(root, 107)).any()
    assert read_index_png(mask_file(root, 105))[4, 4] == 17
    labels = read_json(root / 'image_labels_train2014.json')['images']
    assert labels[name('train2014', 107)] == ['dog']


@pytest.mark.parametrize(('outline', 'text'), [
    ([], 'expected polygons or runs'),
    (None, 'expected polygons or runs'),
    ([[0, 0, 1e9, 0, 5, 5]], 'far outside'),
    ([[0, 0, float('nan'), 0, 5, 5]], 'far outside'),
    ([[0, 0, 'x', 0, 5, 5]], 'expected numbers'),
    (dict(counts=[5, 3], size=[6, 8]), 'expected runs of 48 pixels, found 8'),
    (dict(counts=[-1, 49], size=[6, 8]), 'expected counts'),
    (dict(counts=[48], size=[8, 6]), r'expected runs of size \[6, 8\]'),
    (dict(counts='', size=[6, 8]), 'expected runs of 48 pixels, found 0'),
    (dict(counts='zz\x7f', size=[6, 8]), 'expected counts'),
])
def test_what_pycocotools_would_draw_wrongly_is_refused(outline, text):
    image = dict(id=1, file_name='a.jpg', height=6, width=8)
    found = parse_instances(
        dict(
            images=[image],
            annotations=[annotation(7, 1, CAT, outline, 9)],
            categories=[dict(id=CAT, name='cat')]), 'x.json')
    assert re.search(f'a, annotation 7: .*{text}',
                     broken_outlines(found.images[0])[0])
    assert not draw_mask(found.images[0], found.index).any()


def test_packed_runs_of_any_mask_are_unpacked():
    import pycocotools.mask as coco_mask
    rng = np.random.default_rng(0)
    for density in (0, 0.003, 0.5, 1):
        mask = rng.random((97, 143)) < density
        packed = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        for outline in (packed, runs(mask)):
            content = dict(
                images=[dict(id=1, file_name='b.jpg', height=97, width=143)],
                annotations=[annotation(7, 1, CAT, outline, 9)],
                categories=[dict(id=CAT, name='cat')])
            found = parse_instances(content, 'x.json')
            assert broken_outlines(found.images[0]) == []
            assert np.array_equal(
                draw_mask(found.images[0], found.index), mask)


def test_equal_areas_lay_the_smaller_id_on_top_in_any_order():
    ones = [annotation(5, 1, DOG, [box(0, 0, 4, 4)], 16),
            annotation(3, 1, CAT, [box(2, 0, 6, 4)], 16)]
    for order in (ones, ones[::-1]):
        found = parse_instances(
            dict(
                images=[dict(id=1, file_name='b.jpg', height=6, width=8)],
                annotations=list(order),
                categories=[dict(id=DOG, name='dog'),
                            dict(id=CAT, name='cat')]), 'x.json')
        mask = draw_mask(found.images[0], found.index)
        assert mask[1].tolist() == [2, 2, 1, 1, 1, 1, 0, 0]


def test_ids_that_are_text_lay_the_first_on_top():
    ones = [annotation(number, 1, category, [box(left, 0, left + 4, 4)], 16)
            for number, category, left in (
                ('b', DOG, 0), ('a', CAT, 2), ('b', CAT, 1))]
    found = parse_instances(
        dict(
            images=[dict(id=1, file_name='b.jpg', height=6, width=8)],
            annotations=ones,
            categories=[dict(id=DOG, name='dog'), dict(id=CAT, name='cat')]),
        'x.json')
    mask = draw_mask(found.images[0], found.index)
    # Of equal ids the later one lies on top.
    assert mask[1].tolist() == [2, 1, 1, 1, 1, 1, 0, 0]


def test_ids_that_are_text_change_no_mask(prepared, tmp_path):
    root = make_coco(tmp_path)
    path = instances_path(root, 'train2014')
    content = json.loads(path.read_text())
    for one in content['annotations']:
        one['id'] = f'{one["id"]:04d}'
    path.write_text(json.dumps(content))
    done = run('--root', root, '--splits', 'train2014', '--workers', 1)
    assert done.returncode == 0, done.stderr
    assert checksums(done.stdout)['train2014'] == checksums(
        prepared[1].stdout)['train2014']


def test_splits_of_other_categories_are_refused(tmp_path):
    root = make_coco(tmp_path)
    path = instances_path(root, 'val2014')
    content = json.loads(path.read_text())
    content['categories'].append(dict(id=12, name='street sign'))
    path.write_text(json.dumps(content))
    before = files(root)
    done = run('--root', root, '--no-masks')
    assert done.returncode == 1
    assert 'expected the categories that' in done.stderr
    assert files(root) == before
    alone = run('--root', root, '--splits', 'val2014', '--no-masks')
    assert alone.returncode == 0, alone.stderr
    later = run('--root', root, '--splits', 'train2014', '--no-masks')
    assert later.returncode == 1
    assert 'image_labels_val2014.json has, found others' in later.stderr


@pytest.mark.parametrize(('change', 'text'), [
    (lambda c: c.pop('categories'), "found no list 'categories'"),
    (lambda c: c['images'][0].pop('height'), "KeyError: 'height'"),
    (lambda c: c['images'].append(c['images'][0]), 'is listed twice'),
    (lambda c: c['images'][0].update(file_name='../a.jpg'), 'below the image'),
    (lambda c: c.update(annotations=[]), 'expected an image with an annot'),
])
def test_a_json_of_another_form_is_one_line(tmp_path, change, text):
    root = make_coco(tmp_path)
    path = instances_path(root, 'train2014')
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=text):
        read_split(root, 'train2014')


def test_a_missing_json_is_one_line(tmp_path):
    done = run('--root', tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith('error: ')
    assert 'instances_train2014.json: there is no such file' in done.stderr
