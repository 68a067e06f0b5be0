"""Banks of prototypes, and the resize that everything goes through."""
import copy
import math

import pytest
import torch
import torch.nn.functional as F
from mmengine.model import ExponentialMovingAverage

from hsc_mm.functional.prototypes import Observation
from hsc_mm.functional.resize import resize_bilinear
from hsc_mm.models import MomentumPrototypes


def observe(bank, rows, weights):
    """Stage and commit rows that were met with weights."""
    weights = torch.tensor(weights)
    bank.stage(Observation(torch.tensor(rows) * weights[:, None], weights))
    bank.commit()


def unit(vector):
    length = math.sqrt(sum(x * x for x in vector))
    return [x / length for x in vector]


def test_momentum_is_the_weight_of_the_new_value():
    bank = MomentumPrototypes(1, 2, momentum=0.2, normalize='none')
    observe(bank, [[10., 0]], [3.])
    observe(bank, [[0., 5]], [0.5])
    assert bank.rows[0].tolist() == pytest.approx([0.8 * 10, 0.2 * 5])
    with pytest.raises(ValueError, match=r'momentum of MomentumPrototypes: '
                       r'.*weight of the new value.* 1\.5'):
        MomentumPrototypes(1, 2, momentum=1.5)


@pytest.mark.parametrize('normalize', ['row', 'new', 'none'])
def test_what_is_normalised(normalize):
    bank = MomentumPrototypes(2, 2, momentum=0.5, normalize=normalize)
    steps = [[[3., 4], [1, 0]], [[0., 2], [0, 1]], [[6., 1], [2, 2]]]
    expected = None
    for rows in steps:
        observe(bank, rows, [1., 2.])
        new = [row if normalize == 'none' else unit(row) for row in rows]
        if expected is None:
            expected = new
        else:
            expected = [[(x + y) / 2 for x, y in zip(a, b)]
                        for a, b in zip(new, expected)]
        if normalize == 'row':
            expected = [unit(row) for row in expected]
        for row, other in zip(bank.rows.tolist(), expected):
            assert row == pytest.approx(other, rel=1e-5)


def test_the_first_observation_is_the_row_and_others_stay_unseen():
    bank = MomentumPrototypes(3, 2)
    assert bank.seen.tolist() == [False] * 3
    assert (bank.rows == 0).all()
    observe(bank, [[0., 3], [1, 1], [2, 0]], [1., 0, 4])
    assert bank.seen.tolist() == [True, False, True]
    assert bank.rows.tolist() == [[0, 1], [0, 0], [1, 0]]
    observe(bank, [[1., 0], [-2, 0], [5, 0]], [0., 1, 0])
    assert bank.seen.tolist() == [True] * 3
    assert bank.rows.tolist() == [[0, 1], [-1, 0], [1, 0]]


def test_random_rows_count_from_the_start():
    torch.manual_seed(0)
    bank = MomentumPrototypes(4, 64, init='random', normalize='new')
    assert bank.seen.all()
    before = bank.rows.clone()
    assert 6 < before.norm(dim=1).mean() < 10
    new = torch.ones(4, 64)
    bank.stage(Observation(new, torch.tensor([1., 1, 0, 1])))
    bank.commit()
    expected = 0.5 * before + 0.5 / 8
    expected[2] = before[2]
    assert torch.allclose(bank.rows, expected)


def test_an_observation_is_a_weighted_mean():
    seen = Observation(torch.tensor([[6., 9], [1, 1]]), torch.tensor([3., 0]))
    assert seen.mean()[0].tolist() == [2, 3]
    assert seen.mean().isfinite().all()


def test_not_a_number_never_enters():
    bank = MomentumPrototypes(2, 2)
    observe(bank, [[1., 0], [0, 1]], [1., 1])
    observe(bank, [[float('nan'), 0], [1, 0]], [1., 1])
    assert bank.rows[0].tolist() == [1, 0]
    assert bank.rows[1].tolist() == pytest.approx([math.sqrt(0.5)] * 2)


def test_commit_without_stage_changes_nothing():
    bank = MomentumPrototypes(2, 2)
    bank.commit()
    assert not bank.seen.any()
    observe(bank, [[1., 0], [0, 1]], [1., 1])
    before = bank.rows.clone()
    bank.commit()
    assert torch.equal(bank.rows, before)


def test_staging_twice_names_the_hook():
    bank = MomentumPrototypes(1, 2)
    seen = Observation(torch.ones(1, 2), torch.ones(1))
    bank.stage(seen)
    with pytest.raises(RuntimeError, match=r'hsc_mm\.MomentumPrototypeHook'):
        bank.stage(seen)
    bank.commit()
    bank.stage(seen)


