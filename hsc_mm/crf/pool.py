"""Many images through a CRF, in processes of their own."""
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import cv2
import numpy as np
import torch

__all__ = ['refine_many']

Refine = Callable[[np.ndarray, np.ndarray], np.ndarray]
_refine: Refine | None = None


def _start(refine: Refine) -> None:
    """Prepare a worker: one thread, its own copy of the CRF."""
    global _refine
    _refine = refine
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def _end_with_parent() -> None:
    """End when the process that wants the results is killed."""
    multiprocessing.parent_process().join()
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


def _work(prob: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Refine an image in a worker."""
    return _refine(prob, image)


class _Pool:
    """Workers that can be replaced when one of them dies."""

    def __init__(self, refine: Refine, workers: int) -> None:
        self._arguments = dict(
            max_workers=workers,
            mp_context=_context(),
            initializer=_start,
            initargs=(refine, ))
        self.executor = ProcessPoolExecutor(**self._arguments)

    def replace(self) -> None:
        """Start afresh."""
        self.close()
        self.executor = ProcessPoolExecutor(**self._arguments)

    def submit(self, item: list) -> None:
        """Hand an item [key, prob, image, future] to a worker."""
        try:
            item[3] = self.executor.submit(_work, *item[1:3])
        except BrokenProcessPool:
            self.replace()
            item[3] = self.executor.submit(_work, *item[1:3])

    def finish(self, item: list, others: Iterable[list]) -> np.ndarray:
        """Wait for an item; a dead worker costs at most the one at fault."""
        try:
            return item[3].result()
        except BrokenProcessPool:
            self.replace()
            try:
                # Alone, so that it cannot be another's fault.
                return self.executor.submit(_work, *item[1:3]).result()
            finally:
                for other in others:
                    self.submit(other)

    def close(self) -> None:
        """Stop."""
        self.executor.shutdown(wait=True, cancel_futures=True)


def refine_many(
    refine: Refine,
    items: Iterable[tuple[Hashable, np.ndarray, np.ndarray]],
    workers: int = 0,
    max_pending: int | None = None
) -> Iterator[tuple[Hashable, np.ndarray | Exception]]:
    """Refine many images, in order, each worker with one thread.

    Workers import the caller's script, which needs the usual
    ``if __name__ == '__main__'``.

    Args:
        refine (Callable): A :class:`hsc_mm.crf.DenseCRF`, or anything that
            can be pickled and called like it.
        items (Iterable): Key, probabilities (L, H, W), image (H, W, 3). It
            is read as results are taken, never further ahead than
            ``max_pending``.
        workers (int): Processes; 0 computes here, with all threads.
        max_pending (int, optional): Most images under way; by default twice
            the workers.

    Yields:
        tuple: Key, and the posterior (L, H, W) or the exception that took
        its place. Only an exception of ``items`` itself is raised.

    Raises:
        ValueError: A number is negative.
    """
    pending_most = 2 * workers if max_pending is None else max_pending
    for name, value, least in (('workers', workers, 0),
                               ('max_pending', pending_most,
                                min(workers, 1))):
        if value < least:
            raise ValueError(f'{name} of refine_many: expected an integer '
                             f'>= {least}, found {value!r}.')
    if workers == 0:
        return _here(refine, items)
    return _in_pool(refine, items, workers, pending_most)


def _attempt(work: Callable, *arguments: object) -> np.ndarray | Exception:
    """Return the result, or the exception."""
    try:
        return work(*arguments)
    except Exception as error:
        return error


def _here(refine: Refine, items: Iterable) -> Iterator:
    """Refine in this process."""
    for key, prob, image in items:
        yield key, _attempt(refine, prob, image)


def _in_pool(refine: Refine, items: Iterable, workers: int,
             max_pending: int) -> Iterator:
    """Refine in workers."""
    pool, pending = _Pool(refine, workers), deque()
    try:
        for key, prob, image in items:
            pending.append([key, prob, image, None])
            pool.submit(pending[-1])
            if len(pending) >= max_pending:
                item = pending.popleft()
                yield item[0], _attempt(pool.finish, item, pending)
        while pending:
            item = pending.popleft()
            yield item[0], _attempt(pool.finish, item, pending)
    finally:
        pool.close()
