"""Seeds that wait for a look at all of them before they are put in place."""
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from hsc_mm.utils.paths import place

__all__ = ['DRAFTS', 'Drafts']

DRAFTS = '.import.tmp'
_SUFFIXES = ('.npz', '.png')


class Drafts:
    """A hidden folder beside the seeds, which is gone afterwards.

    Args:
        out (Path): Folder of the seeds.
    """

    def __init__(self, out: Path) -> None:
        self.out, self.folder = out, out / DRAFTS

    def __enter__(self) -> 'Drafts':
        self._clear()  # of a killed run
        return self

    def __exit__(self, *_) -> None:
        self._clear()

    def _clear(self) -> None:
        if self.folder.is_symlink():
            self.folder.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, img_id: str, suffix: str) -> Path:
        """Return where a seed is written first.

        Raises:
            ValueError: Its place would be outside of ``out``.
        """
        place(self.out, f'{img_id}{suffix}')
        return self.folder / f'{img_id}{suffix}'

    def take(self, img_ids: Iterable[str]) -> None:
        """Put seeds in place; those of an earlier run give way.

        Args:
            img_ids (iterable[str]): All images; one without a draft has no
                seed afterwards.
        """
        for img_id in img_ids:
            for suffix in _SUFFIXES:
                try:
                    draft = self.path(img_id, suffix)
                except ValueError:  # said when it was read
                    continue
                path = self.out / f'{img_id}{suffix}'
                if draft.is_file():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(draft, path)
                else:
                    path.unlink(missing_ok=True)
