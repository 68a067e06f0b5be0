"""Cells of a matrix: one config with one seed each."""
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from hsc_mm.cli.signals import PARENT, killed
from hsc_mm.utils import read_json, write_json
from hsc_mm.utils.outputs import claim, drop
from .matrix_hashes import (
    data_of,
    settings,
    steps_without_data,
    threshold_of,
)
from .matrix_kept import FAILED

__all__ = ['Cell', 'Pipelines', 'logged', 'run_cell']

_RECORD = {'images_per_second?': (float, ), 'peak_mib?': float,
           'results?': dict, 'seconds?': dict, 'rows?': [dict(what=str)],
           'background?': [dict], 'settings?': dict}
_STOPPED = {sign * number + offset for number in (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for sign, offset in ((-1, 0), (1, 128))}


class Pipelines:
    """The pipelines that run now; none starts after they were stopped."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen] = set()
        self._lock, self._stopped = threading.Lock(), False

    def run(self, command: list[str], file: IO) -> tuple[int, int]:
        """Run one to its end, its output in a file.

        Returns:
            tuple[int, int]: Its exit status, and the KiB of its largest
            process.

        Raises:
            ValueError: They were stopped.
        """
        with self._lock:
            if self._stopped:
                raise ValueError('the matrix was stopped before it began')
            child = subprocess.Popen(
                command, stdout=file, stderr=file,
                env=dict(os.environ, **{PARENT: str(os.getpid())}))
            self._running.add(child)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self._running.discard(child)
        return child.returncode, usage.ru_maxrss

    def stop(self) -> None:
        """End those that run, and let no other begin."""
        with self._lock:
            self._stopped = True
            for child in self._running.copy():
                child.terminate()


class Cell(NamedTuple):
    """One config with one seed.

    Attributes:
        config (str): Config of the CAM stage.
        seed (int): ``randomness.seed`` of both stages.
        folder (Path): Everything the cell writes.
    """
    config: str
    seed: int
    folder: Path

    @property
    def name(self) -> str:
        """str: Name of the config."""
        return Path(self.config).stem


def _shortened(text: str) -> str:
    """Shorten paths of this machine in a text that is for others too."""
    for folder, short in ((os.getcwd(), ''), (os.path.expanduser('~'), '~/')):
        text = text.replace(f'{folder}{os.sep}', short)
    return text


def run_cell(cell: Cell, seg_config: str | None,
             options: dict[str, list[str]],
             pipelines: Pipelines) -> dict:
    """Run the pipeline of a cell; what is current is skipped.

    Args:
        cell (Cell): The cell.
        seg_config (str, optional): Config of the segmentation stage.
        options (dict[str, list[str]]): ``'cam'`` and ``'seg'``: values that
            override the configs; ``'pipeline'``: more arguments.
        pipelines (Pipelines): Runs it.

    Returns:
        dict: ``results``, ``seconds``, ``rows`` (scores) and ``background``
        (rows of background everywhere that ``rows`` lacks) of the steps,
        those of a second stage among them that an earlier call ran;
        ``images_per_second`` of training the CAM stage, ``peak_mib`` of its
        largest process; ``config``, ``seed`` and ``settings``: those of
        :func:`hsc_analysis.matrix_hashes.settings`, and a hash of ``data``,
        weights and versions. Also in ``cell.json`` of the folder. And
        ``first_stage`` and ``first_steps``, the names of the scores and of
        the steps that are none of a second stage of an earlier call.

    Raises:
        ValueError: The pipeline ended with an error; the message has it, and
            so has ``failed.json`` of the folder until the next try, unless a
            signal stopped the pipeline.
    """
    command = [sys.executable, '-m', 'hsc_mm', 'pipeline', cell.config]
    command += [seg_config] if seg_config else []
    command += ['--work-dir', str(cell.folder)]
    for stage in ('cam', 'seg') if seg_config else ('cam', ):
        command += [f'--{stage}-options', f'randomness.seed={cell.seed}',
                    *options.get(stage, [])]
    command += options.get('pipeline', [])
    log, record = (
        claim(cell.folder, name, option='work_dir')
        for name in ('output.txt', 'cell.json'))
    summary = cell.folder / 'summary.json'
    own = dict(config=os.path.abspath(cell.config), seed=cell.seed,
               seg_options=options.get('seg') or [] if seg_config else [],
               threshold=threshold_of(options) if seg_config else None,
               settings=settings(cell.config, seg_config, options))
    drop(cell.folder, FAILED)
    with open(log, 'w', encoding='utf-8') as file:
        status, kib = pipelines.run(command, file)
    if status:
        lines = log.read_text('utf-8', 'replace').strip().splitlines()
        errors = [line for line in lines if line.startswith('error: ')]
        said = killed(status) or ''.join(
            (errors or lines)[-1:]).removeprefix('error: ')
        if status not in _STOPPED:
            write_json(claim(cell.folder, FAILED, option='work_dir'),
                       dict(error=_shortened(said)))
        raise ValueError(f'{cell.name}, seed {cell.seed}: {said} '
                         f'(full output: {log})')
    found = read_json(summary)
    kept = read_json(record, _RECORD) if record.is_file() else {}
    quiet = steps_without_data(cell.folder)
    same = {'images_per_second', 'peak_mib'} <= kept.keys() and all(
        kept.get(key, {}).get(step) == value
        for key in ('results', 'seconds')
        for step, value in found[key].items() if step not in quiet)
    if same:
        found.update(images_per_second=kept['images_per_second'],
                     peak_mib=kept['peak_mib'])
    else:
        peak = round(kib / 1024)  # of the steps that ran now
        found.update(
            images_per_second=_speed(cell.folder, found['batch_size']),
            peak_mib=max(peak, kept.get('peak_mib', 0)
                         if _trained_alike(found, kept) else 0))
    names = [row['what'] for row in found['rows']]
    steps = [*found['seconds']]
    old, now = kept.get('settings', {}), own['settings']
    data = data_of(cell.folder)
    now['data'], before = (
        {step: data[step] for step in data if step in one.get('results', {})}
        for one in (found, kept))
    if same and not seg_config and old.get('seg') and (
            old == dict(now, seg=old['seg'], data=before)):
        # What an earlier call found of the second stage.
        found['rows'] += [
            row for row in kept['rows'] if row['what'] not in names]
        found.update(results=kept['results'], seconds=kept['seconds'],
                     background=kept.get('background', []),
                     warnings=kept.get('warnings', []))
        now.update(seg=old['seg'], data=before)
        own.update(seg_options=kept.get('seg_options', []),
                   threshold=kept.get('threshold'))
    found.update(own)
    if found != kept:
        write_json(record, found)
    return dict(found, first_stage=names, first_steps=steps)


def _trained_alike(found: dict, kept: dict) -> bool:
    """Say whether the CAM stage is the one that a record tells of."""
    new, old = (one.get('results', {}).get('cam') for one in (found, kept))
    return new == old


def logged(folder: Path) -> Iterator[dict]:
    """Yield the entries of the logs of a training, in the order of its runs.

    Args:
        folder (Path): Its work folder.
    """
    for log in sorted(folder.glob('*/vis_data/scalars.json')):
        for line in log.read_text('utf-8', 'replace').splitlines():
            with contextlib.suppress(ValueError):  # cut off by a kill
                yield json.loads(line)


def _speed(folder: Path, batch_size: int) -> float | None:
    """Return images a second of the CAM stage, by the median of its log."""
    times = [entry['time'] for entry in logged(folder / 'cam')
             if 'loss' in entry]
    return round(batch_size / statistics.median(times), 2) if times else None
