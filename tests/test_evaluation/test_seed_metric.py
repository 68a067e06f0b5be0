import json

import numpy as np
import pytest
import torch
from mmseg.evaluation import IoUMetric
from seed_samples import CLASSES, random_images, seed_samples, slow_scores

from hsc_mm.datasets.class_names import image_name
from hsc_mm.evaluation import (
    MaskMetric,
    SeedMetric,
    seed_histogram,
    sweep_scores,
)
from hsc_mm.evaluation.confusion import average_precision
from hsc_mm.evaluation.report import seed_tables


def test_every_threshold_equals_a_slow_count():
    images = list(random_images())
    thresholds = torch.tensor([0.05, 0.3, 0.5, 0.55, 0.95])
    scores = sweep_scores(
        sum(seed_histogram(cam, target, thresholds)
            for cam, target in images))
    for index, threshold in enumerate(thresholds.tolist()):
        iou, over, under = slow_scores(images, threshold)
        np.testing.assert_allclose(scores.iou[index], iou, rtol=1e-9)
        np.testing.assert_allclose(scores.over[index], over, rtol=1e-9)
        np.testing.assert_allclose(scores.under[index], under, rtol=1e-9)
        assert scores.miou[index] == pytest.approx(iou.mean())


def test_a_class_that_never_occurs_does_not_count():
    cam = torch.zeros(3, 2, 2)
    cam[0, 0] = 0.9
    target = torch.tensor([[1, 1], [0, 0]])
    scores = sweep_scores(seed_histogram(cam, target, torch.tensor([0.5])))
    assert scores.miou.tolist() == [1.0]
    assert scores.iou[0, 2].isnan()


def test_masks_of_other_classes_or_sizes():
    cam = torch.rand(3, 4, 4)
    with pytest.raises(ValueError, match='found 7'):
        seed_histogram(cam, torch.full((4, 4), 7), torch.tensor([0.5]))
    with pytest.raises(ValueError, match='expected the shape'):
        seed_histogram(cam, torch.zeros(4, 5).long(), torch.tensor([0.5]))


def test_metric_agrees_with_mmseg_and_writes_its_result(tmp_path):
    out = tmp_path / 'seeds.json'
    metric = SeedMetric(out_json=str(out))
    other = IoUMetric()
    meta = dict(classes=CLASSES, split='train')
    metric.dataset_meta = other.dataset_meta = meta
    samples = list(seed_samples(random_images()))
    for one in samples:
        metric.process({}, [one])
        other.process({}, [one])
    found = metric.evaluate(len(samples))
    assert found['seed/mIoU'] == pytest.approx(other.evaluate(4)['mIoU'])
    content = json.loads(out.read_text())
    curve = content['curve']
    assert len(curve['thresholds']) == 99
    assert max(curve['mIoU']) == found['seed/mIoU_best']
    at_own = curve['thresholds'].index(0.3)
    assert curve['mIoU'][at_own] == content['own']['mIoU']
    assert content['facts'] == dict(
        split='train', images=4, views=1, used_image_labels=True,
        labels_on_unseen_split=False, supervision='image labels')
    # A second evaluation starts from nothing.
    metric.process({}, samples[:1])
    assert metric.evaluate(1)['seed/mIoU'] != found['seed/mIoU']


def test_false_pixels_of_images_that_show_no_class(tmp_path):
    metric = SeedMetric(out_json=str(tmp_path / 'seeds.json'))
    other = MaskMetric()
    metric.dataset_meta = other.dataset_meta = dict(classes=CLASSES)
    images = list(random_images())
    for number in (1, 2):
        target = images[number][1]
        target[target != 255] = 0
    for sample in seed_samples(images):
        metric.process({}, [sample])
        other.process({}, [sample])
    found = metric.evaluate(4)
    pixels = torch.cat([cam.amax(0)[target == 0] for cam, target in (
        images[1], images[2])])
    assert found['seed/false_pixel_rate'] == pytest.approx(
        100 * (pixels > 0.3).double().mean().item(), abs=0.01)
    assert found['seed/false_pixel_rate_best'] == pytest.approx(100 * (
        pixels > found['seed/threshold_best']).double().mean().item(),
        abs=0.01)
    assert other.evaluate(4)['false_pixel_rate'] == found[
        'seed/false_pixel_rate']
    report = json.loads((tmp_path / 'seeds.json').read_text())
    assert report['own']['false_pixel_rate'] == found['seed/false_pixel_rate']
    assert 'false pixels in images that show no class' in seed_tables(report)
    for sample in seed_samples(random_images()):
        metric.process({}, [sample])
    assert 'seed/false_pixel_rate' not in metric.evaluate(4)


