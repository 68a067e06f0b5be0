"""The best checkpoint of a training: files of earlier ones."""
import os
from typing import Any

from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook

__all__ = ['LateRemoval']


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
