"""A run that resumes says what differs from the one that was interrupted."""
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper, OptimWrapperDict, PolyLR
from torch import nn

from hsc_mm.datasets.labels import data_hash
from hsc_mm.engine.fitting import first_problem
from hsc_mm.engine.hooks import ExactResumeHook
from hsc_mm.engine.resumable import check_rates, check_resumable
from hsc_mm.engine.resumed import resume_notes
from hsc_mm.utils.health import spoken

SETTINGS = dict(
    optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
    param_scheduler=[dict(type='PolyLR', end=4, by_epoch=False)],
    train_dataloader=dict(batch_size=2, num_workers=4, dataset=dict(
        data_root='a', pipeline=[dict(type='Crop', size=(3, 4))])),
    randomness=dict(seed=0), work_dir='a')


def changed(change):
    now = Config(SETTINGS)
    now.merge_from_dict(change)
    return now


def notes(change, size=8, text=None, images='a', key='data'):
    before, now = Config(SETTINGS), changed(change)
    meta = dict(cfg=before.pretty_text if text is None else text,
                **{key: dict(size=8, images='a')})
    return resume_notes(now, meta, dict(size=size, images=images))


@pytest.mark.parametrize(('change', 'said'), [
    ({'optim_wrapper.optimizer.lr': 0.5},
     'optim_wrapper.optimizer.lr 0.1 -> 0.5'),
    ({'optim_wrapper.clip_grad': dict(max_norm=1)},
     "optim_wrapper.clip_grad.max_norm 'unset' -> 1"),
    ({'train_dataloader.batch_size': 3}, 'batch_size 2 -> 3'),
    ({'train_dataloader.dataset.pipeline.0.size': (3, 5)},
     'pipeline.0.size.1 4 -> 5'),
    ({'randomness.seed': 1}, 'randomness.seed 0 -> 1')])
def test_settings_that_differ_are_named(change, said):
    line, = notes(change)
    assert said in line
    assert ('rates of the checkpoint' in line) == ('optim' in said)


@pytest.mark.parametrize(('size', 'ranks', 'said'), [
    (8, 1, None), (4, 2, None), (2, 4, None),
    (4, 1, 'with 4 images in an iteration, 4 in each process, where the run '
     'began with 8. The learning rate and the length of the run are those of '
     'the beginning. Set train_dataloader.batch_size=8 to go on as it did.'),
    (2, 3, 'began with 8. The learning rate and the length of the run are '
     'those of the beginning. Start as many processes as then.')])
def test_all_images_of_an_iteration_are_compared(size, ranks, said):
    cfg = changed({'train_dataloader.batch_size': size})
    meta = dict(cfg=changed({'train_dataloader.batch_size': 4}).pretty_text,
                data=dict(size=8, images='a', batch=8))
    found = resume_notes(cfg, meta, dict(
        size=8, images='a', batch=size * ranks, ranks=ranks))
    assert len(found) == (said is not None)
    assert not said or found[0].endswith(said)


@pytest.mark.parametrize(('last', 'change', 'said'), [
    (12, {}, 'ends at 4 (param_scheduler): from there to 12 the learning '
     'rate is 0, and nothing is learned. Begin a longer training from the '
     'weights (load_from), with a schedule of its own.'),
    (12, {'param_scheduler.0.eta_min': 0.01},
     'ends at 4 (param_scheduler): from there to 12 the learning rate stays '
     'at 0.01. Begin a longer training from the weights (load_from), with a '
     'schedule of its own.'),
    (12, {'param_scheduler.0.type': 'StepLR'},
     'ends at 4 (param_scheduler): from there to 12 the learning rate stays '
     'at its last value. Begin a longer training from the weights '
     '(load_from), with a schedule of its own.'),
    (3, {}, 'ends at 4 (param_scheduler): the training ends at 3, before the '
     'learning rate has its last value.'),
    (4, {}, ''),
    (5, {'param_scheduler': None}, 'ends where it did.'),
    (12, {'param_scheduler.0.type': 'LinearLR'},
     'ends at 4 (param_scheduler): from there to 12 the learning rate stays '
     'at its last value.')])
def test_what_the_schedule_does_with_another_end_is_said(last, change, said):
    now = changed(change)
    meta = dict(cfg=now.pretty_text)
    now.train_cfg = dict(max_iters=last)
    line, = resume_notes(now, meta, {})
    assert f"train_cfg.max_iters 'unset' -> {last}" in line
    said = said and f' The schedule of the checkpoint goes on and {said}'
    assert line.endswith(f'run with either.{said}')


