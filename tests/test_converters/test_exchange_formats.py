"""Masks in every format, which come back pixel by pixel."""
import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from exchange_masks import NAMES, items

from hsc_converters.exchange import find_format
from hsc_converters.exchange.formats import FORMATS
from hsc_mm.utils import read_json, write_json


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


def test_fiftyone_passes_over_no_mask(tmp_path):
    FORMATS['fiftyone'][0](tmp_path, items(), NAMES)
    file = next((tmp_path / 'labels').rglob('*.png'))
    file.rename(file.with_suffix('.PNG'))
    found = dict(FORMATS['fiftyone'][1](tmp_path, NAMES))
    assert found.keys() == {item.img_id for item in items()}


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
