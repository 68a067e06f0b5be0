"""A training that is killed, or whose disk is full, goes on afterwards."""
import errno
import os
import resource
import shutil
import signal
import sys

import pytest
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.fileio import LocalBackend
from toy_runner import Points, toy_runner

import hsc_mm.engine.hooks.safe_checkpoint_hook as hook_module
from hsc_mm.utils.checkpoints import SUM_SUFFIX, load, why_not_whole
from hsc_mm.utils.work_dirs import newest_whole

EPOCHS = 4


def run(work_dir, epochs=EPOCHS, keep=-1, **kwargs):
    hooks = dict(
        checkpoint=dict(
            type='hsc_mm.SafeCheckpointHook', interval=1,
            max_keep_ckpts=keep, **kwargs.pop('hook', {})),
        startup_check=dict(type='hsc_mm.StartupCheckHook'),
        exact_resume=dict(type='hsc_mm.ExactResumeHook'))
    runner = toy_runner(work_dir, epochs, hooks=hooks,
                        randomness=dict(seed=0), **kwargs)
    runner.train()
    return runner


@pytest.fixture(scope='module')
def undisturbed(tmp_path_factory):
    return run(tmp_path_factory.mktemp('whole')).model.state_dict()


def assert_same(runner, undisturbed):
    assert runner.iter == 2 * EPOCHS
    state = runner.model.state_dict()
    assert all(torch.equal(state[k], v) for k, v in undisturbed.items())


def _die():
    os.kill(os.getpid(), signal.SIGKILL)


