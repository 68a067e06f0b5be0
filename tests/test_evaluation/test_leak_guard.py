"""Image labels of images not trained on: refused, or said."""
import copy
import json

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from tiny_configs import CLASSES, cam_config, seg_config

import hsc_mm
from hsc_mm.datasets import VOCImageLabelDataset
from hsc_mm.evaluation.leak_guard import (
    check_image_labels,
    image_files,
    training_images,
)
from hsc_mm.inference.seeds import seed_dataset
from hsc_mm.pipeline import build_pipeline

SWITCH = 'labels_on_unseen_split'


@pytest.fixture
def split_voc(voc_root):
    """Six images to train on, four of them scored as train, two as val."""
    lists = voc_root / 'ImageSets' / 'Segmentation'
    names = [f'img_{n:02d}' for n in range(8)]
    for split, part in (('train_aug', names[:6]), ('train', names[1:5]),
                        ('val', names[6:])):
        (lists / f'{split}.txt').write_text('\n'.join(part) + '\n')
    return voc_root


@pytest.fixture
def config(split_voc, tmp_path):
    """A CAM stage; its seeds are scored on train."""
    return cam_config(split_voc, tmp_path / 'cam.py', iters=2)


def _cfg(config, tmp_path, split, **options):
    cfg = Config.fromfile(config)
    cfg.work_dir = str(tmp_path / 'run')
    cfg.experiment_name = f'{tmp_path.name}_{split}_{len(options)}'
    for name in ('val', 'test'):
        cfg[f'{name}_dataloader'].dataset.ann_file = (
            f'ImageSets/Segmentation/{split}.txt')
    cfg.test_evaluator.out_json = str(tmp_path / 'seeds.json')
    cfg.merge_from_dict({
        f'model.test_cfg.{key}': value for key, value in options.items()
    })
    return cfg


def _test(*args, **options):
    return Runner.from_cfg(_cfg(*args, **options)).test()


def _facts(tmp_path):
    return json.loads((tmp_path / 'seeds.json').read_text())['facts']


def test_a_part_of_the_training_list_may_use_labels(config, tmp_path):
    assert 'seed/mIoU' in _test(config, tmp_path, 'train')
    facts = _facts(tmp_path)
    assert facts['used_image_labels']
    assert not facts['labels_on_unseen_split']


def test_another_split_is_refused_before_it_is_evaluated(config, tmp_path):
    with pytest.raises(ValueError, match=SWITCH) as caught:
        _test(config, tmp_path, 'val')
    text = str(caught.value)
    assert '"val"' in text
    assert '2 of its 2 images' in text
    assert 'img_06.jpg' in text
    assert 'model.test_cfg.use_image_labels=False' in text
    assert f' model.test_cfg.{SWITCH}=True' in text
    assert not (tmp_path / 'seeds.json').exists()


def test_the_switch_allows_it_and_the_result_says_so(config, tmp_path,
                                                     capfd):
    _test(config, tmp_path, 'val', **{SWITCH: True})
    assert _facts(tmp_path)['labels_on_unseen_split'] is True
    printed = capfd.readouterr()
    line = next(line for line in (printed.out + printed.err).splitlines()
                if line.startswith('Seeds on val'))
    assert 'image labels chose the classes of images that the model was ' \
        f'not trained on ({SWITCH}=True)' in line


def test_the_switch_is_not_said_of_training_images(config, tmp_path):
    _test(config, tmp_path, 'train', **{SWITCH: True})
    assert not _facts(tmp_path)['labels_on_unseen_split']


def test_without_labels_any_split_is_fine(config, tmp_path):
    _test(config, tmp_path, 'val', use_image_labels=False)
    facts = _facts(tmp_path)
    assert not facts['used_image_labels']
    assert not facts['labels_on_unseen_split']


def test_a_training_that_would_validate_so_does_not_begin(config, tmp_path):
    cfg = _cfg(config, tmp_path, 'val')
    with pytest.raises(ValueError, match=SWITCH):
        Runner.from_cfg(cfg).train()
    assert not list((tmp_path / 'run').glob('*.pth'))
    Runner.from_cfg(_cfg(config, tmp_path, 'train')).train()
    assert (tmp_path / 'run' / 'iter_2.pth').is_file()


def test_the_second_stage_is_let_pass(split_voc, tmp_path):
    config = seg_config(split_voc, tmp_path / 'seg.py')
    cfg = Config.fromfile(config)
    cfg.work_dir = str(tmp_path / 'run')
    assert 'mIoU' in Runner.from_cfg(cfg).test()


