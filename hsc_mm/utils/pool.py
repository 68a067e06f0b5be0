"""Pools that apply one function to many items, and workers of loaders.

In one file, though long: workers of both kinds end and fail alike.
"""
import logging
import multiprocessing
import multiprocessing.queues
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any

import cv2
import torch
from mmengine.logging import print_log
from torch.utils.data import DataLoader

from .main_script import unguarded_script

__all__ = [
    'NOT_HANDED_ON', 'NO_FILES', 'guard_workers', 'map_ordered', 'map_threads',
    'results_of'
]

#: Exit status of a worker that cannot hand its item on: no shared memory
#: (EX_IOERR), or too many open files (EX_TEMPFAIL).
NOT_HANDED_ON, NO_FILES = 74, 75

_function: Callable | None = None


def _start(function: Callable, stop: Connection) -> None:
    """Prepare a worker: one thread, its own copy of the function."""
    global _function
    _function = function
    # Ctrl-C goes to all of a terminal's processes; the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(
        target=_end_with_parent, args=(stop, ), daemon=True).start()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def _end_with_parent(stop: Connection) -> None:
    """End when the process that wants results is killed, or closes a pipe."""
    wait([multiprocessing.parent_process().sentinel, stop])
    os._exit(1)


def _context() -> multiprocessing.context.BaseContext:
    """Return how workers start; a fork would not copy torch's threads.

    A server imports the package once, which takes seconds, and workers are
    forks of it.
    """
    if 'forkserver' not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context('spawn')
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['__main__', __name__])
    return context


def _work(arguments: tuple) -> Any:
    """Apply the function in a worker."""
    return _function(*arguments)


class _Pool:
    """Workers that can be replaced when one of them dies."""

    def __init__(self, function: Callable, workers: int) -> None:
        context = _context()
        stop, self._alive = context.Pipe(duplex=False)
        self._arguments = dict(
            max_workers=workers,
            mp_context=context,
            initializer=_start,
            initargs=(function, stop))
        self.executor = ProcessPoolExecutor(**self._arguments)

    def replace(self) -> None:
        """Start afresh."""
        self.close()
        self.executor = ProcessPoolExecutor(**self._arguments)

    def submit(self, item: list) -> None:
        """Hand an item [key, arguments, future] to a worker."""
        try:
            item[2] = self.executor.submit(_work, item[1])
        except BrokenProcessPool:
            self.replace()
            item[2] = self.executor.submit(_work, item[1])

    def finish(self, item: list, others: Iterable[list]) -> Any:
        """Wait for an item; a dead worker costs at most the one at fault."""
        try:
            return item[2].result()
        except BrokenProcessPool:
            self.replace()
            try:
                # Alone, so that it cannot be another's fault.
                return self.executor.submit(_work, item[1]).result()
            finally:
                for other in others:
                    self.submit(other)

    def end(self) -> None:
        """End the workers, whatever they do."""
        self._alive.close()
        self.close()

    def close(self) -> None:
        """Stop."""
        self.executor.shutdown(wait=True, cancel_futures=True)


def guard_workers(loader: DataLoader) -> DataLoader:
    """Let workers of a loader end when they cannot hand an item on.

    Without shared memory for its tensors (``/dev/shm`` is full) an item is
    lost in a thread of its worker, and the loader would wait for it forever.
    """
    loader.worker_init_fn = partial(_start_reader, loader.worker_init_fn)
    return loader


def _start_reader(prepare: Callable[[int], None] | None, worker: int) -> None:
    """Prepare the worker of a loader."""
    multiprocessing.queues.Queue._on_queue_feeder_error = staticmethod(_lost)
    if prepare is not None:
        prepare(worker)


def _lost(error: Exception, _: Any) -> None:
    """End a worker; torch notices that, and not the loss of an item."""
    if 'open files' in str(error):
        os._exit(NO_FILES)
    if not isinstance(error, OSError) and 'shared memory' not in str(error):
        print(f'a worker process cannot hand an item on: '
              f'{type(error).__name__}: {error}', file=sys.stderr, flush=True)
    os._exit(NOT_HANDED_ON)


def map_threads(function: Callable, items: Iterable) -> list:
    """Map a function that reads files, in up to 8 threads, in order."""
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        return list(pool.map(function, items))


def map_ordered(function: Callable,
                items: Iterable[tuple],
                workers: int = 0) -> Iterator[tuple[Hashable, Any]]:
    """Apply a function to many items, in order, each worker with one thread.

    Workers import the caller's script, which needs the usual
    ``if __name__ == '__main__'``: without it there are no workers.

    Args:
        function (Callable): Anything that can be pickled and called with
            the arguments of an item: a refiner of CAMs, a
            :class:`hsc_mm.crf.DenseCRF`.
        items (Iterable[tuple]): A key and the arguments of each:
            ``(key, prob, image)``. It is read as results are taken, never
            further ahead than two for each worker.
        workers (int): Processes; 0 computes here, with all threads.

    Yields:
        tuple: Key, and the result or the exception that took its place.
        Only an exception of ``items`` itself is raised.

    Raises:
        ValueError: The number of workers is negative.
    """
    if workers < 0:
        raise ValueError('workers of map_ordered: expected an integer >= 0, '
                         f'found {workers!r}.')
    script = unguarded_script() if workers else None
    if script:
        print_log(f'{script}: without if __name__ == "__main__": around what '
                  'it does, each worker process would do all of it again. '
                  'This process works alone, which takes longer.', 'current',
                  logging.WARNING)
    if workers == 0 or script:
        return ((key, _attempt(function, *arguments))
                for key, *arguments in items)
    return _in_pool(function, items, workers)


def results_of(function: Callable,
               items: Iterable,
               workers: int) -> Iterator[Any]:
    """Yield the results of :func:`map_ordered`; an exception is raised.

    Args:
        function (Callable): Of one argument; it can be pickled.
        items (Iterable): The arguments.
        workers (int): Processes; up to 1 computes here.
    """
    for _, found in map_ordered(function, ((None, one) for one in items),
                                workers if workers > 1 else 0):
        if isinstance(found, Exception):
            raise found
        yield found


def _attempt(work: Callable, *arguments: Any) -> Any:
    """Return the result, or the exception."""
    try:
        return work(*arguments)
    except Exception as error:
        return error


def _in_pool(function: Callable, items: Iterable[tuple],
             workers: int) -> Iterator[tuple[Hashable, Any]]:
    """Apply the function in workers."""
    pool, pending = _Pool(function, workers), deque()
    try:
        for key, *arguments in items:
            pending.append([key, arguments, None])
            pool.submit(pending[-1])
            if len(pending) >= 2 * workers:
                item = pending.popleft()
                yield item[0], _attempt(pool.finish, item, pending)
        while pending:
            item = pending.popleft()
            yield item[0], _attempt(pool.finish, item, pending)
        pool.close()
    except BaseException:  # nobody waits for what is under way
        pool.end()
        raise
