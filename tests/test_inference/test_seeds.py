"""The threshold that the masks of a split choose."""
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from hsc_mm.engine import runner
from hsc_mm.inference.seeds import best_threshold


@pytest.mark.parametrize('scores', [
    {'seed/mIoU': 1.0, 'seed/threshold_best': 0.4},
    {'own/acc': 3.0, 'few/threshold_best': 0.4},  # SeedMetric(prefix='few')
    {'threshold_best': 0.4}])
def test_the_best_threshold_has_whatever_prefix(monkeypatch, scores):
    monkeypatch.setattr(runner, 'build_runner', lambda cfg: SimpleNamespace(
        test=lambda: scores))
    assert best_threshold(Config(), 'a.pth') == 0.4


def test_scores_without_a_threshold_are_refused(monkeypatch):
    monkeypatch.setattr(runner, 'build_runner', lambda cfg: SimpleNamespace(
        test=lambda: {'seed/threshold_best_of_all': 0.4, 'mIoU': 1.0}))
    with pytest.raises(ValueError, match=r'expected hsc_mm\.SeedMetric'):
        best_threshold(Config(), 'a.pth')


def test_the_best_threshold_is_looked_for_where_labels_are_made(monkeypatch):
    moved = []
    monkeypatch.setattr(runner, 'build_runner', lambda cfg: SimpleNamespace(
        model=SimpleNamespace(to=moved.append),
        test=lambda: {'threshold_best': 0.4 if moved == ['cpu'] else 0.0}))
    assert best_threshold(Config(), 'a.pth', 'cpu') == 0.4
