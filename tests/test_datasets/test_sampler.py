import itertools
import pickle

import numpy as np
import pytest
from mmengine.dataset import BaseDataset, ConcatDataset, RepeatDataset

from hsc_mm.datasets import sampler as module
from hsc_mm.datasets.sampler import ReproducibleSampler
from hsc_mm.datasets.transforms import SeedBySampler


def _draws(count, monkeypatch=None, rank=0, world=1, skip=0, **kwargs):
    if monkeypatch is not None:
        monkeypatch.setattr(module, 'get_dist_info', lambda: (rank, world))
    one = ReproducibleSampler(range(7), seed=3, **kwargs)
    one.skip(skip)
    return list(itertools.islice(one, count))


def test_every_epoch_holds_every_item_in_another_order():
    draws = _draws(21)
    epochs = [draws[i:i + 7] for i in (0, 7, 14)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(7))
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert _draws(21) == draws
    assert _draws(9, shuffle=False) == [*range(7), 0, 1]


@pytest.mark.parametrize('skip', [1, 7, 12])
def test_skipping_lands_on_the_same_draws(skip):
    later = _draws(8, skip=skip)
    whole = _draws(8 + skip)[skip:]
    assert later == whole
    assert [d.key for d in later] == [d.key for d in whole]


def test_ranks_together_draw_what_one_process_draws(monkeypatch):
    parts = [_draws(6, monkeypatch, rank, 2) for rank in range(2)]
    joined = [d for pair in zip(*parts) for d in pair]
    whole = _draws(12, monkeypatch)
    assert joined == whole
    assert [d.key for d in joined] == [d.key for d in whole]


@pytest.mark.parametrize('offset', [3, -4])
def test_a_run_that_had_another_batch_goes_on_after_its_draws(monkeypatch,
                                                              offset):
    monkeypatch.setattr(module, 'get_dist_info', lambda: (1, 2))
    one = ReproducibleSampler(range(7), seed=3)
    one.skip(4)
    one.offset = offset
    whole = _draws(20, monkeypatch)
    assert list(itertools.islice(one, 3)) == [
        whole[9 + offset + step] for step in (0, 2, 4)]
    one.skip(0)  # what is passed over one by one
    assert min(draw.key[1] for draw in itertools.islice(one, 9)) >= 0


def test_a_draw_survives_the_way_to_a_worker():
    draw = pickle.loads(pickle.dumps(_draws(3)[2]))
    assert draw.key == (3, 2)
    assert draw == _draws(3)[2]


def test_augmentations_follow_the_draw():
    def value(draw):
        SeedBySampler()(dict(sample_idx=draw))
        return np.random.random()

    first, second = _draws(2)
    assert value(first) == value(first)
    assert value(first) != value(second)
    np.random.seed(0)
    expected = np.random.random()
    np.random.seed(0)
    assert value(5) == expected  # an ordinary index seeds nothing


class _Items(BaseDataset):
    """Items by number, whose pipeline returns what it is given."""

    def __init__(self, names):
        self.names = names
        super().__init__(pipeline=[lambda results: results])

    def load_data_list(self):
        return [dict(name=name) for name in self.names]


@pytest.mark.parametrize(('dataset', 'names'), [
    (lambda: RepeatDataset(_Items('abc'), 3), 'abcabcabc'),
    (lambda: ConcatDataset([_Items('abc'), _Items('de')]), 'abcde')])
def test_wrapped_data_sets_hand_the_draw_on(dataset, names):
    dataset = dataset()
    sampler = ReproducibleSampler(dataset, seed=3)
    draws = list(itertools.islice(sampler, 2 * len(names)))
    items = [dataset[draw] for draw in draws]
    assert ''.join(item['name'] for item in items) == ''.join(
        names[draw] for draw in draws)
    assert [item['sample_idx'].key for item in items] == [
        (3, number) for number in range(2 * len(names))]


def test_the_arithmetic_of_a_draw_is_that_of_numbers():
    draw = _draws(1)[0]
    for found, expected in ((draw % 2, int(draw) % 2),
                            (draw - 9, int(draw) - 9)):
        assert found == expected
        assert found.key == draw.key
    assert draw % 0.75 == int(draw) % 0.75
    assert draw - 0.5 == int(draw) - 0.5
