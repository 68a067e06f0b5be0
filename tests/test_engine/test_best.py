"""The score that the best checkpoint is chosen by."""
import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.hooks import Hook, LoggerHook
from mmengine.registry import init_default_scope
from mmengine.runner import ValLoop
from tiny_configs import cam_config
from toy_runner import Points, toy_runner

from hsc_mm.engine.best import check_save_best
from hsc_mm.engine.runner import build_runner
from hsc_mm.evaluation import MaskMetric, SeedMetric


class Sometimes(BaseMetric):
    """A score that the second validation lacks."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        self.calls += 1
        return dict(other=1) if self.calls == 2 else dict(
            other=1, score=self.calls)


class Adding(Evaluator):
    """An evaluator of one's own, which may add scores."""


class OwnLoop(ValLoop):
    """A validation of one's own."""


class AddingHook(Hook):
    """A hook of one's own, which adds a score."""

    def after_val_epoch(self, runner, metrics=None):
        metrics['mine'] = 1


def _loop(*metrics, kind=ValLoop, evaluator=Evaluator):
    loop = kind.__new__(kind)
    loop.evaluator = evaluator(list(metrics))
    return loop


@pytest.mark.parametrize(('metric', 'good', 'bad', 'said'), [
    (SeedMetric(), 'seed/mIoU', 'mIoU', 'Is "seed/mIoU" meant'),
    (SeedMetric(prefix='a'), 'a/mIoU_label_free', 'seed/PxAP', 'a/PxAP'),
    (SeedMetric(), 'auto', 'seed/mIoU_selected', 'seed/mIoU_best'),
    (MaskMetric(iou_metrics=['mIoU']), 'mAcc', 'seed/mIoU', 'mIoU, mAcc'),
    (MaskMetric(iou_metrics=['mDice', 'mFscore']), 'mRecall', 'mIoU',
     'mDice, mAcc')])
def test_a_score_that_no_validation_has_is_refused(metric, good, bad, said):
    check_save_best([good], _loop(metric))
    with pytest.raises(ValueError, match=rf'^default_hooks\.checkpoint\.save_'
                       rf'best: exp.*{said}.*') as caught:
        check_save_best([good, bad], _loop(metric))
    assert f'found "{bad}"' in str(caught.value)
    check_save_best([bad], _loop(metric, Sometimes()))
    check_save_best([bad], _loop(metric, evaluator=Adding))
    check_save_best([bad], _loop(metric, kind=OwnLoop))
    check_save_best([bad], _loop(metric), [LoggerHook(), AddingHook()])
    check_save_best(['val_loss', 'decode.loss_ce'], _loop(metric))
    with pytest.raises(ValueError, match=f'found "{bad}"'):
        check_save_best([bad], _loop(metric), [LoggerHook()])
    check_save_best([bad], SimpleNamespace())
    check_save_best([bad], None)
    check_save_best(None, _loop(metric))


def test_it_is_refused_before_the_first_iteration(shared_voc, tmp_path):
    cfg = Config.fromfile(cam_config(shared_voc, tmp_path / 'cam.py', 2))
    init_default_scope('mmseg')
    cfg.update(work_dir=str(tmp_path / 'run'), log_level='ERROR',
               experiment_name=f'{tmp_path.name}_best')
    cfg.default_hooks.checkpoint.save_best = 'mIoU'
    runner = build_runner(cfg)
    with pytest.raises(ValueError, match=r'save_best: expected a score'):
        runner.train()
    assert runner.iter == 0
    assert not list((tmp_path / 'run').glob('*.pth'))


def _run(tmp_path, names, *hooks):
    runner = toy_runner(
        tmp_path, 3, train_cfg=dict(by_epoch=True, max_epochs=3,
                                    val_interval=1),
        hooks=dict(checkpoint=dict(
            type='hsc_mm.SafeCheckpointHook', interval=1, rule='greater',
            save_best=names, published_keys=['state_dict'])),
        val_dataloader=dict(batch_size=2, dataset=Points(), sampler=dict(
            type='DefaultSampler', shuffle=False)),
        val_cfg=dict(), val_evaluator=Evaluator(Sometimes()))
    for hook in hooks:
        runner.register_hook(hook)
    return runner


@pytest.mark.parametrize('names', ['score', ['score', 'other']])
def test_a_score_that_a_validation_lacks_ends_nothing(tmp_path, names):
    runner, said = _run(tmp_path, names), []
    runner.logger.addFilter(lambda record: said.append(record) or True)
    runner.train()
    lines = [one.getMessage() for one in said
             if one.levelno == logging.WARNING]
    lacking = [line for line in lines if 'this validation has no' in line]
    assert len(lacking) == 1
    assert (tmp_path / 'best_score_epoch_3.pth').is_file()


def test_a_score_that_the_first_validation_lacks_ends_the_run(tmp_path):
    with pytest.raises(ValueError, match=r'save_best: expected a score of the '
                       r'.*\(other, score\), found "scoer"\. Is "score" me'):
        _run(tmp_path, 'scoer').train()


def test_a_score_may_come_from_a_hook(tmp_path):
    _run(tmp_path, 'mine', AddingHook()).train()
    assert (tmp_path / 'best_mine_epoch_1.pth').is_file()


def test_a_run_that_saved_its_best_alone_can_be_resumed(tmp_path):
    def run(folder, resume=False, interval=99):
        return toy_runner(
            folder, resume=resume, randomness=dict(seed=0),
            train_cfg=dict(by_epoch=False, max_iters=6, val_interval=2),
            sampler=dict(type='hsc_mm.ReproducibleSampler'),
            hooks=dict(
                startup_check=dict(type='hsc_mm.StartupCheckHook'),
                exact_resume=dict(type='hsc_mm.ExactResumeHook'),
                checkpoint=dict(
                    type='hsc_mm.SafeCheckpointHook', interval=interval,
                    by_epoch=False, rule='greater', save_best='score')),
            val_dataloader=dict(batch_size=2, dataset=Points(), sampler=dict(
                type='DefaultSampler', shuffle=False)),
            val_cfg=dict(), val_evaluator=Evaluator(Sometimes()))

    class Killed(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if runner.iter == 3:
                raise KeyboardInterrupt

    whole = run(tmp_path / 'whole')
    whole.train()
    for name, interval in (('cut', 99), ('best', -1)):
        cut = run(tmp_path / name, interval=interval)
        cut.register_hook(Killed())
        with pytest.raises(KeyboardInterrupt):
            cut.train()
    assert {path.name for path in (tmp_path / 'cut').glob('*.pth')} == {
        'best_score_iter_2.pth', 'iter_2.pth'}
    again = run(tmp_path / 'cut', resume=True)
    again.train()
    for one, other in zip(whole.model.parameters(), again.model.parameters(),
                          strict=True):
        assert torch.equal(one, other)
    with pytest.raises(FileExistsError, match=r'found best_score_iter_2\.pth\.'
                       ' No training goes on from the best one alone'):
        run(tmp_path / 'best', resume=True, interval=-1).train()
