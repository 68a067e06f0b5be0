"""A process that has imported everything and forks the pipeline's commands.

A step of the pipeline starts ``python -m hsc_mm COMMAND``. In tests, most of
its time goes into importing torch and the OpenMMLab packages. Here the
interpreter of such a step is a script that asks a server for a fork of itself
and then stands for it: it passes on signals and ends with its status.
"""
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

_SCRIPT = """#!{python} -SE
import sys
sys.path.insert(0, {folder!r})
from warm_process import client
client({python!r}, {address!r})
"""
_PATIENCE = 120  # seconds until a step starts without the server
_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def leave_layout() -> None:
    """Let mmengine write configs as they are, without yapf.

    A short run writes its config several times, and half of its time goes
    into laying it out.
    """
    from mmengine.config import Config
    text = Config.pretty_text.fget
    Config._format_python_code = property(lambda _: False, lambda *_: None)
    Config.pretty_text = property(lambda cfg: f'{text(cfg)}\n')


class WarmPython:
    """What modules take for ``sys``; the server starts when it is needed.

    Args:
        folder (Path): Where the script and the server's socket go.
    """

    def __init__(self, folder: Path) -> None:
        self._script = folder / 'python'
        self._server: subprocess.Popen | None = None

    @property
    def executable(self) -> str:
        """Path of the script that stands for the interpreter."""
        if self._server is None:
            address = str(self._script.with_name('socket'))
            self._script.write_text(_SCRIPT.format(
                python=sys.executable, folder=str(Path(__file__).parent),
                address=address))
            self._script.chmod(0o755)
            self._server = subprocess.Popen(
                [sys.executable, __file__, str(self._script), address])
        _check(self._server)
        return str(self._script)

    def close(self) -> None:
        """End the server; RuntimeError where it has ended before."""
        if self._server is not None:
            _check(self._server)
            self._server.terminate()
            self._server.wait()


def _check(server: subprocess.Popen) -> None:
    if server.poll() is not None:
        raise RuntimeError(f'The server of {__file__} ended with status '
                           f'{server.returncode}.')


def client(python: str, address: str) -> None:
    """Let the server run ``-m hsc_mm``, and end as that does."""
    if sys.argv[1:3] != ['-m', 'hsc_mm']:
        os.execv(python, [python, *sys.argv[1:]])
    end = time.monotonic() + _PATIENCE
    while not os.path.exists(address):  # it exists once the server listens
        if time.monotonic() > end:
            os.execv(python, [python, *sys.argv[1:]])
        time.sleep(0.05)
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(address)
        for number in _FORWARDED:
            signal.signal(number, lambda it, _: link.sendall(bytes([it])))
        socket.send_fds(link, [b'-'], [0, 1, 2])
        link.sendall(json.dumps(
            [sys.argv[3:], os.getcwd(), dict(os.environ)]).encode() + b'\n')
        status = link.recv(1)
    sys.exit(status[0] if status else 70)


def _serve(address: str) -> list:
    """Fork for each client; return in the forks, with what to run."""
    # In this order: hsc_mm makes mmseg importable without compiled operators.
    for module in ('hsc_mm.cli', 'mmseg.models', 'mmpretrain.models'):
        import_module(module)
    leave_layout()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f'{address}.new')
        server.listen()
        os.rename(f'{address}.new', address)
        while True:
            link, _ = server.accept()
            if not os.fork():
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                break
            link.close()
    _, files, _, _ = socket.recv_fds(link, 1, 3)
    with link.makefile('rb') as stream:
        request = json.loads(stream.readline())
    child = os.fork()
    if child:
        for file in files:
            os.close(file)
        _wait(child, link)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    link.close()
    return request


def _wait(child: int, link: socket.socket) -> None:
    """Pass signals on to the child, and its status to the client; exit."""
    handle = os.pidfd_open(child)
    while handle not in select.select([handle, link], [], [])[0]:
        number = link.recv(1)  # empty: the client was killed
        os.kill(child, number[0] if number else signal.SIGKILL)
        if not number:
            os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    link.sendall(bytes([status if status >= 0 else 128 - status]))
    os._exit(0)


if __name__ == '__main__':
    words, where, environment = _serve(sys.argv[2])
    os.chdir(where)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin = open(0, closefd=False)
    sys.stdout = open(1, 'w', closefd=False)
    sys.stderr = open(2, 'w', buffering=1, closefd=False)
    sys.executable = sys.argv[1]  # a pipeline's own steps are warm, too
    sys.path[:1] = [where, *filter(
        None, environment.get('PYTHONPATH', '').split(os.pathsep))]
    sys.argv = ['hsc_mm', *words]
    runpy.run_module('hsc_mm', run_name='__main__', alter_sys=True)
