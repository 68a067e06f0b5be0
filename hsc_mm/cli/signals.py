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

__all__ = ['PARENT', 'StoppedError', 'output_is_closed', 'stoppable']

#: Environment variable with the process that a command ends with.
PARENT = 'HSC_MM_PARENT'
_NAMES = ('SIGTERM', 'SIGHUP')


class StoppedError(KeyboardInterrupt):
    """A signal that asks the process to end.

    Attributes:
        signal (int): Which one.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.signal = number


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise :class:`StoppedError` for a while.

    Signals that are ignored (``nohup``) stay so. SIGINT is the exception:
    shells ignore it for what they start in the background, but where no
    Ctrl-C of a terminal reaches this process, whoever sends it means it.
    Forked workers end at once, as by default. With :data:`PARENT` in the
    environment the process ends with that one.
    """
    owner, before = os.getpid(), {}

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        raise StoppedError(number)

    if threading.current_thread() is threading.main_thread():
        for name in _NAMES:
            number = getattr(signal, name, None)
            if number and signal.getsignal(number) not in (
                    signal.SIG_IGN, None):
                before[number] = signal.signal(number, stop)
        if signal.getsignal(signal.SIGINT) == signal.SIG_IGN and \
                not _at_terminal():
            before[signal.SIGINT] = signal.signal(signal.SIGINT, stop)
    parent = os.environ.get(PARENT, '')
    if parent.isdigit() and int(parent) != owner:
        threading.Thread(
            target=_end_with, args=(int(parent), ), daemon=True).start()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
