import itertools

import numpy as np
import pytest

from hsc_mm.datasets import sampler as module
from hsc_mm.datasets.class_balance import (
    ClassBalancedSampler,
    repeat_factors,
)
from hsc_mm.datasets.sampler import ReproducibleSampler

LABELS = np.array([[1, 0]] * 16 + [[1, 1]] * 2 + [[0, 1]] * 2 + [[0, 0]] * 5)


class _Labelled(list):
    def get_data_info(self, place):
        return dict(gt_label=LABELS[place])


def _balanced(count, rank=0, world=1, skip=0, monkeypatch=None, **kwargs):
    if monkeypatch is not None:
        monkeypatch.setattr(module, 'get_dist_info', lambda: (rank, world))
    one = ClassBalancedSampler(_Labelled(range(25)), seed=3, **kwargs)
    one.skip(skip)
    return list(itertools.islice(one, count))


def test_rare_classes_are_drawn_oftener_by_the_factor_of_lvis():
    # Shares 18/25 and 4/25; t = 1: factors sqrt(25/18), 5/2.
    factors = repeat_factors(LABELS, 1)
    assert factors == pytest.approx(
        [(25 / 18)**0.5] * 16 + [2.5] * 4 + [1] * 5)
    assert repeat_factors(LABELS).max() == pytest.approx(
        (11 / 25 / (4 / 25))**0.5)
    size = len(ClassBalancedSampler(_Labelled(range(25)), 1, seed=3))
    assert size == round(factors.sum()) == 34
    draws = np.array(_balanced(40 * size, threshold=1)).reshape(40, size)
    counts = np.stack([np.bincount(e, minlength=25) for e in draws])
    expected = factors * size / factors.sum()
    assert (abs(counts - expected) < 1).all()
    assert counts.mean(0) == pytest.approx(expected, abs=0.25)
    assert len({tuple(e) for e in draws}) == 40


def test_balanced_draws_resume_and_are_shared_by_ranks(monkeypatch):
    whole = _balanced(80)
    assert _balanced(80, skip=0) == whole
    later = _balanced(30, skip=50)
    assert later == whole[50:]
    assert [d.key for d in later] == [d.key for d in whole[50:]]
    parts = [_balanced(40, rank, 2, monkeypatch=monkeypatch)
             for rank in range(2)]
    assert [d for pair in zip(*parts) for d in pair] == whole


def test_images_without_a_class_are_at_most_a_share_of_the_draws():
    # Twenty images with a class, five without.
    factors = repeat_factors(LABELS, 0, negatives=0.1)
    assert factors[:20] == pytest.approx([1] * 20)
    assert factors[20:] == pytest.approx([20 / 9 / 5] * 5)
    assert repeat_factors(LABELS, 0, negatives=0.5) == pytest.approx([1] * 25)
    draws = np.array(_balanced(220, threshold=0, negatives=0.1))
    assert (draws >= 20).mean() == pytest.approx(0.1, abs=0.01)
    assert set(np.bincount(draws[:22], minlength=25)[:20]) == {1}


def test_with_nothing_to_balance_the_draws_are_the_usual_ones():
    plain = ReproducibleSampler(_Labelled(range(25)), seed=3)
    usual = list(itertools.islice(plain, 50))
    assert _balanced(50, threshold=0, negatives=0.5) == usual


def test_a_data_set_without_labels_cannot_be_balanced():
    with pytest.raises(ValueError, match='expected a data set of hsc_mm'):
        ClassBalancedSampler(range(7), seed=3)
    with pytest.raises(ValueError, match='found 3 images without any class'):
        repeat_factors(np.zeros((3, 2)))
    with pytest.raises(ValueError, match='threshold of ClassBalanced'):
        repeat_factors(LABELS, 2)
    with pytest.raises(ValueError, match='negatives of ClassBalanced'):
        repeat_factors(LABELS, negatives=0)
