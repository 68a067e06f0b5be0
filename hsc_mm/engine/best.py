"""The best checkpoint of a training: its score, files of earlier ones."""
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from mmengine.evaluator import Evaluator
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import BaseLoop, Runner, ValLoop

from hsc_mm.evaluation.score_names import score_names
from hsc_mm.utils.code import HOSTS
from hsc_mm.utils.numbers import nearest

__all__ = ['LateRemoval', 'check_save_best', 'with_absent']

# Packages whose hooks add no scores.
_KNOWN_HOOKS = (*HOSTS, 'hsc_mm')


def check_save_best(names: Sequence[str] | None, loop: BaseLoop | None,
                    hooks: Iterable[Hook] = ()) -> None:
    """Refuse a score that no validation will return.

    Args:
        names (Sequence[str], optional): ``save_best`` of a hook, as a list.
        loop (BaseLoop, optional): The validation.
        hooks (iterable[Hook]): Those of the run.

    Raises:
        ValueError: There is no such score. Metrics of others are not known,
            and beside one of them every name passes; so it does in loops and
            evaluators of others, beside a hook of others that may add scores,
            and for losses, which mmengine adds where a model returns them.
    """
    if not names or type(loop) is not ValLoop or (
            type(loop.evaluator) is not Evaluator) or any(
                map(_may_add, hooks)):
        return
    found = [score_names(metric) for metric in loop.evaluator.metrics]
    known = [name for one in found for name in one or ()]
    for name in names if found and None not in found else ():
        if name not in (*known, 'auto') and 'loss' not in name:
            raise _no_score(name, known)


def _no_score(name: str, known: Collection[str]) -> ValueError:
    """Make the error of a ``save_best`` that no validation returns."""
    return ValueError(
        'default_hooks.checkpoint.save_best: expected a score of the '
        f'validation ({", ".join(known)}), found "{name}".'
        f'{nearest(name, known)}')


def _may_add(hook: Hook) -> bool:
    """Say whether a hook of others is told the scores, and may add some."""
    kind = type(hook)
    return kind.after_val_epoch is not Hook.after_val_epoch and (
        kind.__module__.partition('.')[0] not in _KNOWN_HOOKS)


def with_absent(hook: CheckpointHook, metrics: Mapping,
                runner: Runner) -> dict[str, Any]:
    """Return the scores of a validation, None for those that it lacks.

    mmengine would end the run. A score may be absent: that at the label-free
    threshold is, where all CAMs are zero.

    Raises:
        ValueError: No validation had such a score yet, and none is known
            that may have it.
    """
    every = getattr(hook, 'key_indicators', ())
    names = [name for name in every if name != 'auto' and name not in metrics]
    known = {name for metric in getattr(
        runner.val_loop.evaluator, 'metrics', ())
        for name in score_names(metric) or ()}
    for name in names:
        best = 'best_score' if len(every) == 1 else f'best_score_{name}'
        if name not in known and best not in runner.message_hub.runtime_info:
            raise _no_score(name, metrics)
    if names:
        runner.logger.warning(
            f'save_best: this validation has no {", ".join(names)}, and the '
            f'best checkpoint stays. It has {", ".join(metrics)}.')
    return {**metrics, **dict.fromkeys(names)}


class LateRemoval:
    """A store of files that notes what is to be removed."""

    def __init__(self, store: LocalBackend) -> None:
        self._store = store
        self.removed: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def remove(self, path: str) -> None:
        """Note a file."""
        self.removed.append(str(path))

    @staticmethod
    def written(hook: CheckpointHook) -> set[str]:
        """Return the names of the best checkpoints that are kept now."""
        paths = getattr(hook, 'best_ckpt_path_dict', None)
        paths = list(paths.values()) if paths else [hook.best_ckpt_path]
        return {os.path.basename(path) for path in paths if path}
