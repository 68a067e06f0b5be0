"""Progress bar of long work: count, rate and time left, on a terminal."""
import os
import sys
from collections.abc import Iterable, Iterator
from datetime import timedelta
from time import monotonic
from typing import TypeVar

from hsc_mm.cli.signals import PARENT

__all__ = ['progress']

_EVERY = 5  # seconds between lines

T = TypeVar('T')


def progress(items: Iterable[T], total: int, what: str,
             unit: str = 'images', delay: float = 0.0) -> Iterator[T]:
    """Pass items on, with a bar that shows count, rate and time left.

    The bar is on standard error and is erased at the end. Nothing is written
    where that is not a terminal, and by ranks other than the first. A child
    of the pipeline writes a line every few seconds, which the pipeline shows.

    Args:
        items (iterable): What is passed on.
        total (int): How many there will be.
        what (str): Title of the bar.
        unit (str): What is counted.
        delay (float): Seconds of work before the bar appears, so that quick
            work stays silent.

    Yields:
        The items.
    """
    if os.environ.get('RANK', '0') != '0':
        yield from items
        return
    if not sys.stderr.isatty():
        yield from _lines(items, total, what, unit) if os.environ.get(
            PARENT) else items
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )
    bar = Progress(
        TextColumn(what, markup=False), BarColumn(), MofNCompleteColumn(),
        TextColumn('{task.fields[rate]}', markup=False),
        TimeRemainingColumn(), console=Console(stderr=True), transient=True)
    task = bar.add_task('', total=total, rate='')
    began, started = monotonic(), False
    try:
        for done, item in enumerate(items):
            spent = monotonic() - began
            if not started and spent >= delay:
                bar.start()
                started = True
            rate = f'{done / spent:.1f} {unit}/s' if done else ''
            bar.update(task, completed=done, rate=rate)
            yield item
    finally:
        if started:
            bar.stop()


def _lines(items: Iterable[T], total: int, what: str,
           unit: str) -> Iterator[T]:
    """Pass items on, and now and then write a line, as mmengine's log."""
    began = said = monotonic()
    for done, item in enumerate(items):
        now = monotonic()
        if done and now - said >= _EVERY:
            said, rate = now, done / (now - began)
            left = timedelta(seconds=round((total - done) / rate))
            print(f'Iter({what}) [{done}/{total}] eta: {left} rate: '
                  f'{rate:.1f} {unit}/s', file=sys.stderr, flush=True)
        yield item
