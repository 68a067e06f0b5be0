"""Choice of the images on which pseudo labels are worst."""
import shutil

import numpy as np
import pytest
from tiny_configs import cam_config

from hsc_mm.datasets.build import build_split
from hsc_mm.evaluation.folder import listed_images
from hsc_mm.evaluation.ranking import rank_images
from hsc_mm.inference import load_config
from hsc_mm.pipeline.worst import (
    ScoredImage,
    worst_images,
    worst_of_each_class,
)
from hsc_mm.utils import read_index_png, voc_palette, write_index_png


def _scored(*rows):
    return [ScoredImage(score, (name, ''), {*classes})
            for name, score, classes in rows]


ROWS = _scored(
    ('cat 9', 9, [1]), ('cat 1', 1, [1]), ('cat 2', 2, [1]),
    ('dog 5', 5, [2]), ('both 0', 0, [1, 2]), ('dog 7', 7, [2]),
    ('sky', 0, []))


@pytest.mark.parametrize(('count', 'names'), [
    (1, ['both 0']),
    (2, ['both 0', 'dog 5']),
    (3, ['both 0', 'dog 5', 'cat 1']),
    (4, ['both 0', 'dog 5', 'cat 1', 'dog 7']),
    (9, ['both 0', 'dog 5', 'cat 1', 'dog 7', 'cat 2', 'cat 9']),
])
def test_each_class_gives_its_worst_in_turn(count, names):
    for rows in (ROWS, ROWS[::-1]):
        found = worst_of_each_class(rows, count)
        assert [name for name, _ in found] == names


def test_a_short_turn_keeps_the_worst():
    rows = _scored(('a', 30, [1]), ('b', 20, [2]), ('c', 10, [3]))
    assert worst_of_each_class(rows, 2) == [('c', ''), ('b', '')]
    assert worst_of_each_class([], 2) == []


@pytest.fixture(scope='module')
def data(tmp_path_factory, shared_voc):
    """Return a split with masks, and labels that miss a part of two."""
    folder = tmp_path_factory.mktemp('worst')
    data = build_split(
        load_config(cam_config(shared_voc, folder / 'cam.py')), 'test')
    labels = folder / 'labels'
    shutil.copytree(shared_voc / 'SegmentationClass', labels)
    for number, rows in ((3, 40), (5, 24)):
        path = labels / f'img_{number:02d}.png'
        mask = read_index_png(str(path))
        mask[:rows] = 0
        write_index_png(path, mask, voc_palette())
    return data, str(labels)


def test_the_worst_pseudo_labels_are_found(data):
    dataset, labels = data
    images = listed_images(dataset)
    known = {image: dataset.get_data_info(place)
             for place, image in enumerate(images)}
    worst = rank_images(labels, dataset)[0].img_id
    found = worst_images(images, known, labels, dataset, 1)
    assert [name for name, _ in found] == [worst]
    assert worst in ('img_03', 'img_05')
    every = worst_images(images, known, labels, dataset, 99)
    assert sorted(every) == sorted(
        image for image in images if np.any(np.isin(
            read_index_png(known[image]['seg_map_path']), [8, 12])))
    # Those of other pictures, or without a mask, are no candidates.
    for image in found:
        known[image] = {}
    assert {*found}.isdisjoint(
        worst_images(images, known, labels, dataset, 99))


def test_what_cannot_be_scored_is_refused(data):
    dataset, labels = data
    images = listed_images(dataset)
    with pytest.raises(ValueError, match='expected pseudo labels'):
        worst_images(images, {}, None, dataset, 1)
    with pytest.raises(ValueError, match='expected masks of training images'):
        worst_images(images, {}, labels, dataset, 1)


def test_a_label_that_is_no_class_is_refused(data, tmp_path):
    dataset, labels = data
    image = listed_images(dataset)[0]
    folder = shutil.copytree(labels, tmp_path / 'labels')
    path = folder / f'{image[0]}.png'
    mask = read_index_png(str(path))
    mask[:] = 77
    write_index_png(path, mask, voc_palette())
    known = {image: dataset.get_data_info(0)}
    with pytest.raises(ValueError, match=rf'{image[0]}\.png.*77'):
        worst_images([image], known, str(folder), dataset, 1)
