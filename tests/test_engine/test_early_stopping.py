"""Early stopping of a run that was interrupted, and of one that was not."""
import pytest
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from toy_runner import Points, toy_runner

from hsc_mm.utils.checkpoints import load

SCORES = (50., 60., 59., 58., 57., 56., 55., 54.)


class Given(BaseMetric):
    """The score that is given for an iteration."""

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return dict(mIoU=SCORES[self.runner.iter - 1])


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


def _train(folder, kill=None, resume=False, patience=3):
    runner = toy_runner(
        folder, resume=resume, randomness=dict(seed=0),
        train_cfg=dict(by_epoch=False, max_iters=8, val_interval=1),
        sampler=dict(type='hsc_mm.ReproducibleSampler'),
        val_dataloader=dict(
            batch_size=4, num_workers=0, dataset=Points(),
            sampler=dict(type='DefaultSampler', shuffle=False)),
        val_cfg=dict(), val_evaluator=dict(type=Given),
        custom_hooks=[dict(type='EarlyStoppingHook', monitor='mIoU',
                           patience=patience)],
        hooks=dict(
            checkpoint=dict(type='hsc_mm.SafeCheckpointHook', by_epoch=False,
                            interval=1),
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


@pytest.mark.parametrize('where', ['before', 'after'])
@pytest.mark.parametrize('at', [1, 2, 3, 4])
def test_an_interrupted_run_stops_where_a_whole_one_does(tmp_path, at, where):
    whole = _train(tmp_path / 'whole')
    assert whole.iter == 5
    _train(tmp_path / 'cut', (at, where))
    assert _train(tmp_path / 'cut', resume=True).iter == 5


def test_an_older_checkpoint_has_its_own_count(tmp_path):
    _train(tmp_path, (4, 'after'))
    assert load(tmp_path / 'iter_4.pth')['early_stopping'] == [[60., 1]]
    (tmp_path / 'iter_4.pth').unlink()
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_3.pth'))
    assert _train(tmp_path, resume=True).iter == 5


def test_a_stopped_run_waits_anew_for_more_than_its_best(tmp_path):
    assert _train(tmp_path, patience=2).iter == 4
    assert _train(tmp_path, resume=True, patience=2).iter == 6
