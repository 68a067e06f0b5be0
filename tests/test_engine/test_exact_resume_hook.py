"""A run goes on after the images that were drawn, whatever its batch is."""
import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop
from mmengine.runner.utils import calc_dynamic_intervals
from toy_runner import Points, toy_runner

from hsc_mm.datasets.sampler import ReproducibleSampler
from hsc_mm.engine.hooks import ExactResumeHook


class Many(Points):

    def __len__(self):
        return 99


class Seen(Hook):
    """The numbers of the images of each iteration; stops after one."""

    priority = 'LOWEST'

    def __init__(self, stop):
        self.stop, self.numbers = stop, []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.numbers.append([int(one[0]) for one in data_batch['inputs']])

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        runner.train_loop.stop_training |= runner.iter + 1 == self.stop


def _train(folder, batch_size, stop, resume=True):
    runner = toy_runner(
        folder, batch_size=batch_size, dataset=Many(), resume=resume,
        randomness=dict(seed=0),
        train_cfg=dict(by_epoch=False, max_iters=6, val_interval=9),
        sampler=dict(type='hsc_mm.ReproducibleSampler', shuffle=False),
        hooks=dict(
            checkpoint=dict(type='hsc_mm.SafeCheckpointHook', by_epoch=False),
            startup_check=dict(type='hsc_mm.StartupCheckHook'),
            exact_resume=dict(type='hsc_mm.ExactResumeHook')))
    seen = Seen(stop)
    runner.register_hook(seen)
    runner.train()
    return seen.numbers


@pytest.mark.parametrize(('before', 'now'), [(4, 2), (2, 4), (3, 3)])
def test_another_batch_goes_on_after_what_was_drawn(tmp_path, before, now):
    first = _train(tmp_path, before, 2, resume=False)
    second = _train(tmp_path, now, 4)
    third = _train(tmp_path, now, 0)
    assert [len(batch) for batch in second + third] == [now] * 4
    drawn = [number for batch in first + second + third for number in batch]
    assert drawn == list(range(2 * before + 4 * now))


def test_ranks_are_counted():
    def runner(ranks, batch_size):
        sampler = ReproducibleSampler(range(9), seed=1)
        loader = torch.utils.data.DataLoader(
            range(9), batch_size, sampler=sampler)
        return SimpleNamespace(
            train_dataloader=loader, train_loop=SimpleNamespace(),
            world_size=ranks, hooks=[], _resume=True), sampler

    two, _ = runner(2, 4)
    checkpoint = dict(meta=dict(iter=3))
    ExactResumeHook().before_save_checkpoint(two, checkpoint)
    assert checkpoint['meta']['data'] == dict(batch=8, ranks=2)
    for ranks, batch_size, number in ((1, 4, 24), (1, 8, 24), (2, 4, 24)):
        again, sampler = runner(ranks, batch_size)
        ExactResumeHook().after_load_checkpoint(again, checkpoint)
        sampler.skip(3 * batch_size)
        sampler.world_size = ranks
        assert next(iter(sampler)).key == (1, number)


@pytest.mark.parametrize(('kind', 'warns'), [
    ('DefaultSampler', True), ('hsc_mm.ReproducibleSampler', False)])
def test_draws_that_are_not_repeated_are_said(tmp_path, kind, warns):
    said = []
    for resume in (False, True):
        runner = toy_runner(
            tmp_path, epochs=1 + resume, resume=resume,
            randomness=dict(seed=0), sampler=dict(type=kind),
            **dict() if warns else dict(train_cfg=dict(
                by_epoch=False, max_iters=2 + resume, val_interval=9)),
            hooks=dict(
                checkpoint=dict(type='hsc_mm.SafeCheckpointHook',
                                by_epoch=warns, interval=1),
                exact_resume=dict(type='hsc_mm.ExactResumeHook')))
        runner.logger.addFilter(
            lambda record: said.append(record.getMessage()) or True)
        runner.train()
    found = [text for text in said if 'other random numbers' in text]
    assert len(found) == warns
    if warns:
        assert found[0].startswith('resumed with DefaultSampler: augmentat')


def test_a_run_without_a_checkpoint_resumes_nothing(tmp_path):
    said = []
    runner = toy_runner(
        tmp_path, resume=True, randomness=dict(seed=0),
        hooks=dict(exact_resume=dict(type='hsc_mm.ExactResumeHook')))
    runner.logger.addFilter(
        lambda record: said.append(record.getMessage()) or True)
    runner.train()
    assert not any('random numbers' in text for text in said)


@pytest.mark.parametrize(('done', 'due'), [
    (8000, True), (9500, False), (10500, True), (10700, False),
    (14000, True)])
def test_a_validation_by_dynamic_intervals_is_made_up_for(done, due):
    loop = object.__new__(IterBasedTrainLoop)
    loop._iter, loop._max_iters = done, 20000
    loop.val_begin = 1
    loop.dynamic_milestones, loop.dynamic_intervals = calc_dynamic_intervals(
        4000, [(10000, 500)])
    loop.val_interval = 4000  # as when it was built
    ran = []
    hook = ExactResumeHook()
    hook._resumed, hook._validated_at = True, None
    hook.before_train_epoch(SimpleNamespace(
        iter=done, epoch=0, train_loop=loop, logger=logging.getLogger(),
        val_loop=SimpleNamespace(run=lambda: ran.append(done))))
    assert ran == [done] * due


class Iterations(BaseMetric):
    """Counts; its score is as good each time."""

    def process(self, data_batch, data_samples):
        self.results.append(1)

    def compute_metrics(self, results):
        return dict(images=len(results))


@pytest.mark.parametrize('loop', [
    dict(by_epoch=True, max_epochs=2, val_interval=1),
    dict(by_epoch=False, max_iters=4, val_interval=2)])
@pytest.mark.parametrize(('validated', 'due'), [('2', [4]), ('4', [])])
def test_the_last_validation_is_made_up_for(tmp_path, loop, validated, due):
    def train(resume):
        found = []

        class Validated(Hook):
            def after_val(self, runner):
                found.append(runner.iter)

        loader = dict(batch_size=2, num_workers=0, dataset=Points(),
                      sampler=dict(type='DefaultSampler', shuffle=False))
        runner = toy_runner(
            tmp_path, resume=resume, randomness=dict(seed=0),
            train_cfg=dict(loop), val_dataloader=loader, val_cfg=dict(),
            val_evaluator=[Iterations()],
            hooks=dict(
                checkpoint=dict(
                    type='hsc_mm.SafeCheckpointHook', interval=1,
                    by_epoch=loop['by_epoch'], save_best='images',
                    rule='greater'),
                exact_resume=dict(type='hsc_mm.ExactResumeHook')))
        runner.register_hook(Validated())
        runner.train()
        return found

    assert train(resume=False) == [2, 4]
    (tmp_path / 'last_validation').write_text(validated)
    assert train(resume=True) == due
    assert (tmp_path / 'last_validation').read_text() == '4'
