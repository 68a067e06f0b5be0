import math

import pytest
import torch

from hsc_mm.models.losses import (
    MultiLabelSoftMarginLoss,
    multilabel_soft_margin_loss,
)


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
    assert MultiLabelSoftMarginLoss(loss_weight=0.5)(
        score, label).item() == pytest.approx(
            0.5 * _slow(score, label), rel=1e-5)


def test_half_precision_and_large_scores_stay_finite():
    score = torch.tensor([[60000., -60000.]], dtype=torch.float16)
    score.requires_grad_()
    loss = multilabel_soft_margin_loss(score, torch.tensor([[0., 1.]]))
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(score.grad).all()
