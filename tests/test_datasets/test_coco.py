"""COCO's data set, in both stages."""
import json
import shutil

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from tiny_coco import (
    DOG,
    coco_cam_config,
    coco_seg_config,
    instances_path,
    make_coco,
    name,
)
from tiny_configs import ROOT

from hsc_converters.coco_files import (
    read_split,
    write_lists,
    write_masks,
)
from hsc_converters.coco_origins import check_masks
from hsc_mm.datasets import COCOImageLabelDataset
from hsc_mm.datasets.coco import COCO_CLASSES
from hsc_mm.registry import DATASETS
from hsc_mm.utils import read_index_png, voc_palette

PREPARED = 'image_labels_train2014.json'
INSTANCES = 'annotations/instances_train2014.json'
LIST = 'ImageSets/train2014.txt'


@pytest.fixture(scope='module')
def coco(tmp_path_factory):
    """A tiny COCO, prepared."""
    root = make_coco(tmp_path_factory.mktemp('coco'))
    for split in ('train2014', 'val2014'):
        source = check_masks(root, split)
        instances = read_split(root, split).annotated()
        write_lists(root, split, instances)
        write_masks(root, split, instances, source)
    return root


def data(root, label_file=PREPARED, **kwargs):
    """Build the training data set."""
    prefix = dict(img_path='train2014', **kwargs.pop('prefix', {}))
    return COCOImageLabelDataset(
        data_root=str(root),
        label_file=label_file,
        data_prefix=prefix,
        **kwargs)


def test_81_names_and_a_palette_without_repeats():
    meta = COCOImageLabelDataset.METAINFO
    assert len(COCO_CLASSES) == len(set(COCO_CLASSES)) == 81
    assert len({tuple(colour) for colour in meta['palette']}) == 81
    assert meta['palette'] == voc_palette()[:81].tolist()


def test_instances_and_prepared_labels_give_the_same_items(coco):
    pair = [data(coco, PREPARED), data(coco, INSTANCES, ann_file=LIST)]
    assert [len(one) for one in pair] == [6, 6]
    for first, second in zip(*pair, strict=True):
        assert first['img_id'] == second['img_id']
        assert np.array_equal(first['gt_label'], second['gt_label'])
    first = pair[0][3]  # a cat and a toothbrush, category ids 17 and 90
    assert first['img_id'] == name('train2014', 104)
    assert list(np.flatnonzero(first['gt_label'])) == [15, 79]
    assert 'seg_map_path' not in first


def test_instances_need_no_masks_and_no_preparation(tmp_path):
    dataset = data(make_coco(tmp_path), INSTANCES)
    assert dataset.facts['split'] == 'instances_train2014'
    # The last image has no annotation: it shows none of the classes.
    assert [item['gt_label'].any() for item in dataset] == [True] * 6 + [False]


def test_a_subset_of_the_classes(coco):
    subset = dict(classes=('background', 'toothbrush', 'dog'))
    dataset = data(coco, metainfo=subset)
    assert [list(i['gt_label']) for i in dataset] == [
        [0, 1], [0, 1], [0, 1], [1, 0]]
    assert dataset.metainfo['label_map'][80] == 1
    assert dataset.metainfo['label_map'][16] == 255
    assert dataset.metainfo['palette'][1] == voc_palette()[80].tolist()


def test_other_data_name_their_vocabulary(tmp_path):
    root = make_coco(tmp_path)
    path = instances_path(root, 'train2014')
    content = json.loads(path.read_text())
    content['categories'] = [dict(id=DOG, name='whippet')]
    content['annotations'] = [
        a for a in content['annotations'] if a['category_id'] == DOG]
    path.write_text(json.dumps(content))
    for one in ('whippet', 'Whip\u200bpet'):  # spelled in another way
        found = data(root, INSTANCES, vocabulary=('background', one))
        assert [list(i['gt_label']) for i in found] == [[1]] * 3 + [[0]] * 4
    with pytest.raises(ValueError, match=r"found \['whippet'\].*vocabulary"):
        data(root, INSTANCES)


