"""Losses for labels that may be wrong, recomputed pixel by pixel."""
import math

import pytest
import torch
from mmseg.models.losses import CrossEntropyLoss
from two_ranks import COUNTED, noisy_label_share, noisy_labels, on_two_ranks

from hsc_mm.models.losses import (
    BootstrappedCrossEntropyLoss,
    SymmetricCrossEntropyLoss,
)
from hsc_mm.registry import MODELS

SHAPE = (2, 4, 3, 5)  # B, C, H, W


def _softmax(values):
    top = max(values)
    exp = [math.exp(v - top) for v in values]
    return [e / sum(exp) for e in exp]


def _soft(q, y, beta=0.95):
    return -sum((beta * (k == y) + (1 - beta) * q[k]) * math.log(q[k])
                for k in range(len(q)))


def _hard(q, y, beta=0.8):
    best = q.index(max(q))
    return -beta * math.log(q[y]) - (1 - beta) * math.log(q[best])


def _symmetric(q, y, alpha=0.1, beta=1.0, log_zero=-4.0):
    reverse = -sum(q[k] * (0.0 if k == y else log_zero)
                   for k in range(len(q)))
    return -alpha * math.log(q[y]) + beta * reverse


CASES = {
    'soft': (dict(type='BootstrappedCrossEntropyLoss'), _soft),
    'soft, beta': (dict(type='BootstrappedCrossEntropyLoss', beta=0.3),
                   lambda q, y: _soft(q, y, 0.3)),
    'hard': (dict(type='BootstrappedCrossEntropyLoss', hard=True), _hard),
    'symmetric': (dict(type='SymmetricCrossEntropyLoss'), _symmetric),
    'symmetric, alpha': (dict(type='SymmetricCrossEntropyLoss', alpha=6.0,
                              beta=0.1, log_zero=-6.0),
                         lambda q, y: _symmetric(q, y, 6.0, 0.1, -6.0)),
}


def _build(name, **changes):
    cfg = dict(CASES[name][0], **changes)
    return MODELS.build(dict(cfg, type=f'hsc_mm.{cfg["type"]}'))


def _batch(ignored=True, seed=0):
    generator = torch.Generator().manual_seed(seed)
    score = torch.randn(SHAPE, generator=generator) * 3
    label = torch.randint(0, SHAPE[1], (SHAPE[0], *SHAPE[2:]),
                          generator=generator)
    if ignored:
        label[0, 0] = label[1, 2, 3] = 255
    return score.requires_grad_(), label


def _each(name, score, label):
    """The loss of each pixel, None where ignored."""
    rule = CASES[name][1]
    pixels = score.detach().permute(0, 2, 3, 1).flatten(0, 2).tolist()
    return [None if y == 255 else rule(_softmax(values), y)
            for values, y in zip(pixels, label.flatten().tolist())]


@pytest.mark.parametrize('name', CASES)
@pytest.mark.parametrize('ignored', [False, True])
def test_formula(name, ignored):
    score, label = _batch(ignored)
    expected = _each(name, score, label)
    kept = [value for value in expected if value is not None]
    assert len(kept) == label.numel() - 6 * ignored
    mean = sum(kept) / len(kept)
    assert _build(name).loss_name in ('loss_boot', 'loss_sce')
    loss = _build(name)(score, label)
    assert loss.shape == () and loss.item() == pytest.approx(mean, rel=1e-5)
    assert _build(name, loss_weight=0.5)(score, label).item() == \
        pytest.approx(0.5 * mean, rel=1e-5)
    assert _build(name, reduction='sum')(score, label).item() == \
        pytest.approx(sum(kept), rel=1e-5)
    assert _build(name)(score, label, avg_factor=7.0).item() == \
        pytest.approx(sum(kept) / 7, rel=1e-5)
    none = _build(name)(score, label, reduction_override='none')
    assert none.shape == label.shape
    assert none.flatten().tolist() == pytest.approx(
        [value or 0.0 for value in expected], rel=1e-4, abs=1e-6)


@pytest.mark.parametrize('name', CASES)
def test_weights_of_pixels(name):
    score, label = _batch()
    generator = torch.Generator().manual_seed(1)
    weight = torch.rand(label.shape, generator=generator)
    expected = [w * value for w, value in zip(
        weight.flatten().tolist(), _each(name, score, label))
        if value is not None]
    assert _build(name)(score, label, weight=weight).item() == \
        pytest.approx(sum(expected) / len(expected), rel=1e-5)


