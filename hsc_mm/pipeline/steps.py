"""Steps that run when they must, and leave a record."""
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from .manifest import Manifest

__all__ = ['Outcome', 'Steps']


class Outcome(NamedTuple):
    """What a step leaves: files, and facts for later steps."""
    outputs: list[Path]
    result: dict


class Steps:
    """Run the steps whose outputs are missing or whose inputs changed.

    For a step ``name``, a subclass has the methods ``_name_inputs()``, which
    returns JSON values that tell its inputs apart, and ``_name(resumable)``,
    which does the work and returns an :class:`Outcome`.

    Args:
        names (tuple[str]): The steps in their order.
        work_dir (str | Path): Folder of everything that is written.
    """

    def __init__(self, names: tuple[str, ...], work_dir: str | Path) -> None:
        self.steps = names
        self.root = Path(work_dir)
        self.manifests = {name: self._manifest(name) for name in names}

    def _manifest(self, name: str) -> Manifest:
        return Manifest(self.root / 'manifests' / f'{name}.json', self.root)

    def _started(self, name: str) -> Manifest:
        """Return the mark of a step that was begun and did not finish."""
        return self._manifest(f'{name}.started')

    def folder(self, name: str) -> Path:
        """Return the folder of a step."""
        return self.root / name

    def run(self, force: Iterable[str] = (), say: Callable = print) -> None:
        """Run what is not current.

        Args:
            force (iterable[str]): Steps that run in any case.
            say (callable): Where progress lines go.
        """
        for number, name in enumerate(self.steps, start=1):
            inputs = getattr(self, f'_{name}_inputs')()
            manifest = self.manifests[name]
            reason = 'forced' if name in force else manifest.reason_to_run(inputs)
            head = f'[{number}/{len(self.steps)}] {name:7s}'
            if reason is None:
                say(f'{head} is current ({manifest.seconds:.0f} s before)')
                continue
            say(f'{head} runs ({reason})')
            resumable = self._begin(name, inputs)
            start = time.monotonic()
            outcome = getattr(self, f'_{name}')(resumable)
            manifest.save(inputs, outcome.outputs, outcome.result,
                          time.monotonic() - start)
            self._started(name).drop()

    def _begin(self, name: str, inputs: dict) -> bool:
        """Make room for a step; say whether its last try can be resumed.

        A try that was stopped, of the same inputs, is gone on with. What
        any other run left behind is moved aside, not deleted.
        """
        self.manifests[name].drop()
        folder, mark = self.folder(name), self._started(name)
        resumable = folder.is_dir() and mark.content.get('inputs') == inputs
        if folder.is_dir() and not resumable:
            number = 1
            while (old := folder.with_name(f'{folder.name}.old{number}')
                   ).exists():
                number += 1
            folder.rename(old)
        mark.save(inputs, [], {}, 0)
        return resumable
