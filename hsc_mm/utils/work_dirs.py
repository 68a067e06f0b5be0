"""Checkpoints in a work folder: written whole, and found again."""
import contextlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from .checkpoints import SUM_SUFFIX, file_sum, why_not_whole
from .io import atomic_write_bytes
from .limits import check_regular

__all__ = [
    'LAST', 'checkpoint_folder', 'newest_whole', 'publish', 'remove',
    'set_aside'
]

#: Names the newest checkpoint of a work folder; mmengine writes it too.
LAST = 'last_checkpoint'
_NAMES = ('iter_{}.pth', 'epoch_{}.pth')


def publish(draft: Path, final: Path) -> None:
    """Give a written file its name, once it is on the disk.

    The checksum is put beside it first: a file of that name is whole, or the
    checksum says that it is not.

    Raises:
        OSError: The disk is full, or the folder cannot be written.
    """
    with open(draft, 'rb+') as file:
        os.fsync(file.fileno())
    sums = final.with_name(final.name + SUM_SUFFIX)
    if final.exists():  # an old file must not be taken for a damaged one
        sums.unlink(missing_ok=True)
    else:
        _write_sum(sums, draft, final)
    os.replace(draft, final)
    if not sums.exists():
        _write_sum(sums, final, final)
    with contextlib.suppress(OSError):  # not every system opens folders
        folder = os.open(final.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _write_sum(sums: Path, file: Path, final: Path) -> None:
    atomic_write_bytes(sums, f'{file_sum(file)}  {final.name}\n'.encode())


def remove(path: Path) -> None:
    """Remove a checkpoint and its checksum."""
    path.unlink(missing_ok=True)
    path.with_name(path.name + SUM_SUFFIX).unlink(missing_ok=True)


def set_aside(path: Path) -> Path:
    """Rename a damaged checkpoint; return its new name."""
    number, aside = 1, path.with_name(f'{path.name}.damaged')
    while aside.exists():
        number += 1
        aside = path.with_name(f'{path.name}.damaged{number}')
    path.rename(aside)
    path.with_name(path.name + SUM_SUFFIX).unlink(missing_ok=True)
    return aside


def checkpoint_folder(work_dir: str | Path,
                      out_dir: str | Path | None = None) -> Path:
    """Return where mmengine's hook puts checkpoints of a work folder."""
    work_dir = str(work_dir).rstrip(os.sep)
    if out_dir is None or str(out_dir).rstrip(os.sep) == work_dir:
        return Path(work_dir)
    return Path(out_dir) / os.path.basename(work_dir)


def newest_whole(work_dir: str | Path,
                 hook: dict | None = None,
                 say: Callable[[str], None] = print) -> Path | None:
    """Find the newest checkpoint of a run that is whole.

    Checkpoints are looked for in the folder itself: one that was moved or
    copied resumes from its own, whatever path ``last_checkpoint`` holds. Of
    that file the name counts, and newer checkpoints, which a run had written
    when it was killed before it could note them.

    Args:
        work_dir (str | Path): Work folder of the run.
        hook (dict, optional): ``out_dir`` and ``filename_tmpl`` of the
            checkpoint hook, where they are set.
        say (callable): Is told which checkpoints are passed over, and why.

    Returns:
        Path | None: None where there is none.
    """
    hook = hook or {}
    folder = checkpoint_folder(work_dir, hook.get('out_dir'))
    last = Path(work_dir) / LAST
    named, when = '', 0
    with contextlib.suppress(OSError, ValueError):
        check_regular(last)
        named = last.read_text('utf-8', 'replace').strip()
        named = re.split(r'[\\/]', named)[-1]
        when = last.stat().st_mtime_ns
    for path in _ordered(folder, named, when,
                         [hook.get('filename_tmpl') or _NAMES[0], *_NAMES]):
        damage = why_not_whole(path)
        if damage is None:
            return path
        say(f'{path}: skipped, {damage}')
    return None


def _ordered(folder: Path, named: str, when: int,
             names: Sequence[str]) -> list[Path]:
    """List checkpoints, the one to go on from first."""
    patterns = [
        re.compile(re.escape(name).replace(r'\{\}', r'(\d+)'))
        for name in names
    ]
    found = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        match = next(filter(None, (p.fullmatch(path.name) for p in patterns)),
                     None)
        if match and path.is_file():
            found[path] = (int(match[1]), path.stat().st_mtime_ns)
    ordered = sorted(found, key=lambda path: found[path], reverse=True)
    noted = folder / named
    if noted in found:
        later = [
            path for path in ordered
            if found[path][0] > found[noted][0] and found[path][1] > when
        ]
        rest = [p for p in ordered if p != noted and p not in later]
        ordered = [*later, noted, *rest]
    return ordered