@pytest.mark.parametrize('schedulers', [
    [dict(type='LinearLR', end=4, by_epoch=False),
     dict(type='MultiStepLR', milestones=[6, 8], by_epoch=False)],
    [dict(type='PolyLR', end=4)],
    [dict(type='PolyLR', end=4, by_epoch=False, convert_to_iter_based=True)]])
def test_nothing_is_said_of_an_end_that_is_not_known(schedulers):
    now = changed({'param_scheduler': schedulers})
    meta = dict(cfg=now.pretty_text)
    now.train_cfg = dict(max_iters=12)
    line, = resume_notes(now, meta, {})
    assert line.endswith(' The schedule of the checkpoint goes on.')


def test_mmengine_keeps_the_end_of_a_schedule_and_its_last_rate():
    def rates(end, steps, before=None):
        weight = nn.Parameter(torch.zeros(1))
        wrapper = OptimWrapper(torch.optim.SGD([weight], lr=0.1))
        made = PolyLR(wrapper, eta_min=0.01, end=end, by_epoch=False), wrapper
        for one, state in zip(made, before or ()):
            one.load_state_dict(state)
        found = []
        for _ in range(steps):
            wrapper.update_params(weight.sum())
            made[0].step()
            found.append(wrapper.optimizer.param_groups[0]['lr'])
        return found, [one.state_dict() for one in made]

    first, state = rates(4, 2)
    assert first == pytest.approx([0.07, 0.04])
    second, _ = rates(12, 5, state)
    assert second == pytest.approx([0.01] * 5)


@pytest.mark.parametrize(('change', 'said'), [
    ({'param_scheduler.0.end': 12}, 'param_scheduler.0.end 4 -> 12'),
    ({'param_scheduler': [dict(type='CosineAnnealingLR', T_max=4)]},
     "param_scheduler.0.type 'PolyLR' -> 'CosineAnnealingLR'"),
    ({'param_scheduler': SETTINGS['param_scheduler'] * 2},
     "param_scheduler.1.type 'unset' -> 'PolyLR'"),
    ({'optim_wrapper.optimizer.type': 'AdamW'}, "'SGD' -> 'AdamW'")])
def test_what_a_checkpoint_would_overwrite_is_refused(change, said):
    meta = dict(cfg=Config(SETTINGS).pretty_text)
    with pytest.raises(ValueError, match=r'checkpoint x\.pth: exp') as caught:
        check_resumable(changed(change), meta, 'x.pth')
    assert said in str(caught.value)
    check_resumable(changed({'train_cfg': dict(max_iters=9)}), meta, 'x.pth')
    check_resumable(changed(change), {}, 'x.pth')


@pytest.mark.parametrize(('before', 'now', 'refused'), [
    (dict(type='PolyLR', end=4), dict(type='PolyLR', end=4, begin=0), False),
    (dict(type='PolyLR'), [dict(type='mmengine.PolyLR', end=4)], False),
    (dict(type='PolyLR', _scope_='mmseg'), dict(type='PolyLR'), False),
    (dict(type='PolyLR', end=4), [dict(type='PolyLR', end=5)], True),
    (dict(a=dict(type='PolyLR', end=4)), dict(a=dict(type='PolyLR', end=5)),
     True),
    ([dict(type='PolyLR')], [dict(type='PolyLR'), dict(type='StepLR')], True),
    ([dict(type='MultiStepLR', milestones=[2, 3])],
     [dict(type='MultiStepLR', milestones=[2, 4])], True)])
def test_one_schedule_in_two_spellings_is_resumed(before, now, refused):
    meta = dict(cfg=Config(dict(param_scheduler=before)).pretty_text)
    cfg = Config(dict(param_scheduler=now))
    if refused:
        with pytest.raises(ValueError, match='expected the schedule and'):
            check_resumable(cfg, meta, 'x.pth')
        return
    check_resumable(cfg, meta, 'x.pth')


def test_an_optimizer_of_several_is_compared_by_its_name():
    first, second, third = (
        Config(dict(optim_wrapper=dict(
            a=dict(optimizer=dict(type=kind)),
            b=dict(optimizer=dict(type='SGD')))))
        for kind in ('SGD', 'torch.optim.SGD', 'Adam'))
    meta = dict(cfg=first.pretty_text)
    check_resumable(second, meta, 'x.pth')
    with pytest.raises(ValueError, match=r'wrapper\.a\.optimizer\.type .SGD'):
        check_resumable(third, meta, 'x.pth')


