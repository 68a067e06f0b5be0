"""Signals, as exceptions that let everything be closed, and orphans."""
import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

__all__ = [
    'AGAIN', 'LESS_MEMORY', 'PARENT', 'StoppedError', 'ended', 'killed',
    'output_is_closed', 'stoppable'
]

#: How to continue.
AGAIN = ('Everything written before is complete; run the same command again '
         'to continue (train: add --resume).')

#: What helps where memory runs out.
LESS_MEMORY = ('Use smaller batches (train_dataloader.batch_size, '
               '--batch-size), fewer workers, smaller crops or scales, or '
               'smaller pictures.')

#: Environment variable with the process that a command ends with.
PARENT = 'HSC_MM_PARENT'
_NAMES = ('SIGTERM', 'SIGHUP')
_IMPORT = '<frozen importlib._bootstrap>'


class StoppedError(KeyboardInterrupt):
    """A signal that asks the process to end.

    Attributes:
        signal (int): Which one.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.signal = number


def ended(number: int) -> str:
    """Return the sentence about a signal that ended a command."""
    what = 'interrupted' if number == signal.SIGINT else 'terminated'
    return f'{what}. {AGAIN}'


def killed(status: int) -> str | None:
    """Say that a child was killed; None where its own output says more.

    Args:
        status (int): Its return code, negative for a signal.
    """
    if status != -signal.SIGKILL:
        return None
    return (f'was killed, most often because memory ran out. {LESS_MEMORY} '
            f'{AGAIN}')


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise :class:`StoppedError` for a while.

    Signals that are ignored (``nohup``) stay so. SIGINT is the exception:
    shells ignore it for what they start in the background, but where no
    Ctrl-C of a terminal reaches this process, whoever sends it means it.
    During an import the process ends at once: libraries catch exceptions
    there and import themselves again, and half of torch crashes. Forked
    workers end at once, as by default. With :data:`PARENT` in the environment
    the process ends with that one.
    """
    owner, before = os.getpid(), {}

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        _end_in_import(number, frame)
        raise StoppedError(number)

    def interrupt(number: int, frame: FrameType | None) -> None:
        if os.getpid() == owner:
            _end_in_import(number, frame)
        signal.default_int_handler(number, frame)

    if threading.current_thread() is threading.main_thread():
        for name in _NAMES:
            number = getattr(signal, name, None)
            if number and signal.getsignal(number) not in (
                    signal.SIG_IGN, None):
                before[number] = signal.signal(number, stop)
        ctrl_c = signal.getsignal(signal.SIGINT)
        if ctrl_c == signal.SIG_IGN and not _at_terminal():
            before[signal.SIGINT] = signal.signal(signal.SIGINT, stop)
        elif ctrl_c is signal.default_int_handler:
            before[signal.SIGINT] = signal.signal(signal.SIGINT, interrupt)
    parent = os.environ.get(PARENT, '')
    if parent.isdecimal() and int(parent) != owner and \
            'ends-with' not in {one.name for one in threading.enumerate()}:
        threading.Thread(
            target=_end_with, name='ends-with', args=(int(parent), ),
            daemon=True).start()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_in_import(number: int, frame: FrameType | None) -> None:
    """End the process, with the sentence, if an import is under way."""
    while frame is not None:
        if frame.f_code.co_filename == _IMPORT:
            os.write(2, f'error: {ended(number)}\n'.encode())
            os._exit(128 + number)
        frame = frame.f_back


def _at_terminal() -> bool:
    """Say whether Ctrl-C of a terminal reaches this process."""
    try:
        file = os.open('/dev/tty', os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(file) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(file)


def output_is_closed() -> bool:
    """Say whether nobody reads stdout any more, as after ``| head``.

    What is still to be written there then goes nowhere, without an error.
    """
    try:
        file = sys.stdout.fileno()
        poll = select.poll()
        poll.register(file, 0)
        if not any(event & select.POLLERR for _, event in poll.poll(0)):
            return False
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, file)
        os.close(nowhere)
    except (AttributeError, OSError, ValueError):  # no file, or Windows
        return False
    return True


def _end_with(parent: int) -> None:
    """Send this process SIGTERM when another has ended."""
    direct = os.getppid() == parent
    while os.getppid() == parent if direct else _alive(parent):
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