def test_pseudo_labels_of_another_split(config, tmp_path):
    for split, dataset_split in (('train', 'val'), ('test', 'train')):
        cfg = _cfg(config, tmp_path, dataset_split)
        assert len(seed_dataset(cfg, split)) in (4, 6)
    cfg = _cfg(config, tmp_path, 'val')
    for check in (True, False):
        with pytest.raises(ValueError, match=SWITCH):
            seed_dataset(cfg, 'test', check)
    assert len(seed_dataset(cfg, 'test', guard=False)) == 2
    cfg.model.test_cfg[SWITCH] = True
    assert len(seed_dataset(cfg, 'test')) == 2


def test_the_pipeline_says_it_at_once(config, tmp_path):
    cfg = _cfg(config, tmp_path, 'val')
    with pytest.raises(ValueError, match=SWITCH):
        build_pipeline(cfg, None, tmp_path / 'pipe')
    cfg.model.test_cfg[SWITCH] = True
    build_pipeline(cfg, None, tmp_path / 'pipe')


def _dataset(root, split, **kwargs):
    return VOCImageLabelDataset(
        data_root=str(root),
        ann_file=f'ImageSets/Segmentation/{split}.txt',
        label_file='image_labels.json',
        metainfo=dict(classes=kwargs.pop('classes', CLASSES)),
        pipeline=[],
        **kwargs)


LABELS = dict(use_image_labels=True)


def test_images_without_chosen_classes_count_as_trained_on(split_voc):
    """They are left out of training, and kept where seeds are scored."""
    trained = _dataset(split_voc, 'train_aug', classes=CLASSES[:2])
    assert len(trained) < 6
    tested = _dataset(split_voc, 'train', test_mode=True)
    assert not check_image_labels(LABELS, tested, training_images(trained))


def test_only_the_part_that_indices_choose_is_trained_on(split_voc):
    trained = _dataset(split_voc, 'train_aug', indices=2)
    tested = _dataset(split_voc, 'train', test_mode=True)
    with pytest.raises(ValueError, match='3 of its 4 images'):
        check_image_labels(LABELS, tested, training_images(trained))


def test_the_same_folder_under_another_name(split_voc, tmp_path):
    link = tmp_path / 'link'
    link.symlink_to(split_voc)
    trained = training_images(_dataset(link, 'train_aug'))
    tested = _dataset(split_voc, 'train')
    assert not check_image_labels(LABELS, tested, trained)


def test_configs_wrapped_data_sets_and_mmsegs(split_voc):
    init_default_scope('mmseg')
    assert hsc_mm.__version__  # registers
    leaf = dict(
        type='hsc_mm.VOCImageLabelDataset',
        data_root=str(split_voc),
        ann_file='ImageSets/Segmentation/train.txt',
        label_file='image_labels.json',
        metainfo=dict(classes=CLASSES),
        pipeline=[dict(type='LoadImageFromFile')])
    val = dict(leaf, ann_file='ImageSets/Segmentation/val.txt')
    plain = dict(
        type='PascalVOCDataset',
        data_root=str(split_voc),
        ann_file='ImageSets/Segmentation/val.txt',
        data_prefix=dict(
            img_path='JPEGImages', seg_map_path='SegmentationClass'))
    for source, count in ((leaf, 4), (plain, 2),
                          (dict(type='RepeatDataset', dataset=leaf,
                                times=3), 4),
                          (dict(type='ConcatDataset',
                                datasets=[leaf, plain]), 6),
                          (Config(dict(one=val)).one, 2)):
        before = copy.deepcopy(source)
        found = training_images(source)
        assert found.problem == ''
        assert len(found.files) == count
        assert source == before
    assert set(image_files(_dataset(split_voc, 'val'))) == \
        training_images(val).files


def test_a_training_list_that_is_not_there(split_voc):
    tested = _dataset(split_voc, 'val')
    gone = dict(type='hsc_mm.VOCImageLabelDataset', data_root=str(split_voc),
                ann_file='gone.txt')
    for source, text in ((gone, r'training list: .*gone\.txt'),
                         (None, 'the config has none')):
        trained = training_images(source)
        with pytest.raises(ValueError, match=text):
            check_image_labels(LABELS, tested, trained)
        assert check_image_labels({**LABELS, SWITCH: True}, tested, trained)
        assert not check_image_labels({}, tested, trained)
