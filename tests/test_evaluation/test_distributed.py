"""Two processes report what one does, also when one image comes twice."""
import pytest
from two_ranks import evaluate, evaluate_nothing, evaluate_share, on_two_ranks


def test_two_ranks_equal_one():
    expected = evaluate(range(5), 5)
    for result in on_two_ranks(evaluate_share):
        assert result == pytest.approx(expected, nan_ok=True)


def test_a_rank_without_images_ends_all():
    for said in on_two_ranks(evaluate_nothing):
        assert 'expected images on each of the 2 processes, found none on ' \
            'process 1.' in said
