import numpy as np
import pytest
import torch

from hsc_mm.evaluation import MaskMetric, mask_metric
from hsc_mm.evaluation.mask_metric import write_mask
from hsc_mm.utils import read_index_png


def test_a_result_says_what_was_learned_from(monkeypatch):
    said = []
    monkeypatch.setattr(mask_metric, 'print_log',
                        lambda text, logger: said.append(text))
    metric = MaskMetric(iou_metrics=['mIoU'], supervision='scribbles')
    metric.dataset_meta = dict(classes=('background', 'cat'), split='val')
    mask = torch.tensor([[0, 1], [1, 1]])
    sample = dict(
        pred_sem_seg=dict(data=mask), gt_sem_seg=dict(data=mask))
    metric.process({}, [sample])
    assert np.isclose(metric.evaluate(1)['mIoU'], 100)
    assert said == ['Masks of val, 1 images; supervision: scribbles']


def _sample(seed, **meta):
    return dict(img_path='p/a.jpg',
                pred_sem_seg=dict(data=torch.tensor([seed])), **meta)


def test_indices_are_those_of_the_masks_on_disk(tmp_path):
    seed = [[0, 1], [2, 0]]
    write_mask(str(tmp_path), _sample(seed, img_id='sub/b'),
               dict(label_map={0: 0, 3: 255, 8: 1, 12: 2}))
    assert read_index_png(tmp_path / 'sub' / 'b.png').tolist() == \
        [[0, 8], [12, 0]]
    write_mask(str(tmp_path), _sample(seed), {})
    assert read_index_png(tmp_path / 'a.png').tolist() == seed
    # Data sets of mmseg whose index 0 is "other".
    write_mask(str(tmp_path), _sample(seed, reduce_zero_label=True), {})
    assert np.array_equal(read_index_png(tmp_path / 'a.png'),
                          np.array(seed) + 1)
    # And of some of its classes.
    write_mask(str(tmp_path), _sample([[0, 1]], reduce_zero_label=True),
               dict(label_map={0: 255, 2: 0, 4: 1}))
    assert read_index_png(tmp_path / 'a.png').tolist() == [[3, 5]]


def test_an_index_that_is_no_class_is_named():
    metric = MaskMetric(iou_metrics=['mIoU'])
    metric.dataset_meta = dict(classes=('background', 'cat'))
    sample = dict(seg_map_path='m/a.png', gt_sem_seg=dict(
        data=torch.tensor([[0, 77, 255]])), pred_sem_seg=dict(
            data=torch.tensor([[0, 1, 1]])))
    with pytest.raises(ValueError, match=r'm/a\.png: expected indices 0\.\.1 '
                       r'and 255, found \[77\]'):
        metric.process({}, [sample])
    sample['gt_sem_seg']['data'][0, 1] = 1
    metric.process({}, [sample])
    assert np.isclose(metric.evaluate(1)['mIoU'], 100)


def test_images_of_one_name_do_not_share_a_mask(tmp_path):
    metric = MaskMetric(output_dir=str(tmp_path), format_only=True)
    metric.dataset_meta = dict(classes=('background', 'cat'))
    for _ in range(2):      # of one image as often as it comes
        metric.process({}, [_sample([[0, 1]])])
    other = _sample([[1, 1]]) | dict(img_path='q/a.jpg')
    with pytest.raises(ValueError, match=r'"a" for p/a\.jpg and q/a\.jpg'):
        metric.process({}, [other])
    assert read_index_png(tmp_path / 'a.png').tolist() == [[0, 1]]
    metric.process({}, [other | dict(img_id='q/a')])
    assert read_index_png(tmp_path / 'q' / 'a.png').tolist() == [[1, 1]]


@pytest.mark.parametrize('begins_at_1', [False, True])
def test_index_0_is_a_class_where_masks_begin_at_1(begins_at_1):
    """Pictures of it alone are no pictures that show nothing."""
    metric = MaskMetric(iou_metrics=['mIoU'])
    metric.dataset_meta = dict(classes=('wall', 'sky'),
                               reduce_zero_label=begins_at_1)
    metric.process({}, [dict(
        img_path='a.jpg', gt_sem_seg=dict(data=torch.tensor([[0, 0]])),
        pred_sem_seg=dict(data=torch.tensor([[0, 1]])))])
    assert ('false_pixel_rate' in metric.evaluate(1)) != begins_at_1
