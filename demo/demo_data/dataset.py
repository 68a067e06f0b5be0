"""The demo data set as a whole: made once, found again, never mixed up."""
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from demo_data.creatures import CLASSES
from demo_data.writer import (
    FOLDERS,
    SPLITS,
    file_names,
    picture_id,
    write_picture,
)
from hsc_mm.utils.io import atomic_write_bytes, read_json, write_json
from hsc_mm.utils.locks import LOCK
from hsc_mm.utils.paths import place
from hsc_mm.utils.pool import results_of

__all__ = ['DemoData', 'VERSION', 'make_demo_data']

# Raised whenever the same seed no longer gives the same files.
VERSION = 1
GENERATOR = 'demo_data'
DONE = 'demo.json'
PARTIAL = 'demo.json.partial'
LISTS = 'ImageSets/Segmentation'
OWN_FILE = re.compile(r'(train|val)_\d{5,}\.(jpg|png|xml)')


@dataclass
class DemoData:
    """What became of a call of :func:`make_demo_data`.

    Attributes:
        out (Path): Folder of the data set.
        made (bool): False when it was there already.
        message (str): One line for people.
    """

    out: Path
    made: bool
    message: str


def make_demo_data(out: str | Path,
                   train: int = 400,
                   val: int = 100,
                   seed: int = 0,
                   workers: int = 2,
                   force: bool = False) -> DemoData:
    """Make the demo data set in the layout of PASCAL VOC.

    The same ``seed`` gives the same bytes, whatever ``workers`` is. A
    complete set of the same parameters is left as it is; an interrupted one
    of the same parameters is made anew.

    Args:
        out (str | Path): Folder of the data set; new, empty or holding a
            demo data set.
        train (int): Number of pictures for training, >= 1.
        val (int): Number of pictures for validation, >= 1.
        seed (int): Seed, >= 0.
        workers (int): Processes, >= 1.
        force (bool): Replace a demo data set in ``out`` that is complete or
            has other parameters. Files of other origin stay.

    Returns:
        DemoData: Where it is and whether it was made now.

    Raises:
        ValueError: A number is out of its range.
        FileExistsError: ``out`` holds something else, or a demo data set of
            other parameters without ``force``.
        OSError: A file cannot be written.
    """
    out = Path(out)
    for name, value, least in (('train', train, 1), ('val', val, 1),
                               ('seed', seed, 0), ('workers', workers, 1)):
        if not isinstance(value, int) or value < least:
            raise ValueError(f'{name}: expected a whole number of at least '
                             f'{least}, found {value!r}. Give such a number.')
    wanted = {
        'generator': GENERATOR,
        'version': VERSION,
        'train': train,
        'val': val,
        'seed': seed,
        'classes': list(CLASSES),
    }
    jobs = [(split, index)
            for split, count in (('train', train), ('val', val))
            for index in range(count)]
    found = _found(out)
    if found and not force:
        if found != wanted:
            raise FileExistsError(
                f'out: {out} holds a demo data set of other parameters '
                f'({_summary(found)}; asked for: {_summary(wanted)}). Name '
                'another folder, or replace it with force (--force).')
        if _complete(out, jobs):
            return DemoData(
                out, False, f'{out} holds this demo data set already '
                f'({_summary(wanted)}): nothing to do.')
    _clear(out, wanted)
    _write(out, seed, jobs, min(workers, len(jobs)))
    for split in SPLITS:
        names = [picture_id(*job) for job in jobs if job[0] == split]
        _write_lines(out / LISTS / f'{split}.txt', names)
    _write_lines(out / 'classes.txt', CLASSES)
    write_json(out / DONE, wanted)
    (out / PARTIAL).unlink()
    return DemoData(
        out, True, f'Made a demo data set of {train} training and {val} '
        f'validation pictures in {out}.')


def _summary(parameters: dict) -> str:
    keys = ('train', 'val', 'seed', 'version')
    return ', '.join(f'{key} {parameters.get(key)}' for key in keys)


def _write_lines(path: Path, lines: Any) -> None:
    text = '\n'.join(lines) + '\n'
    atomic_write_bytes(path, text.encode('utf-8'))


def _found(out: Path) -> dict:
    """Return the parameters of the demo data set in a folder.

    Returns:
        dict: Empty when there is no folder or nothing in it.

    Raises:
        FileExistsError: There is something else.
    """
    if not out.exists():
        return {}
    advice = ('Name a new or an empty folder; nothing was changed.')
    if not out.is_dir():
        raise FileExistsError(
            f'out: expected a folder, found the file {out}. {advice}')
    for name in (PARTIAL, DONE):
        if (out / name).is_file():
            try:
                found = read_json(out / name)
            except ValueError:
                found = None
            if isinstance(found, dict) and found.get(
                    'generator') == GENERATOR:
                return found
    names = sorted({path.name for path in out.iterdir()} - {LOCK})
    if not names:
        return {}
    listed = ', '.join(names[:3]) + (', ...' if len(names) > 3 else '')
    raise FileExistsError(f'out: {out} is not empty and holds no demo data '
                          f'set (found {listed}; no {DONE} of '
                          f'{GENERATOR}). {advice}')


def _complete(out: Path, jobs: list[tuple[str, int]]) -> bool:
    """Return whether all files of a demo data set are there."""
    names = ['classes.txt', DONE, *(f'{LISTS}/{s}.txt' for s in SPLITS)]
    for job in jobs:
        names += file_names(picture_id(*job))
    return not (out / PARTIAL).exists() and all(
        (out / name).is_file() for name in names)


def _clear(out: Path, wanted: dict) -> None:
    """Mark a folder as unfinished, then remove what an earlier run made."""
    write_json(out / PARTIAL, wanted)
    (out / DONE).unlink(missing_ok=True)
    for folder in FOLDERS:
        place(out, f'{folder}/x')  # a link to elsewhere: not ours to clear
        for path in (out / folder).glob('*_*.*'):
            if OWN_FILE.fullmatch(path.name):
                path.unlink()


def _picture(out: Path, seed: int, job: tuple[str, int]) -> None:
    write_picture(out, seed, *job)


def _write(out: Path, seed: int, jobs: list[tuple[str, int]],
           workers: int) -> None:
    """Make all pictures, in this process or in several."""
    write = partial(_picture, out, seed)
    for _ in results_of(write, jobs, workers):
        pass
