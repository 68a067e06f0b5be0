"""Manifest of a step: its inputs, and whether its outputs are current."""
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from hsc_mm.datasets.label_folders import MANIFESTS
from hsc_mm.utils import read_json, write_json
from hsc_mm.utils.locks import LOCK
from hsc_mm.utils.paths import MARKER

__all__ = ['Manifest', 'as_json', 'refuse_foreign']

_FORM = dict(inputs=dict, outputs={str: {str: int}}, result=dict,
             seconds=float)


def _sizes(path: Path) -> dict[str, int]:
    """Return the size of a file, or of those under a folder.

    Hidden files, such as locks and those of a file manager, do not count.
    """
    if path.is_dir():
        files = sorted(p for p in path.rglob('[!.]*') if p.is_file())
    else:
        files = [path] if path.is_file() else []
    return {str(f.relative_to(path.parent)): f.stat().st_size for f in files}


def as_json(content: dict, what: str) -> dict:
    """Return values as a manifest reads them back: tuples become lists.

    Raises:
        ValueError: JSON has no such values.
    """
    try:
        return json.loads(json.dumps(content))
    except TypeError as error:
        raise ValueError(
            f'{what}: expected JSON values, but {error}.') from error


def refuse_foreign(folder: Path, *records: 'Manifest') -> None:
    """Refuse a folder of which neither a record nor a marker knows.

    Raises:
        FileExistsError: It has files, which a step would move aside.
    """
    if not folder.is_dir() or any(one.content for one in records) or any(
            (folder / name).is_file() for name in (MARKER, MANIFESTS[0])) or (
                not {*os.listdir(folder)} - {LOCK}):
        return
    raise FileExistsError(
        f'--work-dir {folder.parent}: expected a new folder or one of the '
        f'pipeline, found files in {folder.name} that it did not write. They '
        'were left unchanged; choose another folder.')


class Manifest:
    """The record of one finished step: inputs, outputs, seconds, results.

    It also holds the time of its writing: two runs of a step never leave the
    same record, so that what was made from the earlier one is seen to be old.

    Args:
        path (str | Path): The JSON file; absent until the step is finished.
        root (str | Path): Folder of the pipeline. Outputs are recorded
            relative to it, so that it may be moved.

    Raises:
        ValueError: The file is damaged.
    """

    def __init__(self, path: str | Path, root: str | Path) -> None:
        self.path = Path(path)
        self.root = Path(root)
        self.content: dict = {}
        self.load()

    def load(self) -> None:
        """Read the file, which another process may have written.

        Raises:
            ValueError: It is damaged.
        """
        try:
            self.content = read_json(
                self.path, _FORM) if self.path.is_file() else {}
        except ValueError as error:
            text = str(error).removesuffix(' Write the file again.')
            raise ValueError(f'{text} Remove it, and the step runs again.'
                             ) from error

    @property
    def result(self) -> dict:
        """dict: What the step found out."""
        return self.content.get('result', {})

    @property
    def seconds(self) -> float:
        """float: How long the step took."""
        return self.content.get('seconds', 0.0)

    def reason_to_run(self, inputs: dict) -> str | None:
        """Return why the step must run, in words; None if it need not."""
        if not self.content:
            return 'not run yet'
        old = self.content['inputs']
        changed = [k for k in {*old, *inputs} if old.get(k) != inputs.get(k)]
        if changed:
            return f'changed: {", ".join(sorted(changed))}'
        for path, sizes in self.content['outputs'].items():
            if _sizes(self.root / path) != sizes:
                return f'outputs incomplete: {path}'
        return None

    def save(self, inputs: dict, outputs: Iterable[str | Path], result: dict,
             seconds: float) -> None:
        """Record a finished step, or the mark of one that is begun.

        Args:
            inputs (dict): See :meth:`reason_to_run`.
            outputs (iterable[str | Path]): Files and folders it made.
            result (dict): What later steps and the report want to know.
            seconds (float): How long it took; of a mark: earlier tries.
        """
        self.write(dict(
            inputs=inputs,
            outputs={
                str(Path(path).relative_to(self.root)): _sizes(Path(path))
                for path in outputs
            },
            result=result,
            seconds=round(seconds, 1),
            finished=time.time_ns()))

    def write(self, content: dict) -> None:
        """Record what a record held that was taken from another place."""
        self.content = content
        write_json(self.path, content)

    def drop(self) -> None:
        """Forget the step: it is about to run."""
        self.path.unlink(missing_ok=True)
        self.content = {}
