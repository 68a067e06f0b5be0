"""Signals end a command with a sentence, its status, and its children."""
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_configs import ROOT, cam_config

from hsc_mm.cli import common
from hsc_mm.cli.signals import PARENT, StoppedError
from hsc_mm.utils.pool import map_ordered


def in_child(path, work, begin=int):
    """Run a command in another process; its stderr goes to a file."""
    ready, told = os.pipe()
    child = os.fork()
    if not child:
        begin()
        status = 99
        # Those of a background job are ignored, also in a child.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        try:
            with open(path, 'w') as file:
                os.dup2(file.fileno(), 2)
                sys.stderr = file
                status = common.run(lambda: work(told))
                file.flush()
        finally:
            os._exit(status)
    os.close(told)
    os.read(ready, 1)
    os.close(ready)
    return child


def sleep(told):
    os.write(told, b'x')
    time.sleep(60)


def alive(process):
    try:
        return Path(f'/proc/{process}/stat').read_text().split()[2] != 'Z'
    except OSError:
        return False


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(('number', 'word'), [
    (signal.SIGINT, 'interrupted'), (signal.SIGTERM, 'terminated'),
    (signal.SIGHUP, 'terminated')])
def test_a_signal_is_said_and_has_its_status(tmp_path, number, word):
    child = in_child(tmp_path / 'err', sleep)
    os.kill(child, number)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == 128 + number
    said = (tmp_path / 'err').read_text()
    assert len(said.splitlines()) == 1
    assert said.startswith(f'error: {word}. ')
    assert '--resume' in said


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_an_import_ends_the_command(tmp_path, monkeypatch,
                                                    number):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'half_imported.py').write_text(
        'import os\ntry:\n    os.kill(os.getpid(), int(os.environ["NUMBER"]))'
        '\nexcept BaseException:\n    pass\nraise RuntimeError("half")\n')
    monkeypatch.setenv('NUMBER', str(int(number)))

    def work(told):
        os.write(told, b'x')
        import half_imported  # noqa: F401

    child = in_child(tmp_path / 'err', work)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == 128 + number
    assert re.fullmatch('error: (interrupted|terminated)\\. .*--resume.*\n',
                        (tmp_path / 'err').read_text())


def test_what_a_shell_starts_in_the_background_can_be_interrupted(tmp_path):
    def work(told):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return common.run(lambda: sleep(told))

    child = in_child(tmp_path / 'err', work, os.setsid)
    os.kill(child, signal.SIGINT)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == 128 + signal.SIGINT
    assert 'error: interrupted. ' in (tmp_path / 'err').read_text()


def _closed_output():
    read, write = os.pipe()
    os.close(read)
    os.dup2(write, 1)
    sys.stdout = open(1, 'w', closefd=False)


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    def work(told):
        os.write(told, b'x')
        for _ in range(9999):
            print('a line for a process like head')

    child = in_child(tmp_path / 'err', work, _closed_output)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == 128 + signal.SIGPIPE
    assert (tmp_path / 'err').read_text() == ''


def test_help_that_nobody_reads():
    read, write = os.pipe()
    os.close(read)
    env = {k: v for k, v in os.environ.items() if k != 'PYTHONUNBUFFERED'}
    for command in ([], ['doctor']):
        done = subprocess.run(
            [sys.executable, '-m', 'hsc_mm', *command, '--help'],
            stdout=write, stderr=subprocess.PIPE, cwd=ROOT, env=env)
        assert (done.returncode, done.stderr) == (0, b'')


def test_a_signal_while_a_file_is_written(capsys):
    def work():
        try:
            raise StoppedError(signal.SIGTERM)
        finally:
            raise RuntimeError('unexpected pos 64 vs 0')

    assert common.run(work) == 128 + signal.SIGTERM
    assert capsys.readouterr().err.startswith('error: terminated. ')


def test_a_forked_worker_ends_at_once(tmp_path):
    def work(told):
        worker = os.fork()
        if not worker:
            time.sleep(60)
            os._exit(3)
        time.sleep(0.2)
        os.kill(worker, signal.SIGTERM)
        os.write(told, b'x')
        return 0 if os.waitpid(worker, 0)[1] == signal.SIGTERM else 4

    child = in_child(tmp_path / 'err', work)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_command_ends_with_the_one_that_started_it(tmp_path):
    def work(told):
        os.environ[PARENT] = str(os.getpid())
        inner = in_child(tmp_path / 'inner', sleep)
        (tmp_path / 'pid').write_text(str(inner))
        sleep(told)

    child = in_child(tmp_path / 'err', work)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    inner = int((tmp_path / 'pid').read_text())
    wait_for(lambda: not alive(inner))
    assert 'terminated' in (tmp_path / 'inner').read_text()


def test_workers_do_not_hold_up_the_end():
    def stop(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 2)
    start = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            list(map_ordered(time.sleep, [('a', 300), ('b', 300)], 1))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - start < 100


@pytest.mark.campaign
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('command', ['train', 'pipeline'])
def test_a_training_is_stopped_and_resumed(shared_voc, tmp_path, number,
                                           command):
    config = cam_config(shared_voc, tmp_path / 'cam.py', 400)
    config.write_text(config.read_text().replace(
        'num_workers=0', 'num_workers=2'))
    call = [sys.executable, '-m', 'hsc_mm', command, config, '--work-dir',
            tmp_path / 'w']
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    # A shell's background jobs ignore Ctrl-C, as do their children.
    child = subprocess.Popen(
        call, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, preexec_fn=lambda: signal.signal(signal.SIGINT,
                                                    signal.SIG_DFL))
    try:
        wait_for(lambda: list(tmp_path.rglob('iter_*.pth')), 300)
        family = _family(child.pid)
        assert len(family) > 1
        child.send_signal(number)
        said = child.communicate(timeout=120)[1]
    finally:
        child.kill()
    assert child.returncode == 128 + number, said[-3000:]
    assert re.search(r'error: (interrupted|terminated)\. .*', said)
    wait_for(lambda: not any(map(alive, family)))
    again = [*call, *(['--resume'] if command == 'train' else [])]
    child = subprocess.Popen(again, env=env, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
    text = ''
    for line in child.stdout:
        text += line
        if re.search(r'Iter\(train\)\s*\[', line):
            break
    child.terminate()
    child.communicate(timeout=120)
    number = int(re.search(r'Iter\(train\)\s*\[\s*(\d+)', text)[1])
    assert number > 2


def _family(process):
    """List a process and what descends from it."""
    found = [process]
    for path in Path('/proc').glob('[0-9]*/stat'):
        try:
            words = path.read_text().rpartition(')')[2].split()
        except OSError:
            continue
        if int(words[1]) == process:
            found += _family(int(path.parent.name))
    return found


@pytest.mark.slow
def test_workers_of_a_tool_end_with_it(tmp_path):
    path, script = tmp_path / 'worker', tmp_path / 'tool.py'
    script.write_text(
        'import os, sys\n'
        'from hsc_mm.utils.pool import results_of\n'
        'if __name__ == "__main__":\n'
        '    list(results_of(os.system, sys.argv[1:] * 2, 2))\n')
    tool = subprocess.Popen([
        sys.executable, script, f'echo $PPID > "{path}"; sleep 90'])
    wait_for(lambda: path.is_file() and path.read_text(), 120)
    tool.kill()
    tool.wait()
    wait_for(lambda: not alive(int(path.read_text())))
