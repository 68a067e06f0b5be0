"""Folder of a step: begun, resumed, moved aside, taken back."""
import contextlib
import time
from itertools import count
from pathlib import Path

from hsc_mm.utils import read_json, write_json
from hsc_mm.utils.locks import check_free
from .manifest import Manifest

__all__ = ['StepFolder']

#: In a folder that was moved aside: the record of what made it.
RECORD = '.hsc_mm_step.json'
#: There too: the complete config that made it, where there is one.
CONFIG = '.hsc_mm_config.py'
_COPIED = 60  # seconds between a time that a file holds and its own
_FORM = dict(finished=bool, content=dict(inputs=dict, outputs=dict))


class StepFolder:
    """What a step has written, or begins to write.

    Attributes:
        path (Path): The folder.
        manifest (Manifest): Of the finished step.
        mark (Manifest): Of one that was begun and did not finish.

    Args:
        path (Path): The folder.
        manifest (Manifest): Of the step.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path, self.manifest = path, manifest
        name = f'{manifest.path.stem}.started.json'
        self.mark = Manifest(manifest.path.with_name(name), manifest.root)

    @property
    def config(self) -> Path:
        """Path: Of the complete config of the step, see ``Context.dump``."""
        return self.manifest.path.with_name(
            f'{self.manifest.path.stem}_config.py')

    @property
    def last(self) -> Manifest:
        """Manifest: The record of what is in the folder, maybe empty."""
        return self.mark if self.mark.content else self.manifest

    def made_by(self, inputs: dict) -> bool:
        """Say whether there is a folder, and these inputs made it."""
        return self.path.is_dir() and (
            self.last.content.get('inputs') == inputs)

    def begin(self, inputs: dict, resume: bool) -> tuple[bool, float]:
        """Make room for the step.

        Args:
            inputs (dict): Its inputs.
            resume (bool): Whether what these inputs made may stay.

        Returns:
            tuple[bool, float]: Whether it stays, and the seconds that it
            took.

        Raises:
            FileExistsError: Another process writes there.
        """
        check_free(self.path)
        resumed, spent = resume and self.made_by(inputs), 0.
        if resumed:
            spent = self.last.seconds
            if self.mark.content:  # until what was written last
                began = self.mark.content['finished'] / 1e9
                # A copy has the times of copying.
                if self.mark.path.stat().st_mtime - began < _COPIED:
                    spent += max(0., _newest(self.path) - began)
        elif self.path.is_dir():
            self._move_aside()
        self.mark.save(inputs, [], {}, spent)
        self.manifest.drop()
        return resumed, spent

    def _move_aside(self) -> None:
        """Rename the folder to ``<folder>.oldN``, with its record."""
        if self.last.content:
            write_json(self.path / RECORD, dict(
                finished=self.last is self.manifest,
                content=self.last.content))
        if self.config.is_file():
            self.config.replace(self.path / CONFIG)
        names = (self.path.with_name(f'{self.path.name}.old{n}')
                 for n in count(1))
        self.path.rename(next(name for name in names if not name.exists()))

    def take_back(self, inputs: dict) -> str | None:
        """Put back what these inputs made and was moved aside.

        Returns:
            str | None: The name that it had, None where nothing is put back.
        """
        found = None if self.made_by(inputs) else self._find(inputs)
        if found is None:
            return None
        check_free(self.path)
        if self.path.is_dir():
            self._move_aside()
        old, record = found
        own, other = ((self.manifest, self.mark) if record['finished'] else
                      (self.mark, self.manifest))
        other.drop()
        if (old / CONFIG).is_file():
            (old / CONFIG).replace(self.config)
        own.write(record['content'])
        old.rename(self.path)  # last: a record without its folder is void
        return old.name

    def _find(self, inputs: dict) -> tuple[Path, dict] | None:
        """Find it: a finished one first, then the newest."""
        found = []
        for path in self.path.parent.glob(f'{self.path.name}.old*/{RECORD}'):
            with contextlib.suppress(ValueError):  # damaged: it stays there
                record = read_json(path, _FORM)
                if record['content']['inputs'] == inputs:
                    found.append((record['finished'], path.stat().st_mtime_ns,
                                  path.parent, record))
        return max(found, key=lambda one: one[:2])[2:] if found else None


def _newest(folder: Path) -> float:
    """Return when a file of a folder was last written, in seconds.

    Hidden files do not count: moving the folder aside writes one.
    """
    times = [p.stat().st_mtime for p in folder.rglob('[!.]*') if p.is_file()]
    return max(times, default=time.time())
