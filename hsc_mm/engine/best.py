"""The best checkpoint of a training: its score, files of earlier ones."""
import os
from collections.abc import Mapping, Sequence
from logging import Logger
from typing import Any

from mmengine.evaluator import Evaluator
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.runner import BaseLoop, ValLoop

from hsc_mm.evaluation.score_names import score_names
from hsc_mm.utils.numbers import nearest

__all__ = ['LateRemoval', 'check_save_best', 'with_absent']


def check_save_best(names: Sequence[str] | None,
                    loop: BaseLoop | None) -> None:
    """Refuse a score that no validation will return.

    Args:
        names (Sequence[str], optional): ``save_best`` of a hook, as a list.
        loop (BaseLoop, optional): The validation.

    Raises:
        ValueError: There is no such score. Metrics of others are not known,
            and beside one of them every name passes; so it does in loops and
            evaluators of others.
    """
    if not names or type(loop) is not ValLoop or (
            type(loop.evaluator) is not Evaluator):
        return
    found = [score_names(metric) for metric in loop.evaluator.metrics]
    known = [name for one in found for name in one or ()]
    for name in names if found and None not in found else ():
        if name not in (*known, 'auto'):
            raise ValueError(
                'default_hooks.checkpoint.save_best: expected a score of the '
                f'validation ({", ".join(known)}), found "{name}".'
                f'{nearest(name, known)}')


def with_absent(hook: CheckpointHook, metrics: Mapping,
                logger: Logger) -> dict[str, Any]:
    """Return the scores of a validation, None for those that it lacks.

    mmengine would end the run. A score may be absent: that at the label-free
    threshold is, where all CAMs are zero.
    """
    names = [name for name in getattr(hook, 'key_indicators', ())
             if name != 'auto' and name not in metrics]
    if names:
        logger.warning(
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
