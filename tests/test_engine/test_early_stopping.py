"""Early stopping of a run that was interrupted, and of one that was not."""
import pytest
from mmengine.evaluator import BaseMetric
from mmengine.hooks import EarlyStoppingHook, Hook
from toy_runner import Points, toy_runner

from hsc_mm.utils.checkpoints import load

SCORES = (50., 60., 59., 58., 57., 56., 55., 54.)


class Given(BaseMetric):
    """The score that is given for an iteration."""

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return dict(mIoU=SCORES[self.runner.iter - 1], mAP=99.)


class KilledError(Exception):
    """What ends a run from outside."""


class Kill(Hook):
    """End a run before or after the validation of an iteration."""

    priority = 'LOWEST'

    def __init__(self, at, where):
        self.at, self.where = at, where

    def before_val(self, runner):
        if (runner.iter, self.where) == (self.at, 'before'):
            raise KilledError

    def after_val(self, runner):
        if (runner.iter, self.where) == (self.at, 'after'):
            raise KilledError


def _train(folder, kill=None, resume=False, patience=3, by_epoch=False,
           runner_args=None, **hook):
    runner = toy_runner(
        folder, **(runner_args or {}), resume=resume, randomness=dict(seed=0),
        train_cfg=dict(by_epoch=True, max_epochs=8, val_interval=1)
        if by_epoch else dict(by_epoch=False, max_iters=8, val_interval=1),
        batch_size=4 if by_epoch else 2,
        sampler=dict(type='DefaultSampler' if by_epoch else
                     'hsc_mm.ReproducibleSampler', shuffle=True),
        val_dataloader=dict(
            batch_size=4, num_workers=0, dataset=Points(),
            sampler=dict(type='DefaultSampler', shuffle=False)),
        val_cfg=dict(), val_evaluator=dict(type=Given),
        custom_hooks=[dict(dict(type='EarlyStoppingHook', monitor='mIoU',
                                patience=patience), **hook)],
        hooks=dict(
            checkpoint=dict(type='hsc_mm.SafeCheckpointHook',
                            interval=1, by_epoch=by_epoch),
            startup_check=dict(type='hsc_mm.StartupCheckHook'),
            training_health=dict(type='hsc_mm.TrainingHealthHook'),
            exact_resume=dict(type='hsc_mm.ExactResumeHook')))
    Given.runner = runner
    if kill:
        runner.register_hook(Kill(*kill))
        with pytest.raises(KilledError):
            runner.train()
    else:
        runner.train()
    return runner


@pytest.mark.slow
@pytest.mark.parametrize('where', ['before', 'after'])
@pytest.mark.parametrize('at', [1, 2, 3, 4, 5])
@pytest.mark.parametrize('by_epoch', [False, True])
def test_an_interrupted_run_stops_where_a_whole_one_does(tmp_path, by_epoch,
                                                         at, where):
    whole = _train(tmp_path / 'whole', by_epoch=by_epoch)
    assert whole.iter == 5
    _train(tmp_path / 'cut', (at, where), by_epoch=by_epoch)
    again = _train(tmp_path / 'cut', resume=True, by_epoch=by_epoch)
    # An epoch that has begun is not broken off.
    assert again.iter == 5 + (by_epoch and (at, where) == (5, 'before'))


@pytest.mark.slow
@pytest.mark.parametrize('where', ['before', 'after'])
@pytest.mark.parametrize('at', [1, 2, 3, 4, 5])
@pytest.mark.parametrize('by_epoch', [False, True])
def test_a_schedule_that_reads_scores_takes_each_once(tmp_path, by_epoch, at,
                                                      where):
    args = dict(patience=9, by_epoch=by_epoch, runner_args=dict(
        param_scheduler=dict(
            type='ReduceOnPlateauLR', monitor='mIoU', rule='greater',
            factor=.5, patience=1)))
    whole = _train(tmp_path / 'whole', **args)
    _train(tmp_path / 'cut', (at, where), **args)
    again = _train(tmp_path / 'cut', resume=True, **args)
    assert whole.iter == again.iter == 8
    rates = [one.optim_wrapper.get_lr()['lr'] for one in (whole, again)]
    assert rates[0] == rates[1] != [1e-2]
    states = [one.param_schedulers[0].state_dict() for one in (whole, again)]
    assert states[0]['last_step'] == states[1]['last_step']
    assert states[0]['num_bad_epochs'] == states[1]['num_bad_epochs']


def test_an_older_checkpoint_has_its_own_count(tmp_path):
    _train(tmp_path, (4, 'after'))
    assert load(tmp_path / 'iter_4.pth')['early_stopping'] == [
        dict(monitor='mIoU', rule='greater', best=60., count=1)]
    (tmp_path / 'iter_4.pth').unlink()
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_3.pth'))
    assert _train(tmp_path, resume=True).iter == 5


def test_a_stopped_run_waits_anew_for_more_than_its_best(tmp_path):
    assert _train(tmp_path, patience=2).iter == 4
    assert _train(tmp_path, resume=True, patience=2).iter == 6


def test_a_stopped_run_that_is_interrupted_waits_anew_too(tmp_path):
    assert _train(tmp_path, patience=2).iter == 4
    _train(tmp_path, (5, 'before'), resume=True, patience=2)
    (tmp_path / 'iter_5.pth').unlink()
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_4.pth'))
    assert _train(tmp_path, resume=True, patience=2).iter == 6


def test_a_hook_of_another_score_counts_anew(tmp_path):
    _train(tmp_path, (2, 'after'), monitor='mAP', rule='greater')
    assert _train(tmp_path, resume=True).iter == 6


@pytest.mark.parametrize('counted', [
    '', '[[60.0, 1]]', '[{"monitor": "mIoU", "rule": "greater"}]', '7',
    '[{"monitor": "mIoU", "rule": "greater", "best": "a", "count": null}]'])
def test_what_is_damaged_counts_anew(tmp_path, counted):
    _train(tmp_path, (3, 'after'))
    (tmp_path / 'last_validation').write_text(f'3 {counted}')
    assert _train(tmp_path, resume=True).iter == 7


class NoNumber(EarlyStoppingHook):
    """One that keeps no score until there is one."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.best_score = None

    def after_val_epoch(self, runner, metrics):
        """Never stop."""


def test_a_hook_of_ones_own_that_keeps_no_number(tmp_path):
    assert _train(tmp_path, type=NoNumber).iter == 8


def test_epochs_and_what_an_earlier_run_left(tmp_path):
    (tmp_path / 'last_validation').write_text(
        '4 [{"monitor": "mIoU", "rule": "greater", "best": 90, "count": 0}]')
    _train(tmp_path, (4, 'after'), by_epoch=True)
    assert _train(tmp_path, resume=True, by_epoch=True).iter == 5
