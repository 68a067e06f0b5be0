"""What is saved of a training that is stopped before its end."""
import pytest
from mmengine.hooks import Hook
from toy_runner import toy_runner

from hsc_mm.utils.checkpoints import SUM_SUFFIX, load
from hsc_mm.utils.work_dirs import newest_whole

ITERATIONS = dict(by_epoch=False, max_iters=6, val_interval=9)


class Stop(Hook):
    """Stop after an iteration, as mmengine's hook does after a score."""

    priority = 'LOWEST'

    def __init__(self, at):
        self.at = at

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        if runner.iter + 1 == self.at:
            runner.train_loop.stop_training = True


def _train(folder, by_epoch, at, resume=False, **hook):
    hooks = dict(
        checkpoint=dict(type='hsc_mm.SafeCheckpointHook', by_epoch=by_epoch,
                        **hook),
        startup_check=dict(type='hsc_mm.StartupCheckHook'),
        training_health=dict(type='hsc_mm.TrainingHealthHook'),
        exact_resume=dict(type='hsc_mm.ExactResumeHook'))
    kwargs = dict() if by_epoch else dict(
        train_cfg=dict(ITERATIONS),
        sampler=dict(type='hsc_mm.ReproducibleSampler'))
    runner = toy_runner(folder, 3, hooks=hooks, randomness=dict(seed=0),
                        resume=resume, **kwargs)
    said = []
    runner.logger.addFilter(lambda record: said.append(
        record.getMessage()) or True)
    runner.register_hook(Stop(at))
    runner.train()
    return runner, '\n'.join(said)


def _names(folder):
    return sorted(path.name for path in folder.glob('*.pth'))


@pytest.mark.parametrize(('by_epoch', 'at', 'name', 'last'), [
    (False, 3, 'iter_3.pth', 'iter_6.pth'),
    (True, 2, 'epoch_1.pth', 'epoch_3.pth')])
def test_what_is_stopped_early_is_saved_and_goes_on(tmp_path, by_epoch, at,
                                                    name, last):
    runner, _ = _train(tmp_path, by_epoch, at, interval=9)
    assert runner.iter == at
    assert _names(tmp_path) == [name]
    assert newest_whole(tmp_path).name == name
    assert (tmp_path / (name + SUM_SUFFIX)).is_file()
    content = load(tmp_path / name)
    assert (content['meta']['iter'], content['meta']['epoch']) == (
        at, int(by_epoch))
    runner, said = _train(tmp_path, by_epoch, 0, resume=True, interval=9)
    assert f'was stopped early, at iteration {at}: it goes on' in said
    assert runner.iter == 6
    assert _names(tmp_path) == [name, last]


@pytest.mark.parametrize('by_epoch', [False, True])
def test_what_is_saved_already_is_not_saved_again(tmp_path, by_epoch,
                                                  monkeypatch):
    saved = []
    from hsc_mm.engine.hooks import SafeCheckpointHook as Saver
    save = Saver._save_checkpoint_with_step
    monkeypatch.setattr(
        Saver, '_save_checkpoint_with_step', lambda *args, **kwargs: (
            saved.append(1), save(*args, **kwargs)))
    _train(tmp_path / 'a', by_epoch, 2, interval=1)
    assert len(saved) == (1 if by_epoch else 2)
    saved.clear()
    _train(tmp_path / 'b', by_epoch, 0, interval=9)
    assert len(saved) == 1
    _, said = _train(tmp_path / 'b', by_epoch, 0, resume=True, interval=9)
    assert len(saved) == 1
    assert 'stopped early' not in said


def test_no_last_checkpoint_where_none_is_wanted(tmp_path):
    _train(tmp_path, False, 3, interval=2, save_last=False)
    assert _names(tmp_path) == ['iter_2.pth']