def test_commas_in_all_names_of_a_list(tmp_path):
    (tmp_path / 'labels.json').write_text(json.dumps(dict(images={
        'a,1': ['dog'], 'b,2': [], 'c': ['cat']})))
    (tmp_path / 'l.txt').write_text('a,1\nb,2.jpg\n')
    (tmp_path / 'train2014').mkdir()
    for name_of in ('a,1', 'b,2'):
        (tmp_path / 'train2014' / f'{name_of}.jpg').touch()
    dataset = data(tmp_path, 'labels.json', ann_file='l.txt', lazy_init=True)
    assert dataset.ids() == ['a,1', 'b,2.jpg']


def test_without_labels_a_list_is_enough(coco):
    dataset = data(coco, '', ann_file=LIST, with_labels=False)
    assert len(dataset) == 6
    assert 'gt_label' not in dataset[0]
    with pytest.raises(ValueError, match=r'label_file of COCO.*prepare_coco'):
        data(coco, '', ann_file=LIST)
    with pytest.raises(ValueError, match='label_file of COCO'):
        data(coco, '', with_labels=False)


def test_masks_are_read_as_they_are_in_the_file(coco):
    init_default_scope('mmseg')
    dataset = data(
        coco,
        prefix=dict(seg_map_path='SegmentationClass/train2014'),
        test_mode=True,
        pipeline=[dict(type='LoadImageFromFile'),
                  dict(type='LoadAnnotations')])
    found = dataset[3]['gt_seg_map']
    path = coco / 'SegmentationClass/train2014' / (
        f'{name("train2014", 104)}.png')
    assert np.array_equal(found, read_index_png(path))
    assert set(np.unique(found)) == {0, 16, 80}


def test_image_without_labels_is_named(coco, tmp_path):
    root = tmp_path / 'coco'
    shutil.copytree(coco, root)
    with open(root / LIST, 'a') as file:
        file.write(name('train2014', 107) + '\n')
    with pytest.raises(ValueError, match=r'000107: no labels'):
        data(root, ann_file=LIST)


def test_hsc_on_coco_differs_from_voc_in_the_data_and_the_schedule_alone():
    voc, coco_ = (Config.fromfile(ROOT / f'configs/hsc_r50_{data_set}.py')
                  for data_set in ('voc', 'coco'))
    assert coco_.model.decode_head.pop('num_classes') == 81
    assert voc.model.decode_head.pop('num_classes') == 21
    assert coco_.model == voc.model
    for split in ('train', 'val', 'test'):
        ours, theirs = (cfg[f'{split}_dataloader'] for cfg in (coco_, voc))
        assert ours.dataset.pipeline == theirs.dataset.pipeline
        assert DATASETS.get(ours.dataset.type) is COCOImageLabelDataset
        assert ours.batch_size == theirs.batch_size


def _run(path, work_dir):
    cfg = Config.fromfile(path)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = work_dir.name
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def test_two_iterations_of_hsc_with_81_classes(coco, tmp_path):
    runner = _run(coco_cam_config(coco, tmp_path / 'cam.py'),
                  tmp_path / 'cam')
    losses = {
        key: runner.message_hub.get_scalar(f'train/decode.{key}').current()
        for key in ('loss_cls', 'loss_roi', 'loss_class', 'loss_pixel')}
    assert all(np.isfinite(value) for value in losses.values())
    assert losses['loss_pixel'] > 0
    contrast = runner.model.decode_head.losses['contrast']
    seen = contrast.levels['pixel'].bank[0].seen
    assert seen.shape == (81, )
    assert seen[0]
    # Cats, dogs and a toothbrush are all there is.
    assert set(torch.nonzero(seen).flatten().tolist()) <= {0, 16, 17, 80}
    assert runner.message_hub.get_scalar('val/seed/mIoU').current() > 0


def test_two_iterations_of_the_second_stage(coco, tmp_path):
    pseudo = tmp_path / 'pseudo'
    shutil.copytree(coco / 'SegmentationClass' / 'train2014', pseudo)
    runner = _run(
        coco_seg_config(coco, tmp_path / 'seg.py', pseudo), tmp_path / 'seg')
    assert runner.iter == 2
    assert runner.model.decode_head.num_classes == 81
    assert len(runner.val_dataloader.dataset) == 5
    assert np.isfinite(runner.message_hub.get_scalar('val/mIoU').current())
