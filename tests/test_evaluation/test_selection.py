"""Thresholds chosen without masks, and on few."""
import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from seed_samples import CLASSES, random_images, seed_samples, slow_scores
from tiny_configs import seg_config

from hsc_mm.datasets import VOCImageLabelDataset
from hsc_mm.datasets.build import build_split
from hsc_mm.evaluation import SeedMetric
from hsc_mm.evaluation.confusion import pixel_average_precision
from hsc_mm.evaluation.counts import cam_histogram, precision_histogram
from hsc_mm.evaluation.folder import score_folder
from hsc_mm.evaluation.held_out import use_selection
from hsc_mm.evaluation.report import seed_tables
from hsc_mm.evaluation.selection import (
    choose_selection,
    find_selection,
    read_selection,
    same_images,
    write_selection,
)
from hsc_mm.evaluation.threshold_rules import rule_names, threshold_by
from hsc_mm.registry import THRESHOLD_RULES
from hsc_mm.utils import read_index_png, voc_palette, write_index_png


def _evaluate(images, tmp_path, **kwargs):
    metric = SeedMetric(out_json=str(tmp_path / 'seeds.json'), **kwargs)
    metric.dataset_meta = dict(classes=CLASSES)
    for sample in seed_samples(images):
        metric.process({}, [sample])
    return metric.evaluate(len(images)), json.loads(
        (tmp_path / 'seeds.json').read_text())


def test_a_threshold_selected_on_two_images_is_scored_on_the_others(tmp_path):
    images = list(random_images(6))
    write_selection(tmp_path / 'few.txt', ['1', '4'])
    found, report = _evaluate(images, tmp_path,
                              selection=str(tmp_path / 'few.txt'))
    grid = [i / 100 for i in range(1, 100)]
    few = [slow_scores([images[1], images[4]], t)[0].mean() for t in grid]
    selected = grid[int(np.argmax(few))]
    assert report['selected']['threshold'] == selected
    assert report['selected']['images'] == 2
    rest = [images[i] for i in (0, 2, 3, 5)]
    for key, at in (('selected', selected), ('own', 0.3)):
        assert report[key]['mIoU'] == pytest.approx(
            100 * slow_scores(rest, at)[0].mean(), abs=0.01)
    assert found['seed/mIoU_selected'] == report['selected']['mIoU']
    assert report['facts']['images'] == 4
    assert report['best']['mIoU'] == max(report['curve']['mIoU'])
    assert '(selected on 2 masks that are not scored)' in seed_tables(report)


def test_a_copy_is_the_same_image_in_another_data_set_alone(tmp_path):
    class Listed:
        """As much of a data set as is asked."""

        def __init__(self, **images):
            folder = tmp_path / '_'.join(images)
            folder.mkdir()
            self.infos = []
            for name, content in images.items():
                (folder / name).write_text(content)
                self.infos.append(dict(img_id=name,
                                       img_path=str(folder / name)))

        def __len__(self):
            return len(self.infos)

        def get_data_info(self, place):
            return self.infos[place]

    own = Listed(a='1', b='1', c='2')
    assert same_images(own, {'a'}, own) == {'a'}
    assert same_images(own, {'a'}, Listed(x='1', y='1', a='2')) == {'x', 'y'}


def test_a_selection_of_other_images_is_refused(tmp_path):
    for ids, said in ((['0', 'x'], '1 that are not, such as x'),
                      (['0', '1', '2', '3'], 'all of them')):
        write_selection(tmp_path / 'few.txt', ids)
        with pytest.raises(ValueError, match=f'few.txt: expected.*{said}'):
            _evaluate(list(random_images()), tmp_path,
                      selection=str(tmp_path / 'few.txt'))
    (tmp_path / 'twice.txt').write_text('a\nb\na\n')
    with pytest.raises(ValueError, match='found a twice'):
        read_selection(tmp_path / 'twice.txt')


def test_a_selection_may_be_spelled_as_a_list_of_the_data_set(tmp_path):
    class Data(list):
        data_prefix, split = {'seg_map_path': 'm'}, 'train'

        def get_data_info(self, place):
            return dict(img_id=self[place])

    data = Data(['cat/1', 'cat/2', 'cat/3', 'a.v1', 'b.png', 'b', 'c,d'])
    path = tmp_path / 'few.txt'
    path.write_text('cat/1.png\n./cat/2\ncat\\3.JPG\n\n a.v1 \nb.png\nc,d')
    assert find_selection(data, path) == [
        'cat/1', 'cat/2', 'cat/3', 'a.v1', 'b.png', 'c,d']
    path.write_text('cat/1.png\n./cat/1\n')
    with pytest.raises(ValueError, match='found cat/1 twice'):
        find_selection(data, path)
    path.write_text('cat/4.png\n')
    with pytest.raises(ValueError, match="found \\['cat/4'\\]"):
        find_selection(data, path)


