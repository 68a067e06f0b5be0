"""Matrix of configs and seeds: one table with mean and spread."""
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hsc_mm.inference.config_files import read_config
from hsc_mm.utils import atomic_write_bytes, read_json, write_json
from hsc_mm.utils.outputs import claim
from hsc_mm.version import RECIPE, __version__
from .matrix_cells import Cell, Pipelines, run_cell
from .matrix_hashes import threshold_of
from .matrix_kept import (
    drop_other_data,
    drop_other_second_stages,
    failure,
    kept_cells,
)
from .matrix_means import collect
from .matrix_tables import markdown

__all__ = ['run_matrix']


def run_matrix(configs: list[str],
               seeds: list[int],
               work_dir: str | Path,
               seg_config: str | None = None,
               options: dict[str, list[str]] | None = None,
               jobs: int = 1,
               say: Callable[[str], None] = print,
               paired_to: str | None = None) -> tuple[dict, list[str]]:
    """Run the pipeline for each config and seed; what is current is skipped.

    ``matrix.json`` and ``matrix.md`` in the work dir hold the tables, of all
    its finished cells: those of the call, and those of earlier calls with the
    same settings. Configs have different names; ``options`` are those of
    :func:`run_cell`, with ``jobs`` cells at the same time; ``paired_to`` is
    the name of the config that the others are compared with, by default that
    of the table that is there.

    Returns:
        tuple: What :func:`collect` makes, with ``missing``, cells without a
        value, in words, and ``made_by``: version and recipe of the package,
        and the options; and why cells failed.

    Raises:
        FileNotFoundError: A config is missing.
        ValueError: A file is no config.
    """
    root, pipelines = Path(work_dir), Pipelines()
    paths = [*configs, *([seg_config] if seg_config else [])]
    began = {path: read_config(path).to_dict() for path in paths}

    def run(cell: Cell) -> dict:
        for path in (cell.config, seg_config):
            if path and read_config(path).to_dict() != began[path]:
                raise ValueError(
                    f'{cell.name}, seed {cell.seed}: expected {path} as it '
                    'was when the matrix began, found it changed. Give the '
                    'same command again: all cells then follow the new one.')
        return run_cell(cell, seg_config, options or {}, pipelines)

    cells = [
        Cell(config, seed, root / Path(config).stem / f'seed{seed}')
        for seed in seeds for config in configs
    ]
    called: dict[Path, dict | None] = {cell.folder: None for cell in cells}
    failures = []
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(run, cell) for cell in cells]
        try:
            for number, (cell, future) in enumerate(
                    zip(cells, futures, strict=True), start=1):
                try:
                    called[cell.folder] = future.result()
                    state = 'done'
                except (ValueError, OSError) as error:
                    failures.append(str(error))
                    state = 'FAILED'
                say(f'[{number}/{len(cells)}] {cell.name}, seed {cell.seed}: '
                    f'{state}')
        except BaseException:
            for future in futures:
                future.cancel()
            pipelines.stop()
            raise
    table, page = (
        claim(root, name, option='work_dir')
        for name in ('matrix.json', 'matrix.md'))
    drop_other_data(called)
    done = [one for one in called.values() if one]
    kept, missing = kept_cells(root, called, configs, options or {})
    missing += [
        f'{cell.name}, seed {cell.seed} ({failure(cell.folder) or "failed"})'
        for cell in cells if called.get(cell.folder, cell) is None]
    if not seg_config:
        missing += drop_other_second_stages(done)
    old = _previous(table)
    cells = _in_order(
        [*done, *kept], [row['config'] for row in old['rows']],
        [Path(config).stem for config in configs])
    found = dict(collect(cells, paired_to or old['paired_to']),
                 missing=missing,
                 made_by=dict(hsc_mm=__version__, recipe=RECIPE,
                              options=_options(options or {}, cells)))
    write_json(table, found)
    atomic_write_bytes(page, f'{markdown(found)}\n'.encode())
    return found, failures


def _options(options: dict[str, list[str]],
             cells: list[dict]) -> dict[str, list[str]]:
    """Return the options of a call, and of the second stage in the table."""
    cell = next((one for one in cells if one['settings']['seg']
                 and 'seg_options' in one), None)
    if cell is None:
        return options
    found = {**options, 'seg': cell['seg_options']}
    if cell.get('threshold') and threshold_of(options) is None:
        found['pipeline'] = [*options.get('pipeline', []),
                             '--threshold', cell['threshold']]
    return found


def _in_order(cells: list[dict], known: list[str],
              called: list[str]) -> list[dict]:
    """Return cells by config, in the order of the table, and by seed."""
    names = [Path(cell['config']).stem for cell in cells]
    order = called if {*called} >= {*known} else [*known, *called]
    order = [*order, *sorted({*names} - {*order})]
    return sorted(cells, key=lambda cell: (
        order.index(Path(cell['config']).stem), cell['seed']))


def _previous(table: Path) -> dict:
    """Return the rows of the table that is there, and what pairs them."""
    with contextlib.suppress(ValueError, OSError):
        return read_json(table, {'rows': [dict(config=str)],
                                 'paired_to': (str, )})
    return dict(rows=[], paired_to=None)
