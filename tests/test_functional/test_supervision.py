import math

import pytest
import torch

from hsc_mm.functional.supervision import (
    class_scores,
    multilabel_soft_margin_loss,
)
from hsc_mm.models import ClassificationLoss, Targets, View


def _slow(score, label):
    total = 0.0
    for s_row, y_row in zip(score.tolist(), label.tolist()):
        for s, y in zip(s_row, y_row):
            p = 1 / (1 + math.exp(-s))
            total -= y * math.log(p) + (1 - y) * math.log(1 - p)
    return total / score.numel()


@pytest.mark.parametrize('shape', [(1, 1), (3, 5), (2, 20)])
def test_multilabel_soft_margin(shape):
    torch.manual_seed(0)
    score, label = torch.randn(shape) * 3, torch.rand(shape).round()
    assert multilabel_soft_margin_loss(
        score, label).item() == pytest.approx(_slow(score, label), rel=1e-5)


def test_the_classification_loss_is_the_mean_over_views():
    torch.manual_seed(0)
    cams = [torch.randn(3, 6, *size) for size in ((4, 5), (2, 3))]
    label = torch.rand(3, 5).round()
    found = ClassificationLoss(loss_weight=0.5)(
        [View(None, (), cam, cam) for cam in cams], Targets(label))
    scores = [cam[:, 1:].flatten(2).mean(2) for cam in cams]
    assert torch.allclose(class_scores(cams[0]), scores[0])
    expected = sum(_slow(score, label) for score in scores) / 2
    assert found.item() == pytest.approx(0.5 * expected, rel=1e-5)


def test_half_precision_and_large_scores_stay_finite():
    score = torch.tensor([[60000., -60000.]], dtype=torch.float16)
    score.requires_grad_()
    loss = multilabel_soft_margin_loss(score, torch.tensor([[0., 1.]]))
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(score.grad).all()