@pytest.mark.parametrize('name', CASES)
def test_gradient_is_that_of_the_formula_and_none_where_ignored(name):
    score, label = _batch()
    loss = _build(name)
    loss(score, label).backward()
    ignored = (label == 255).unsqueeze(1).expand_as(score)
    assert (score.grad[ignored] == 0).all()
    assert score.grad[~ignored].abs().max() > 0
    step = 1e-3
    for place in ((0, 1, 1, 0), (1, 3, 0, 4), (0, 2, 2, 2)):
        values = []
        for sign in (1, -1):
            moved = score.detach().clone()
            moved[place] += sign * step
            each = [v for v in _each(name, moved, label) if v is not None]
            values.append(sum(each) / len(each))
        slope = (values[0] - values[1]) / (2 * step)
        assert score.grad[place].item() == pytest.approx(
            slope, rel=1e-2, abs=1e-5)


@pytest.mark.parametrize('name', CASES)
def test_nothing_but_ignored_pixels(name):
    score, label = _batch()
    loss = _build(name)(score, torch.full_like(label, 255))
    loss.backward()
    assert loss.item() == 0
    assert (score.grad == 0).all()


@pytest.mark.parametrize('name', CASES)
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_and_large_scores(name, dtype):
    score = torch.tensor([60000., -60000., 0.], dtype=dtype)
    score = score.view(1, 3, 1, 1).repeat(2, 1, 1, 2).requires_grad_()
    label = torch.tensor([[[0, 1]], [[2, 255]]])
    loss = _build(name, reduction='sum')(score, label)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss) and torch.isfinite(score.grad).all()


def test_autocast_computes_in_float32():
    score, label = _batch()
    for name in CASES:
        plain = _build(name)(score, label)
        with torch.autocast('cpu', dtype=torch.bfloat16):
            assert torch.equal(_build(name)(score, label), plain)


@pytest.mark.parametrize('loss', [
    BootstrappedCrossEntropyLoss(beta=1.0),
    SymmetricCrossEntropyLoss(alpha=1.0, beta=0.0),
])
def test_cross_entropy_is_a_special_case(loss):
    score, label = _batch()
    plain = CrossEntropyLoss(avg_non_ignore=True)(
        score, label, ignore_index=255)
    assert loss(score, label).item() == pytest.approx(plain.item(), rel=1e-5)
    label[label == 255] = 9
    assert loss(score, label, ignore_index=9).item() == pytest.approx(
        plain.item(), rel=1e-5)


def test_a_wrong_label_pulls_less_than_with_cross_entropy():
    """The network is sure of class 0, the label says 1."""
    def pull(loss):
        score = torch.tensor([8., 0., 0.]).view(1, 3, 1, 1).requires_grad_()
        loss(score, torch.ones(1, 1, 1, dtype=torch.long)).backward()
        return score.grad.abs().sum().item()

    plain = pull(CrossEntropyLoss(avg_non_ignore=True))
    assert pull(BootstrappedCrossEntropyLoss(beta=0.5)) < 0.6 * plain
    assert pull(BootstrappedCrossEntropyLoss(hard=True)) < 0.9 * plain
    assert pull(SymmetricCrossEntropyLoss()) < 0.2 * plain


@pytest.mark.parametrize(('name', 'changes', 'message'), [
    ('soft', dict(beta=1.5), r'beta.*found 1\.5'),
    ('soft', dict(reduction='max'), r"reduction.*found 'max'"),
    ('symmetric', dict(alpha=-1), r'alpha.*found -1'),
    ('symmetric', dict(alpha=0, beta=0), r'alpha, beta.*not both 0'),
    ('symmetric', dict(log_zero=0), r'log_zero.*found 0'),
])
def test_wrong_arguments(name, changes, message):
    with pytest.raises(ValueError, match=message):
        _build(name, **changes)


def test_a_single_channel_is_refused():
    with pytest.raises(ValueError, match=r'cls_score.*at least 2, found 1'):
        SymmetricCrossEntropyLoss()(torch.zeros(1, 1, 2, 2),
                                    torch.zeros(1, 2, 2, dtype=torch.long))


@pytest.mark.slow
def test_the_mean_is_that_of_the_images_of_all_ranks():
    found = on_two_ranks(noisy_label_share)
    for place, counted in enumerate(COUNTED):
        whole = noisy_labels([0, 1], counted)
        shares = sorted((torch.tensor(one[place]) for one in found),
                        key=lambda one: one.abs().sum().item())
        images = sorted(whole, key=lambda one: one.abs().sum().item())
        for share, image in zip(shares, images, strict=True):
            torch.testing.assert_close(share[0], image)
        assert whole.abs().sum() > 0
