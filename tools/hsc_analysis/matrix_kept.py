"""Cells of earlier calls: which of them belong into one table."""
import argparse
import contextlib
from collections.abc import Mapping
from pathlib import Path

from hsc_mm.cli.common import DictAction
from hsc_mm.evaluation.selection import read_selection
from hsc_mm.inference.config_files import read_config
from hsc_mm.pipeline import config_hash
from hsc_mm.utils import digest, read_json
from hsc_mm.version import RECIPE

__all__ = [
    'FAILED', 'data_of', 'drop_other_second_stages', 'failure', 'kept_cells',
    'option_values', 'settings'
]

#: Why a cell failed when it was last tried.
FAILED = 'failed.json'
# Inputs of a step that follow the random seed.
_OF_SEED = ('config', 'checkpoint', 'pseudo_labels', 'threshold', 'chosen')
_KEPT = {'config': str, 'seed': int, 'rows': [dict],
         'settings?': dict(cam=str, seg=(str, ), data=dict),
         'images_per_second': (float, ), 'peak_mib': float}


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
    def one(path: str, stage: str, *more: object) -> str:
        cfg = read_config(path, option_values(options.get(stage) or []))
        return digest([
            *(config_hash(cfg, split) for split in ('train', 'test')),
            cfg.get('pseudo_label'), cfg.get('pipeline'), RECIPE, *more])

    words, labels = _by_stage(options.get('pipeline') or [])
    return dict(cam=one(config, 'cam', words),
                seg=one(seg_config, 'seg', *labels) if seg_config else None)


def _by_stage(words: list[str]) -> tuple[list[str], list[str]]:
    """Part options of a pipeline: of both stages, of the second alone.

    --select-list counts by the ids of its file, and --threshold is that of
    the pseudo labels.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument('--select-list')
    parser.add_argument('--threshold')
    named, others = parser.parse_known_args(words)
    if named.select_list is not None:
        others += ['selected', *sorted(read_selection(named.select_list))]
    return others, ['threshold', named.threshold] if named.threshold else []


def option_values(words: list[str]) -> dict:
    """Read ``a.b=value`` as the pipeline does; their order says nothing."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--options', nargs='*', action=DictAction)
    return parser.parse_args(['--options', *words]).options or {}


def data_of(folder: Path) -> dict[str, str]:
    """Hash the data and versions that each step of a cell is made from.

    Args:
        folder (Path): Of the cell.

    Returns:
        dict[str, str]: Name of the step -> hash; without steps that read no
        data themselves, such as the report.
    """
    found = {}
    for path in sorted(folder.glob('manifests/*.json')):
        inputs = read_json(path, dict(inputs=dict))['inputs']
        if 'data' in inputs:
            found[path.stem] = digest({
                key: value for key, value in inputs.items()
                if key not in _OF_SEED})
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
        tuple: The cells, and in words those that are left out: failed, not
        finished, of other settings than the call's or their config's, of
        other data than another cell of their config, or a copy of another
        cell.
    """
    kept, missing = [], []
    paths = {Path(path).stem: path for path in configs}
    done = [cell for cell in called.values() if cell]
    seg = next(filter(None, (one['settings']['seg'] for one in done)), None)
    data: dict[str, dict] = {}
    for one in done:
        data.setdefault(Path(one['config']).stem, {}).update(
            one['settings']['data'])
    for folder in sorted({*root.glob('*/seed[-0-9]*')} - {*called}):
        name = folder.parent.name
        found = _kept(folder / 'cell.json', paths.get(name), seg, options)
        own = found['settings']['data'] if isinstance(found, dict) else {}
        known = data.setdefault(name, {})
        if any(known.get(step, one) != one for step, one in own.items()):
            found = 'other data or versions'
        if isinstance(found, dict):
            known.update(own)
            seg = seg or found['settings']['seg']
            kept.append(found)
        else:
            missing.append(
                f'{name}, seed {folder.name.removeprefix("seed")} ({found})')
    return kept, missing


def drop_other_second_stages(cells: list[dict]) -> list[str]:
    """Leave the second stage of the first cell that has one; name the others.

    Args:
        cells (list[dict]): Those of a call that names no second stage, so
            that they have those of earlier calls; changed.
    """
    seg = next(filter(None, (one['settings']['seg'] for one in cells)), None)
    dropped = []
    for cell in cells:
        if cell['settings']['seg'] not in (None, seg):
            cell['rows'] = [row for row in cell['rows']
                            if row['what'] in cell['first_stage']]
            dropped.append(f'second stage of {Path(cell["config"]).stem}, '
                           f'seed {cell["seed"]} (other settings)')
    return dropped


def failure(folder: Path) -> str:
    """Say why a cell failed when it was last tried; '' where it did not."""
    with contextlib.suppress(ValueError, OSError):
        why = read_json(folder / FAILED, {'error': str})['error'].rstrip('.')
        return f'failed: {why or "without a message"}'
    return ''


def _kept(record: Path, config: str | None, seg: str | None,
          options: Mapping[str, list[str]]) -> dict | str:
    """Return a cell, or why it is left out; see :func:`kept_cells`."""
    failed = failure(record.parent)
    if failed:
        return failed
    if not record.is_file():
        return 'not finished'
    try:
        cell = read_json(record, _KEPT)
        cam = settings(config or cell['config'], None, options)['cam']
    except (ValueError, OSError):
        return 'cell.json or its config cannot be read'
    if (record.parent.name, record.parent.parent.name) != (
            f'seed{cell["seed"]}', Path(cell['config']).stem):
        return 'a copy of another cell'
    if 'settings' not in cell:
        return 'of an earlier version'
    own = cell['settings']
    return cell if own['cam'] == cam and (
        None in (seg, own['seg']) or own['seg'] == seg) else 'other settings'