@pytest.mark.parametrize(('total', 'weight'), [
    ((1, 5), (1, )), ((3, 1), (3, )), ((3, 5), (1, )), ((3, 5), (3, 1)),
    ((5, ), (3, )), ((4, 5), (4, ))])
def test_an_observation_of_another_size_is_refused(total, weight):
    """Many would be broadcast, and all prototypes would be one."""
    bank = MomentumPrototypes(3, 5)
    with pytest.raises(ValueError, match=r'expected an Observation of total '
                       r'\(3, 5\) and weight \(3,\)') as error:
        bank.stage(Observation(torch.ones(total), torch.ones(weight)))
    assert f'found {total} and {weight}' in str(error.value)


def test_evaluation_stages_nothing():
    bank = MomentumPrototypes(1, 2).eval()
    for _ in range(2):
        observe(bank, [[1., 0]], [1.])
    assert not bank.seen.any()


def test_gradients_and_later_moves_do_not_reach_a_snapshot():
    bank = MomentumPrototypes(1, 2)
    observe(bank, [[1., 0]], [1.])
    before = bank.snapshot()
    total = torch.tensor([[0., 2.]], requires_grad=True)
    bank.stage(Observation(total, torch.ones(1)))
    assert bank.rows.tolist() == [[1, 0]]  # staging moves nothing
    bank.commit()
    assert before.rows.tolist() == [[1, 0]]
    assert not bank.rows.requires_grad
    assert bank.rows[0].tolist() == pytest.approx([math.sqrt(0.5)] * 2)


def test_a_checkpoint_holds_rows_and_what_was_seen(tmp_path):
    bank = MomentumPrototypes(2, 2)
    observe(bank, [[3., 4], [1, 1]], [1., 0])
    assert sorted(bank.state_dict()) == ['rows', 'seen']
    torch.save(bank.state_dict(), tmp_path / 'bank.pth')
    other = MomentumPrototypes(2, 2)
    other.load_state_dict(
        torch.load(tmp_path / 'bank.pth', weights_only=True))
    assert other.seen.tolist() == [True, False]
    for one in (bank, other, copy.deepcopy(bank)):
        observe(one, [[1., 0], [0, 1]], [1., 1])
        assert one.rows[0].tolist() == pytest.approx(unit([1.6, 0.8]))


@pytest.mark.parametrize(('name', 'value'), [('init', 'zeros'),
                                             ('normalize', 'rows')])
def test_unknown_settings_are_refused(name, value):
    with pytest.raises(ValueError, match=f'{name} of .*found "{value}"'):
        MomentumPrototypes(1, 2, **{name: value})


@pytest.mark.parametrize(('source', 'target'), [
    ((9, 11), (6, 5)), ((6, 5), (9, 11)), ((7, 7), (1, 1)), ((7, 4), (1, 9)),
    ((1, 1), (3, 4)), ((1, 5), (4, 1)), ((56, 56), (16, 16)), ((3, 8), (3, 8)),
    ((2, 2), (2, 3))
])
@pytest.mark.parametrize(
    'layout', [torch.contiguous_format, torch.channels_last])
def test_resize_equals_interpolate(source, target, layout):
    torch.manual_seed(0)
    maps = torch.randn(2, 3, *source).contiguous(memory_format=layout)
    maps.requires_grad_()
    other = maps.detach().clone().requires_grad_()
    found = resize_bilinear(maps, target)
    expected = F.interpolate(
        other, size=target, mode='bilinear', align_corners=True)
    assert found.shape == expected.shape
    assert (found - expected).abs().max() < 2e-5
    weight = torch.randn(found.shape)
    (found * weight).sum().backward()
    (expected * weight).sum().backward()
    assert (maps.grad - other.grad).abs().max() < 2e-5


def test_resize_after_inference_mode_still_has_a_gradient():
    with torch.inference_mode():
        resize_bilinear(torch.rand(1, 1, 13, 17), (4, 3))
    maps = torch.rand(1, 1, 13, 17, requires_grad=True)
    resize_bilinear(maps, (4, 3)).sum().backward()
    assert maps.grad.sum().item() == pytest.approx(12, rel=1e-5)


def test_an_average_of_weights_keeps_what_was_seen_later():
    """mmengine averages numbers, and leaves flags as they were."""
    bank = MomentumPrototypes(4, 3)
    observe(bank, [[1., 0, 0]] * 4, [1., 0, 0, 0])
    average = ExponentialMovingAverage(bank, 0.1, update_buffers=True)
    for weights in ([1., 0, 0, 0], [0, 1., 0, 0], [0, 0, 2., 0]):
        observe(bank, [[0., 1, 0]] * 4, weights)
        average.update_parameters(bank)
    found = average.module.snapshot()
    assert found.seen.tolist() == bank.seen.tolist() == [True] * 3 + [False]
