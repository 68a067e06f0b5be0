"""Cells of a matrix: one config with one seed each, run or kept."""
import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from hsc_mm.cli.signals import PARENT
from hsc_mm.inference.config_files import read_config
from hsc_mm.pipeline import config_hash
from hsc_mm.utils import digest, read_json, write_json
from hsc_mm.utils.outputs import claim
from hsc_mm.version import RECIPE

__all__ = ['Cell', 'kept_cells', 'run_cell', 'running', 'settings']

_RECORD = {'images_per_second?': (float, ), 'peak_mib?': float,
           'results?': dict, 'seconds?': dict}
_KEPT = {'config': str, 'seed': int, 'rows': [dict],
         'settings?': dict(cam=str, seg=(str, )),
         'images_per_second': (float, ), 'peak_mib': float}
_MEASURED = ('results', 'seconds', 'warnings', 'images_per_second', 'peak_mib')
#: Pipelines that run now.
running: set[subprocess.Popen] = set()


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


def settings(config: str, seg_config: str | None,
             options: Mapping[str, list[str]]) -> dict[str, str | None]:
    """Hash what the cells of a config are made by, but for seed and data.

    Args:
        config (str): Config of the CAM stage.
        seg_config (str, optional): Config of the segmentation stage.
        options (mapping[str, list[str]]): See :func:`run_cell`.

    Returns:
        dict[str, str | None]: ``cam`` and ``seg``; None without that stage.
    """
    def one(path: str, *more: object) -> str:
        cfg = read_config(path)
        return digest([
            *(config_hash(cfg, split) for split in ('train', 'test')),
            cfg.get('pseudo_label'), cfg.get('pipeline'), RECIPE, *more])

    words = {key: options.get(key) or [] for key in ('cam', 'seg', 'pipeline')}
    return dict(cam=one(config, words['cam'], words['pipeline']),
                seg=one(seg_config, words['seg']) if seg_config else None)


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
        those of a second stage among them that an earlier call ran;
        ``images_per_second`` of training the CAM stage, ``peak_mib`` of its
        largest process; ``config``, ``seed`` and :func:`settings`. Also in
        ``cell.json`` of the folder.

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
    own = dict(config=os.path.abspath(cell.config), seed=cell.seed,
               settings=settings(cell.config, seg_config, options))
    with open(log, 'w', encoding='utf-8') as file:
        child = subprocess.Popen(
            command, stdout=file, stderr=file,
            env=dict(os.environ, **{PARENT: str(os.getpid())}))
        running.add(child)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        running.discard(child)
    if child.returncode:
        last = log.read_text('utf-8', 'replace').strip().splitlines()[-1:]
        raise ValueError(f'{cell.name}, seed {cell.seed}: {"".join(last)} '
                         f'(full output: {log})')
    found = read_json(summary)
    kept = read_json(record, _RECORD) if record.is_file() else {}
    same = {'images_per_second', 'peak_mib'} <= kept.keys() and all(
        found[key].items() <= kept.get(key, {}).items()
        for key in ('results', 'seconds'))
    if same:
        found = kept | found | {key: kept[key] for key in _MEASURED}
        if not seg_config:  # what an earlier call found of the second stage
            names = {row['what'] for row in found['rows']}
            found['rows'] += [
                row for row in kept['rows'] if row['what'] not in names]
            own['settings']['seg'] = (kept.get('settings') or {}).get('seg')
    else:
        peak = round(usage.ru_maxrss / 1024)  # of the steps that ran now
        found.update(
            images_per_second=_speed(cell.folder, found['batch_size']),
            peak_mib=max(peak, kept.get('peak_mib', 0)))
    found.update(own)
    if found != kept:
        write_json(record, found)
    return found


def kept_cells(root: Path, called: Mapping[Path, dict | None],
               configs: list[str], options: Mapping[str, list[str]]
               ) -> tuple[list[dict], list[str]]:
    """Read the cells of a work dir that a call did not name.

    Args:
        root (Path): The work dir.
        called (mapping[Path, dict | None]): Folder -> cell, of those that
            the call named; None: it failed.
        configs (list[str]): Of the call.
        options (mapping[str, list[str]]): Of the call.

    Returns:
        tuple: The cells, and in words those that are left out: not finished,
        or of other settings than the call's or their config's.
    """
    kept, missing = [], []
    paths = {Path(path).stem: path for path in configs}
    seg = next((one['settings']['seg'] for one in called.values()
                if one and one['settings']['seg']), None)
    for folder in sorted({*root.glob('*/seed*')} - {*called}):
        name = folder.parent.name
        found = _kept(folder / 'cell.json', paths.get(name), seg, options)
        if isinstance(found, dict):
            seg = seg or found['settings']['seg']
            kept.append(found)
        else:
            missing.append(
                f'{name}, seed {folder.name.removeprefix("seed")} ({found})')
    return kept, missing


def _kept(record: Path, config: str | None, seg: str | None,
          options: Mapping[str, list[str]]) -> dict | str:
    """Return a cell, or why it is left out; see :func:`kept_cells`."""
    if not record.is_file():
        return 'not finished'
    try:
        cell = read_json(record, _KEPT)
        cam = settings(config or cell['config'], None, options)['cam']
    except (ValueError, OSError):
        return 'cell.json or its config cannot be read'
    own = cell.get('settings') or dict(cam=None, seg=None)
    return cell if own['cam'] == cam and (
        None in (seg, own['seg']) or own['seg'] == seg) else 'other settings'


def _speed(folder: Path, batch_size: int) -> float | None:
    """Return images a second of the CAM stage, by the median of its log."""
    times = []
    for log in folder.glob('cam/*/vis_data/scalars.json'):
        for line in log.read_text('utf-8', 'replace').splitlines():
            with contextlib.suppress(ValueError):  # cut off by a kill
                entry = json.loads(line)
                times += [entry['time']] if 'loss' in entry else []
    return round(batch_size / statistics.median(times), 2) if times else None
