"""Several configs, several seeds: one table with mean and spread."""
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from hsc_mm.utils import read_json, write_json

__all__ = ['Cell', 'collect', 'markdown', 'run_cell']

#: Column -> where its number stands in the JSON of a cell.
COLUMNS = {
    'seeds, best': ('results', 'seeds', 'best', 'mIoU'),
    'seeds, fixed': ('results', 'seeds', 'own', 'mIoU'),
    'threshold': ('results', 'seeds', 'best', 'threshold'),
    'pseudo labels': ('results', 'pseudo', 'mIoU'),
    'segmentation': ('results', 'eval', 'mIoU'),
    'images/s': ('images_per_second', ),
    'peak MiB': ('peak_mib', )
}


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
        cell (Cell): Which one.
        seg_config (str, optional): Config of the second stage.
        options (dict[str, list[str]]): ``cam`` and ``seg``: more overrides.

    Returns:
        dict: ``results`` and ``seconds`` of the steps, ``images_per_second``
        of training the CAM stage, ``peak_mib`` of its largest process;
        also in ``cell.json`` of the folder.

    Raises:
        ValueError: The pipeline ended with an error; the message has it.
    """
    command = [sys.executable, '-m', 'hsc_mm', 'pipeline', cell.config]
    command += [seg_config] if seg_config else []
    command += ['--work-dir', str(cell.folder)]
    for stage in ('cam', 'seg') if seg_config else ('cam', ):
        command += [f'--{stage}-options', f'randomness.seed={cell.seed}',
                    *options.get(stage, [])]
    cell.folder.mkdir(parents=True, exist_ok=True)
    log, record = cell.folder / 'output.txt', cell.folder / 'cell.json'
    summary = cell.folder / 'summary.json'
    before = read_json(summary) if summary.is_file() else None
    with open(log, 'w', encoding='utf-8') as file:
        child = subprocess.Popen(command, stdout=file, stderr=file)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        last = log.read_text(encoding='utf-8').strip().splitlines()[-1:]
        raise ValueError(f'{cell.name}, seed {cell.seed}: '
                         f'{"".join(last)} (all of it: {log})')
    found = read_json(summary)
    if found == before and record.is_file():
        return read_json(record)
    found.update(config=cell.config, seed=cell.seed,
                 images_per_second=_speed(cell.folder, found['batch_size']),
                 peak_mib=round(usage.ru_maxrss / 1024))
    write_json(record, found)
    return found


def _speed(folder: Path, batch_size: int) -> float | None:
    """Return images a second of the CAM stage, by the median of its log."""
    times = [
        entry['time'] for log in folder.glob('cam/*/vis_data/scalars.json')
        for entry in map(json.loads, log.read_text().splitlines())
        if 'loss' in entry
    ]
    return round(batch_size / statistics.median(times), 2) if times else None


def collect(cells: Iterable[dict]) -> list[dict]:
    """Average the cells of each config.

    Args:
        cells (iterable[dict]): Of :func:`run_cell`.

    Returns:
        list[dict]: For each config its name, the seeds, and for each column
        mean, sample standard deviation (None for one seed) and values.
    """
    groups: dict[str, list[dict]] = {}
    for cell in cells:
        groups.setdefault(cell['config'], []).append(cell)
    rows = []
    for config, group in groups.items():
        row = dict(config=Path(config).stem, seeds=[c['seed'] for c in group])
        for column, path in COLUMNS.items():
            values = [v for c in group if (v := _dig(c, path)) is not None]
            if values:
                row[column] = dict(
                    mean=statistics.mean(values),
                    std=statistics.stdev(values) if len(values) > 1 else None,
                    values=values)
        rows.append(row)
    return rows


def _dig(cell: dict, path: tuple[str, ...]) -> float | None:
    for key in path:
        cell = (cell or {}).get(key)
    return cell


def markdown(rows: list[dict]) -> str:
    """Write the rows of :func:`collect` as a table."""
    columns = [c for c in COLUMNS if any(c in row for row in rows)]
    lines = [f'| config | seeds | {" | ".join(columns)} |',
             '|---' * (len(columns) + 2) + '|']
    for row in rows:
        cells = [_text(row.get(column)) for column in columns]
        seeds = ' '.join(map(str, row['seeds']))
        lines.append(f'| {row["config"]} | {seeds} | {" | ".join(cells)} |')
    return '\n'.join(lines)


def _text(entry: dict | None) -> str:
    if entry is None:
        return '-'
    digits = 2 if entry['mean'] < 1 else 1
    text = f'{entry["mean"]:.{digits}f}'
    if entry['std'] is not None:
        text += f' ± {entry["std"]:.{digits}f}'
    return text