def _killed(work_dir, where, number, **kwargs):
    """Train in a child that kills itself while it writes a checkpoint."""
    child = os.fork()
    if child:
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
        return
    calls = []
    put, publish = LocalBackend.put, hook_module.publish
    write, replace = hook_module.atomic_write_bytes, os.replace

    def counted(then, first=None):
        def call(*args):
            calls.append(1)
            if len(calls) < number:
                return then(*args)
            if first:
                first(*args)
            return _die()
        return call

    def half(store, data, path):
        with open(path, 'wb') as file:
            file.write(data[:len(data) // 2])
            file.flush()

    if where == 'while writing':
        LocalBackend.put = counted(put, half)
    elif where == 'before renaming':
        hook_module.publish = counted(publish)
    elif where == 'in renaming':
        os.replace = counted(replace)
    elif where == 'before noting':
        hook_module.atomic_write_bytes = counted(write)
    elif where == 'before removing':
        hook_module.atomic_write_bytes = counted(write, write)
    try:
        run(work_dir, **kwargs)
    finally:
        os._exit(1)


@pytest.mark.slow
@pytest.mark.parametrize('where', [
    'while writing', 'before renaming', 'in renaming', 'before noting',
    'before removing'
])
@pytest.mark.parametrize('number', [1, 2, 4])
def test_killed_with_one_checkpoint_kept(tmp_path, where, number,
                                         undisturbed):
    _killed(tmp_path, where, number, keep=1)
    for path in tmp_path.glob('*.pth'):
        assert why_not_whole(path) is None
    if where != 'in renaming' and number > 1:
        assert list(tmp_path.glob('*.pth'))
    again = run(tmp_path, keep=1, resume=True)
    assert_same(again, undisturbed)
    assert [p.name for p in tmp_path.glob('*.pth')] == ['epoch_4.pth']
    assert not list(tmp_path.glob('.*'))
    assert {p.name for p in tmp_path.glob('*' + SUM_SUFFIX)} == {
        'epoch_4.pth' + SUM_SUFFIX}


def _half(path):
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


def _flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE = dict(
    half=_half, flipped=_flip, empty=lambda p: p.write_bytes(b''),
    text=lambda p: p.write_text('x'), gone=lambda p: p.unlink(),
    zeros=lambda p: p.write_bytes(bytes(p.stat().st_size)))


@pytest.mark.parametrize('damage', DAMAGE)
@pytest.mark.parametrize('sums', [True, False])
def test_a_damaged_newest_checkpoint_is_passed_over(tmp_path, damage, sums,
                                                    undisturbed):
    run(tmp_path, 3)
    if not sums:
        for path in tmp_path.glob('*' + SUM_SUFFIX):
            path.unlink()
    DAMAGE[damage](tmp_path / 'epoch_3.pth')
    said = []
    found = newest_whole(tmp_path, say=said.append)
    assert found == tmp_path / 'epoch_2.pth'
    assert (len(said) == 0) == (damage == 'gone')
    assert_same(run(tmp_path, resume=True), undisturbed)
    assert why_not_whole(tmp_path / 'epoch_3.pth') is None


@pytest.mark.parametrize('last', ['', 'x', '/gone/epoch_9.pth', None, b'\xff',
                                  'half'])
def test_last_checkpoint_may_say_anything(tmp_path, last, undisturbed):
    run(tmp_path, 3)
    note = tmp_path / 'last_checkpoint'
    if last is None:
        note.unlink()
    elif last == 'half':
        note.write_text(note.read_text()[:-5])
    elif isinstance(last, bytes):
        note.write_bytes(last)
    else:
        note.write_text(last)
    assert newest_whole(tmp_path) == tmp_path / 'epoch_3.pth'
    assert_same(run(tmp_path, resume=True), undisturbed)


def test_a_pipe_is_no_last_checkpoint(tmp_path):
    os.mkfifo(tmp_path / 'last_checkpoint')
    assert newest_whole(tmp_path) is None


@pytest.mark.parametrize('move', [shutil.move, shutil.copytree])
def test_a_work_folder_elsewhere_goes_on_from_itself(tmp_path, move,
                                                     undisturbed):
    run(tmp_path / 'a', 3)
    move(str(tmp_path / 'a'), str(tmp_path / 'b'))
    if (tmp_path / 'a').exists():
        run(tmp_path / 'a', resume=True)
        load(tmp_path / 'a' / 'epoch_4.pth')
    before = sorted(tmp_path.glob('a/*.pth'))
    again = run(tmp_path / 'b', resume=True)
    assert again._load_from == str(tmp_path / 'b' / 'epoch_3.pth')
    assert_same(again, undisturbed)
    assert sorted(tmp_path.glob('a/*.pth')) == before


def test_an_earlier_one_may_be_chosen(tmp_path):
    run(tmp_path, 3)
    (tmp_path / 'last_checkpoint').write_text('epoch_1.pth')
    assert newest_whole(tmp_path) == tmp_path / 'epoch_1.pth'
    # Written, but not noted before the kill.
    late = (tmp_path / 'last_checkpoint').stat().st_mtime_ns + 10**9
    os.utime(tmp_path / 'epoch_2.pth', ns=(late, late))
    assert newest_whole(tmp_path) == tmp_path / 'epoch_2.pth'


@pytest.mark.parametrize('resume', [True, False])
def test_nothing_whole_begins_anew_and_keeps_the_rest(tmp_path, resume,
                                                      undisturbed):
    run(tmp_path, 1)
    _half(tmp_path / 'epoch_1.pth')
    half = (tmp_path / 'epoch_1.pth').read_bytes()
    assert_same(run(tmp_path, resume=resume), undisturbed)
    assert (tmp_path / 'epoch_1.pth.damaged').read_bytes() == half
    with pytest.raises(FileExistsError, match='expected no checkpoints'):
        run(tmp_path)


def test_the_best_of_another_folder_stays(tmp_path):
    class Rising(BaseMetric):
        def process(self, data_batch, data_samples):
            self.results.append(0)

        def compute_metrics(self, results):
            return dict(score=Rising.now)

    def go(folder, epochs, **kwargs):
        Rising.now = epochs
        return run(
            folder, epochs, keep=1,
            hook=dict(save_best='score', rule='greater'),
            val_dataloader=dict(batch_size=2, dataset=Points(),
                                sampler=dict(type='DefaultSampler',
                                             shuffle=False)),
            val_cfg=dict(), val_evaluator=Evaluator(Rising()), **kwargs)

    go(tmp_path / 'a', 1)
    shutil.copytree(tmp_path / 'a', tmp_path / 'b')
    go(tmp_path / 'b', 2, resume=True)
    assert (tmp_path / 'a' / 'best_score_epoch_1.pth').is_file()
    assert sorted(p.name for p in (tmp_path / 'b').glob('*.pth')) == [
        'best_score_epoch_2.pth', 'epoch_2.pth']
    for path in (tmp_path / 'b').glob('*.pth'):
        assert path.with_name(path.name + SUM_SUFFIX).is_file()


def test_a_full_disk_costs_the_new_checkpoint_alone(tmp_path, monkeypatch,
                                                    undisturbed):
    run(tmp_path, 1, keep=1)
    put = LocalBackend.put

    def full(store, data, path):
        put(store, data[:99], path)
        raise OSError(errno.ENOSPC, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr(LocalBackend, 'put', full)
        with pytest.raises(OSError, match=r'No space .* is complete') as e:
            run(tmp_path, keep=1, resume=True)
    assert str(tmp_path / 'epoch_2.pth') in str(e.value)
    assert 'run the same command again' in str(e.value)  # of a pipeline
    assert [p.name for p in tmp_path.glob('*.pth')] == ['epoch_1.pth']
    assert not list(tmp_path.glob('.*'))
    assert_same(run(tmp_path, keep=1, resume=True), undisturbed)


def test_a_limit_of_file_size_is_a_full_disk(tmp_path):
    child = os.fork()
    if not child:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
            run(tmp_path, 1)
        except OSError as error:
            os._exit(3 if 'is complete' in str(error) else 4)
        finally:
            sys.stdout.flush()
            os._exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    assert not list(tmp_path.glob('*.pth'))
