"""The hook commits once an iteration, whatever wraps the model."""
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import CheckpointHook
from torch import nn

from hsc_mm.engine.hooks.momentum_prototype_hook import MomentumPrototypeHook
from hsc_mm.functional.prototypes import MomentumPrototypes, Observation
from hsc_mm.registry import HOOKS


class _Model(nn.Module):
    """Two banks at different depths."""

    def __init__(self):
        super().__init__()
        self.bank = MomentumPrototypes(2, 2)
        self.inner = nn.ModuleDict(
            dict(banks=nn.ModuleList([MomentumPrototypes(2, 2)])))
        self.banks = [self.bank, self.inner['banks'][0]]

    def stage(self, row):
        for bank in self.banks:
            bank.stage(
                Observation(torch.tensor([row, [9., 9.]]),
                            torch.tensor([1., 0])))


@pytest.mark.parametrize('wrapped', [False, True])
def test_every_bank_moves_once_an_iteration(wrapped):
    model = _Model()
    runner = SimpleNamespace(
        model=nn.DataParallel(model) if wrapped else model)
    hook = MomentumPrototypeHook()
    for iteration, row in enumerate([[2., 0], [0, 3.]]):
        model.stage(row)
        hook.after_train_iter(runner, iteration)
    for bank in model.banks:
        assert bank.seen.tolist() == [True, False]
        assert bank.rows[0].tolist() == pytest.approx([0.5**0.5] * 2)
        assert bank.rows[1].tolist() == [0, 0]
    hook.after_train_iter(runner, 2)  # nothing staged: nothing moves
    assert model.bank.rows[0].tolist() == pytest.approx([0.5**0.5] * 2)


def test_without_the_hook_the_second_iteration_says_so():
    model = _Model()
    model.stage([1., 0])
    with pytest.raises(RuntimeError, match='MomentumPrototypeHook'):
        model.stage([1., 0])


def test_a_model_without_banks_has_nothing_to_do():
    runner = SimpleNamespace(model=nn.Linear(2, 2))
    before = runner.model.weight.clone()
    MomentumPrototypeHook().after_train_iter(runner, 0)
    assert torch.equal(runner.model.weight, before)


def test_configs_find_it_and_it_runs_before_a_checkpoint_is_saved():
    hook = HOOKS.build(dict(type='hsc_mm.MomentumPrototypeHook'))
    saver = CheckpointHook()
    assert hook.priority == 'NORMAL'
    assert saver.priority == 'VERY_LOW'
