"""Two processes with half a batch each train like one with all of it."""
import pytest
import torch
from two_ranks import (
    LABELS,
    RECIPES,
    contrast_share,
    contrast_steps,
    on_two_ranks,
)


@pytest.fixture(scope='module')
def of_two_ranks():
    return on_two_ranks(contrast_share)


@pytest.mark.parametrize('recipe', RECIPES)
def test_losses_gradients_and_banks_equal_the_joined_batch(
        recipe, of_two_ranks):
    # One process draws what two do in turns; the release depends on order.
    order = [0, 1, 2, 3] if recipe == 'release' else [0, 2, 1, 3]
    expected = contrast_steps(recipe, order)
    for found in of_two_ranks:
        assert len(found[recipe]) == len(expected)
        for step, (one, other) in enumerate(zip(found[recipe], expected)):
            assert one.keys() == other.keys()
            for name, value in one.items():
                value, whole = torch.tensor(value), torch.tensor(other[name])
                limit = 2e-5 * max(whole.abs().max().item(), 1e-3)
                error = (value - whole).abs().max().item()
                assert error <= limit, (step, name, error)


def test_the_comparison_is_not_of_zeros():
    last = contrast_steps('clean', list(range(len(LABELS))))[-1]
    assert min(last[f'loss_{name}']
               for name in ('roi', 'class', 'pixel')) > 1e-3
    half = contrast_steps('clean', [0, 1])[-1]
    assert abs(half['loss_class'] - last['loss_class']) > 1e-4
    gradient = torch.tensor(last['embeddings.region.3.weight'])
    assert gradient.abs().max() > 1e-5
    assert last['losses.contrast.levels.cls.bank.0.seen'] == [1, 1, 1, 1]
