"""Scores and counts of hooks that stop a training early, for a resumed run."""
from typing import Any

from mmengine.hooks import EarlyStoppingHook

__all__ = ['count_on', 'counts']


def counts(runner) -> list[dict]:
    """Return what hooks of mmengine's kind have counted.

    Returns:
        list[dict]: ``monitor`` and ``rule``, ``best`` (score) and ``count``
        (validations since then that did not reach more); of a hook that
        keeps something else, nothing.
    """
    return [dict(monitor=one.monitor, rule=one.rule,
                 best=float(one.best_score), count=int(one.wait_count))
            for one in _hooks(runner)]


def count_on(runner, counted: Any, stopped: bool) -> None:
    """Give hooks that stop early what :func:`counts` returned.

    A hook of another monitor or rule begins to count anew, as all do where
    ``counted`` has another form. One that had enough ends the training.

    Args:
        runner (Runner): It has resumed, and will train.
        counted (list[dict]): From a checkpoint, or from beside it.
        stopped (bool): Whether the training had been stopped early: the best
            score is kept then, and the count is 0.
    """
    left = [one for one in counted if isinstance(one, dict)] if isinstance(
        counted, list) else []
    for hook in _hooks(runner):
        found = next((one for one in left if (
            one.get('monitor'), one.get('rule')) == (
                hook.monitor, hook.rule)), None)
        if found is None:
            continue
        left.remove(found)
        best, count = found.get('best'), found.get('count')
        if not isinstance(best, int | float) or not isinstance(count, int):
            continue
        hook.best_score, hook.wait_count = best, 0 if stopped else count
        if hook.wait_count >= hook.patience:
            runner.train_loop.stop_training = True


def _hooks(runner) -> list[EarlyStoppingHook]:
    """Find the hooks whose best score and count are numbers."""
    return [one for one in runner.hooks if isinstance(one, EarlyStoppingHook)
            and isinstance(one.best_score, int | float)
            and isinstance(one.wait_count, int)]