@pytest.mark.parametrize('names', ['abcd', 'wxyz', 'ijkl', '1234'])
def test_a_class_that_others_show_too_keeps_half_of_its_images(names):
    class Data(list):
        foreground, split = ['dog', 'person', 'hat'], 'train'

        def get_data_info(self, place):
            return dict(img_id=self[place], gt_label=np.array(
                [place < 2, True, place == 3]))

    for turned in range(4):
        ids = [*names[turned:], *names[:turned]]
        chosen = choose_selection(Data(ids), 5)
        assert len(chosen) == 2
        assert len({*chosen} & {*ids[:2]}) == 1
        assert ids[3] not in chosen  # the only one of its class


def test_a_selection_has_n_of_each_class_and_does_not_depend_on_order():
    class Data:
        foreground, split = ['cat', 'dog', 'cow'], 'train'

        def __init__(self, order):
            self.order = order

        def __len__(self):
            return len(self.order)

        def get_data_info(self, place):
            number = self.order[place]
            return dict(img_id=f'i{number}', gt_label=np.array(
                [number % 2 == 0, number % 2, number in (3, 7, 8)]))

    chosen = choose_selection(Data(range(40)), 5)
    numbers = [int(name[1:]) for name in chosen]
    assert numbers == sorted(numbers)
    assert len(chosen) == 10
    assert sum(n % 2 for n in numbers) == 5
    assert sum(n in (3, 7, 8) for n in numbers) == 1  # half of three
    assert set(choose_selection(Data(range(39, -1, -1)), 5)) == set(chosen)
    with pytest.raises(ValueError, match='--select 5: expected a class in '
                       'two images'):
        choose_selection(Data([1]), 5)


def test_images_are_chosen_by_masks_where_there_are_no_labels(shared_voc):
    data = VOCImageLabelDataset(
        data_root=str(shared_voc), ann_file='ImageSets/Segmentation/train.txt',
        data_prefix=dict(seg_map_path='SegmentationClass'), test_mode=True,
        metainfo=dict(classes=('background', 'cat', 'dog')))
    chosen = choose_selection(data, 2)
    data.with_labels = False
    for info in map(data.get_data_info, range(len(data))):
        info.pop('gt_label', None)
    assert choose_selection(data, 2) == chosen
    assert score_folder(str(shared_voc / 'SegmentationClass'), data,
                        chosen)['images'] == 8 - len(chosen)


def test_strict_and_labelled_scores_and_coverage(voc_root, tmp_path):
    data = VOCImageLabelDataset(
        data_root=str(voc_root), ann_file='ImageSets/Segmentation/train.txt',
        data_prefix=dict(seg_map_path='SegmentationClass'), test_mode=True,
        metainfo=dict(classes=('background', 'cat', 'dog')))
    truth, found = [], []
    for path in sorted((voc_root / 'SegmentationClass').glob('*.png')):
        mask = read_index_png(path)
        label = mask.copy()
        label[:, ::2] = 255
        label[:10] = 8
        write_index_png(tmp_path / path.name, label, voc_palette())
        truth.append(mask[mask < 255])
        found.append(label[mask < 255])
    truth, found = np.concatenate(truth), np.concatenate(found)
    score = score_folder(str(tmp_path), data)
    seen = found < 255
    assert score['coverage'] == pytest.approx(100 * seen.mean(), abs=0.01)
    for key, kept in (('iou', seen | True), ('iou_labelled', seen)):
        for index, iou in zip((0, 8, 12), score[key], strict=True):
            hit, one = (truth == index), (found == index)
            assert iou == pytest.approx(100 * (hit & one)[kept].sum() / (
                (hit | one)[kept].sum()), abs=0.01)


def test_pixel_average_precision_equals_a_slow_sum():
    cam, target = next(random_images())
    bins = (cam * 100).long().clamp(max=99)
    found = pixel_average_precision(precision_histogram(cam, target))
    for k in range(3):
        truth = target[target < 255] == k + 1
        level = bins[k][target < 255]
        last, area = 0.0, 0.0
        for edge in range(99, -1, -1):
            above = level >= edge
            if above.any():
                recall = (truth & above).sum() / truth.sum()
                area += (truth & above).sum() / above.sum() * (recall - last)
                last = recall
        assert float(found[k]) == pytest.approx(float(area), rel=1e-6)
    absent = precision_histogram(cam, torch.zeros_like(target))
    assert pixel_average_precision(absent).isnan().all()


def test_pictures_are_scored_by_size(tmp_path):
    images = list(random_images(4))
    images[0][1][:] = 0
    images[1][1][:] = 0
    images[1][1][0, :3] = 1  # 3 of 110 pixels
    _, report = _evaluate(images, tmp_path)
    assert report['images_of_size'] == dict(empty=1, small=1, medium=0,
                                            large=2)
    for size, part in (('small', images[1:2]), ('large', images[2:])):
        with np.errstate(invalid='ignore'):
            expected = 100 * np.nanmean(slow_scores(part, 0.3)[0])
        assert report['own']['mIoU_of_size'][size] == pytest.approx(
            expected, abs=0.01)
    assert report['own']['mIoU_of_size']['medium'] is None


def _two_hills(low=0.2, high=0.7, share=0.8, seed=0):
    rng = np.random.default_rng(seed)
    values = np.concatenate([
        rng.normal(low, 0.06, int(20000 * share)),
        rng.normal(high, 0.06, int(20000 * (1 - share)))
    ])
    return np.histogram(values.clip(0, 0.999), 100, (0, 1))[0]


