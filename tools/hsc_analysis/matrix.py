"""Matrix of configs and seeds: one table with mean and spread."""
import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from hsc_mm.cli.signals import PARENT
from hsc_mm.inference.config_files import read_config
from hsc_mm.utils import atomic_write_bytes, read_json, write_json
from hsc_mm.utils.outputs import claim
from .matrix_tables import collect, markdown

__all__ = ['Cell', 'run_cell', 'run_matrix']

_RECORD = {'images_per_second?': (float, ), 'peak_mib?': float}
_running: set[subprocess.Popen] = set()


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


def run_cell(cell: Cell, seg_config: str | None,
             options: dict[str, list[str]]) -> dict:
    """Run the pipeline of a cell; what is current is skipped.

    Args:
        cell (Cell): The cell.
        seg_config (str, optional): Config of the segmentation stage.
        options (dict[str, list[str]]): ``'cam'`` and ``'seg'``: values that
            override the configs; ``'pipeline'``: more arguments.

    Returns:
        dict: ``results``, ``seconds`` and ``rows`` (scores) of the steps,
        ``images_per_second`` of training the CAM stage, ``peak_mib`` of its
        largest process; also in ``cell.json`` of the folder.

    Raises:
        ValueError: The pipeline ended with an error; the message has it.
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
    with open(log, 'w', encoding='utf-8') as file:
        child = subprocess.Popen(
            command, stdout=file, stderr=file,
            env=dict(os.environ, **{PARENT: str(os.getpid())}))
        _running.add(child)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        _running.discard(child)
    if child.returncode:
        last = log.read_text('utf-8', 'replace').strip().splitlines()[-1:]
        raise ValueError(f'{cell.name}, seed {cell.seed}: {"".join(last)} '
                         f'(full output: {log})')
    found = read_json(summary)
    own = dict(config=cell.config, seed=cell.seed)
    kept = read_json(record, _RECORD) if record.is_file() else {}
    # The same config may be spelt otherwise, as from another folder.
    if all(kept.get(key) == found[key] for key in found) and \
            {'images_per_second', 'peak_mib'} <= kept.keys():
        return kept | own
    peak = round(usage.ru_maxrss / 1024)  # of the steps that ran this time
    found.update(own,
                 images_per_second=_speed(cell.folder, found['batch_size']),
                 peak_mib=max(peak, kept.get('peak_mib', 0)))
    write_json(record, found)
    return found


def _content(path: str) -> dict:
    """Return the values of a config, those of its bases among them."""
    return read_config(path).to_dict()


def _speed(folder: Path, batch_size: int) -> float | None:
    """Return images a second of the CAM stage, by the median of its log."""
    times = []
    for log in folder.glob('cam/*/vis_data/scalars.json'):
        for line in log.read_text('utf-8', 'replace').splitlines():
            with contextlib.suppress(ValueError):  # cut off by a kill
                entry = json.loads(line)
                times += [entry['time']] if 'loss' in entry else []
    return round(batch_size / statistics.median(times), 2) if times else None


def run_matrix(configs: list[str],
               seeds: list[int],
               work_dir: str | Path,
               seg_config: str | None = None,
               options: dict[str, list[str]] | None = None,
               jobs: int = 1,
               say: Callable[[str], None] = print,
               paired_to: str | None = None) -> tuple[dict, list[str]]:
    """Run the pipeline for each config and seed; what is current is skipped.

    ``matrix.json`` and ``matrix.md`` in the work dir hold the tables. Configs
    have different names; ``options`` are those of :func:`run_cell`, with
    ``jobs`` cells at the same time; ``paired_to`` is the name of the config
    that the others are compared with.

    Returns:
        tuple: What :func:`collect` makes, and why cells failed.

    Raises:
        FileNotFoundError: A config is missing.
        ValueError: A file is no config.
    """
    root = Path(work_dir)
    paths = [*configs, *([seg_config] if seg_config else [])]
    began = {path: _content(path) for path in paths}

    def run(cell: Cell) -> dict:
        for path in (cell.config, seg_config):
            if path and _content(path) != began[path]:
                raise ValueError(
                    f'{cell.name}, seed {cell.seed}: expected {path} as it '
                    'was when the matrix began, found it changed. Give the '
                    'same command again: all cells then follow the new one.')
        return run_cell(cell, seg_config, options or {})

    cells = [
        Cell(config, seed, root / Path(config).stem / f'seed{seed}')
        for seed in seeds for config in configs
    ]
    done, failures = [], []
    with ThreadPoolExecutor(jobs) as pool:
        running = [
            pool.submit(run, cell) for cell in cells
        ]
        try:
            for number, (cell, future) in enumerate(
                    zip(cells, running, strict=True), start=1):
                try:
                    done.append(future.result())
                    state = 'done'
                except (ValueError, OSError) as error:
                    failures.append(str(error))
                    state = 'FAILED'
                say(f'[{number}/{len(cells)}] {cell.name}, seed {cell.seed}: '
                    f'{state}')
        except BaseException:
            for future in running:
                future.cancel()
            for child in list(_running):
                child.terminate()
            raise
    found = collect(sorted(done, key=lambda c: configs.index(c['config'])),
                    paired_to)
    table, page = (
        claim(root, name, option='work_dir')
        for name in ('matrix.json', 'matrix.md'))
    write_json(table, found)
    atomic_write_bytes(page, f'{markdown(found)}\n'.encode())
    return found, failures