@pytest.mark.parametrize(('rate', 'steps', 'last', 'refused'), [
    (0.0, 4, 12, True), (0.1, 4, 12, False), (0.0, 2, 12, False),
    (0.0, 3, 4, False), (0.0, 3, 5, True)])
@pytest.mark.parametrize('several', [False, True])
def test_a_schedule_that_has_ended_at_0_is_refused(rate, steps, last,
                                                   refused, several):
    weight = nn.Parameter(torch.zeros(1))
    wrapper = OptimWrapper(torch.optim.SGD([weight], lr=rate))
    schedule = PolyLR(wrapper, end=4, by_epoch=False)
    for _ in range(steps):
        wrapper.update_params(weight.sum())
        schedule.step()
    wrapper.optimizer.param_groups[0]['lr'] = rate
    runner = SimpleNamespace(
        optim_wrapper=OptimWrapperDict(a=wrapper) if several else wrapper,
        param_schedulers=dict(a=[schedule]) if several else [schedule],
        iter=steps, max_iters=last)
    if refused:
        with pytest.raises(ValueError, match='train_cfg: expected an end wi'):
            check_rates(runner)
        return
    check_rates(runner)


@pytest.mark.parametrize('change', [
    {}, {'work_dir': 'b'}, {'train_dataloader.num_workers': 0},
    {'train_dataloader.dataset.data_root': 'b'},
    {'model.decode_head.seed_from': 'refined'}])
def test_what_does_not_count_is_not_named(change):
    assert notes(change) == []


def test_other_data_and_configs_that_are_none():
    assert notes({}, size=3) == [
        'resumed with other data: 8 images when the run began, 3 now.']
    assert notes({}, size=3, key='dataset_meta') == notes({}, size=3)
    assert notes({}, size=None) == []
    line, = notes({}, images='b')
    assert 'other names or image labels' in line
    assert notes({}, images=None) == []
    for text in ('', 'x = = 1', 'raise SystemExit', 5):
        assert notes({'randomness.seed': 1}, text=text) == []


@pytest.mark.parametrize(('done', 'lost'), [(6, 0), (7, 1), (8, 2)])
def test_gradients_that_were_gathered_are_lost_with_a_note(done, lost):
    cfg = changed({'optim_wrapper.accumulative_counts': 3})
    meta = dict(cfg=cfg.pretty_text, iter=done)
    found = resume_notes(cfg, meta, {})
    assert len(found) == bool(lost)
    assert not lost or f'gradients of {lost} of 3 iterations' in found[0]
    assert resume_notes(changed({}), dict(iter=done), {}) == []


def test_whole_numbers_are_no_weights():
    model = nn.Linear(2, 1)
    state = {k: v.int() for k, v in model.state_dict().items()}
    assert 'whole numbers' in first_problem(model, state)
    assert first_problem(model, model.double().state_dict()) is None
    assert first_problem(nn.BatchNorm1d(1), dict(
        running_mean=torch.zeros(1), running_var=torch.ones(1),
        weight=torch.ones(1), bias=torch.ones(1))) is None


def test_findings_of_a_checkpoint_are_text():
    line, = spoken(dict(findings=[dict(text='\x1b[31mx', advice='y\n')]))
    assert line == ' [31mx. y '


@pytest.mark.parametrize('state', [
    'x', [1], {}, dict(cpu=torch.zeros(3, dtype=torch.uint8)),
    dict(cpu=torch.zeros(5056))])
def test_random_numbers_of_another_form_are_named(state):
    runner = SimpleNamespace(_resume=True, world_size=1)
    with pytest.raises(ValueError, match='expected rng_state as a training'):
        ExactResumeHook().after_load_checkpoint(runner, dict(rng_state=state))
    ExactResumeHook().after_load_checkpoint(runner, {})


def test_the_hash_of_the_data_knows_names_labels_and_order():
    one, two = (dict(img_id=name, gt_label=np.array(held))
                for name, held in (('a', [1, 0]), ('b', [0, 1])))
    others = [[two, one], [one], [one, dict(two, img_id='c')],
              [one, dict(two, gt_label=np.array([1, 1]))]]
    assert len({data_hash(infos) for infos in ([one, two], *others)}) == 5
    assert data_hash([one, two]) == data_hash([dict(one), dict(two)])