def test_rules_part_two_hills():
    counts = _two_hills()
    for name in ('otsu', 'kapur', 'stable', 'li', 'triangle'):
        assert 0.25 < threshold_by(name, counts) < 0.65, name
    assert threshold_by('twice-mean', counts) == pytest.approx(0.6, abs=0.02)


def test_otsu_and_li_are_the_best_of_all_edges():
    counts = _two_hills(0.3, 0.55, 0.6, 1).astype(float)
    values = (np.arange(100) + 0.5) / 100

    def variance(edge):
        parts = slice(edge), slice(edge, None)
        weights = [counts[p].sum() / counts.sum() for p in parts]
        means = [np.average(values[p], weights=counts[p]) for p in parts]
        return weights[0] * weights[1] * (means[0] - means[1])**2

    def cross_entropy(edge):
        total = 0
        for part in (slice(edge), slice(edge, None)):
            mean = np.average(values[part], weights=counts[part])
            total += (counts[part] * values[part]
                      * np.log(values[part] / mean)).sum()
        return -total

    edges = [e for e in range(1, 100) if counts[:e].any() and counts[e:].any()]
    for name, score in (('otsu', variance), ('li', cross_entropy)):
        edge = round(threshold_by(name, counts) * 100)
        assert score(edge) == pytest.approx(max(map(score, edges)))


def test_a_rule_of_a_stranger_and_one_that_is_none(tmp_path):
    @THRESHOLD_RULES.register_module(name='third')
    def third(counts):
        return len(counts) // 3

    try:
        _, report = _evaluate(list(random_images()), tmp_path,
                              threshold_rule='third')
        assert report['label_free']['threshold'] == 0.33
        assert report['label_free']['rule'] == 'third'
        assert set(report['rules']) == set(rule_names())
        otsu = report['rules']['otsu']
        assert otsu['mIoU'] == pytest.approx(100 * slow_scores(
            list(random_images()), otsu['threshold'])[0].mean(), abs=0.01)
    finally:
        del THRESHOLD_RULES.module_dict['third']
    with pytest.raises(ValueError, match='Is "otsu" meant'):
        SeedMetric(threshold_rule='otsi')
    with pytest.raises(ValueError, match='expected CAMs'):
        threshold_by('otsu', np.zeros(100))


def test_a_label_free_threshold_that_a_grid_lacks_is_left_out(tmp_path):
    images = list(random_images())
    rules = _evaluate(images, tmp_path)[1]['rules']
    kept = rules['otsu']['threshold']
    scores, report = _evaluate(images, tmp_path, thresholds=[0.01, kept])
    assert report['label_free']['threshold'] == kept
    assert report['rules'] == {
        name: one for name, one in rules.items() if one['threshold'] == kept}
    assert len(report['rules']) < len(rules)
    scores, report = _evaluate(images, tmp_path, thresholds=[0.01])
    assert 'label_free' not in report
    assert report['rules'] == {}
    assert not [name for name in scores if 'label_free' in name]


@pytest.mark.parametrize('edge', [None, 'third', 0, 100, float('nan'), True])
def test_a_rule_of_a_stranger_that_returns_no_edge_is_named(edge):
    THRESHOLD_RULES.register_module(name='odd', module=lambda counts: edge)
    try:
        with pytest.raises(ValueError, match=(
                rf'threshold rule "odd": .* >= 1 and <= 99, found {edge!r}')):
            threshold_by('odd', _two_hills())
    finally:
        del THRESHOLD_RULES.module_dict['odd']


def test_masks_do_not_move_a_label_free_threshold(tmp_path):
    cam = torch.rand(3, 30, 30) ** 3
    assert np.array_equal(
        cam_histogram(cam),
        np.histogram(cam.amax(0).double(), 100, (0, 1))[0])
    assert not cam_histogram(torch.zeros(3, 4, 4)).any()
    images = list(random_images())
    first = _evaluate(images, tmp_path)[1]['label_free']
    other = [(cam, target.flip(0)) for cam, target in images]
    second = _evaluate(other, tmp_path)[1]['label_free']
    assert first['threshold'] == second['threshold']
    assert first['mIoU'] != second['mIoU']


@pytest.mark.parametrize('indices', [None, [2, 5, 6, 7], 5, -3])
def test_a_segmentor_is_scored_on_the_others_of_its_part(
        shared_voc, tmp_path, indices):
    cfg = Config.fromfile(seg_config(shared_voc, tmp_path / 'seg.py', 2))
    cfg.test_dataloader.dataset.indices = indices
    data = build_split(cfg, 'test')
    ids = [data.get_data_info(i)['img_id'] for i in range(len(data))]
    write_selection(tmp_path / 'few.txt', [ids[1]])
    use_selection(cfg, tmp_path / 'few.txt', tmp_path / 'own.txt')
    data = build_split(cfg, 'test')
    assert [data.get_data_info(i)['img_id'] for i in range(len(data))] == [
        ids[0], *ids[2:]]