def test_mean_average_precision():
    metric = SeedMetric()
    metric.dataset_meta = dict(classes=CLASSES)
    truth = [torch.full((4, 4), c) for c in (1, 1, 2, 0)]
    scores = [[.9, .1, 0.], [.2, .3, 0.], [.3, .8, 0.], [.1, .9, 0.]]
    for target, score in zip(truth, scores):
        sample = next(iter(seed_samples([(torch.rand(3, 4, 4), target)])))
        sample['cls_scores'] = torch.tensor(score)
        metric.process({}, [sample])
    # cat: ranks 1 and 3 of 4 -> (1 + 2/3) / 2; dog: rank 2 -> 1/2.
    expected = 100 * ((1 + 2 / 3) / 2 + 1 / 2) / 2
    assert metric.evaluate(4)['seed/mAP'] == pytest.approx(expected, abs=.01)


def test_writing_masks_only(tmp_path):
    metric = SeedMetric(output_dir=str(tmp_path), format_only=True)
    metric.dataset_meta = dict(classes=CLASSES)
    samples = list(seed_samples(random_images()))
    for sample in samples:
        del sample['gt_sem_seg']
    metric.process({}, samples)
    assert metric.evaluate(4) == {}
    from hsc_mm.utils import read_index_png
    for number, sample in enumerate(samples):
        assert np.array_equal(
            read_index_png(tmp_path / f'{number}.png'),
            sample['pred_sem_seg']['data'][0].numpy())


def test_samples_without_masks_are_an_error():
    metric = SeedMetric()
    sample = next(iter(seed_samples(random_images())))
    del sample['gt_sem_seg']
    with pytest.raises(ValueError, match='needs a mask'):
        metric.process({}, [sample])


def test_masks_of_a_segmentor_are_refused():
    sample = next(iter(seed_samples(random_images())))
    del sample['bg_threshold']
    with pytest.raises(ValueError, match=r'0\.jpg: SeedMetric scores seeds, '
                       r'and the prediction has no bg_threshold.*MaskMetric'):
        SeedMetric().process({}, [sample])


def test_an_index_that_is_no_class_is_named():
    metric = SeedMetric()
    metric.dataset_meta = dict(classes=CLASSES, split='train')
    sample = next(iter(seed_samples(random_images())))
    sample['seg_map_path'] = 'm/a.png'
    sample['gt_sem_seg']['data'][0, 0, 0] = 77
    with pytest.raises(ValueError, match=r'm/a\.png: expected indices 0\.\.\d'
                       r' and 255, found \[77\]'):
        metric.process({}, [sample])


def test_equal_scores_are_ranked_together():
    """The order of a list of class folders made 66 of a constant score."""
    labels = torch.eye(2, dtype=torch.bool).repeat_interleave(20, dim=0)[:30]
    flat = torch.full(labels.shape, 0.5)
    assert average_precision(flat, labels).tolist() == pytest.approx(
        [20 / 30, 10 / 30])
    scores = (torch.rand(30, 2, generator=torch.Generator().manual_seed(0))
              * 5).round()
    found = average_precision(scores, labels)
    for seed in range(3):
        order = torch.randperm(30, generator=torch.Generator().manual_seed(
            seed))
        assert torch.equal(
            average_precision(scores[order], labels[order]), found)
    assert average_precision(flat, labels & False).isnan().all()


@pytest.mark.parametrize('selecting', [False, True])
def test_masks_that_are_ignored_everywhere_have_no_score(selecting):
    metric = SeedMetric()
    metric.dataset_meta = dict(classes=CLASSES)
    samples = list(seed_samples(random_images()))
    if selecting:
        metric.selecting = {image_name(samples[0])}
    for sample in samples[:1] if selecting else samples:
        sample['gt_sem_seg']['data'][:] = 255
    metric.process({}, samples)
    with pytest.raises(ValueError, match='expected masks that show something'
                       ) as error:
        metric.evaluate(len(samples))
    assert str(error.value).startswith('selection: ') == selecting
