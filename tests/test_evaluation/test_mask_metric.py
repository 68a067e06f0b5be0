import numpy as np
import torch

from hsc_mm.evaluation import MaskMetric, mask_metric


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
