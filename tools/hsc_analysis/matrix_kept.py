"""Cells of earlier calls: which of them belong into one table."""
import contextlib
from collections.abc import Mapping
from pathlib import Path

from hsc_mm.utils import read_json
from .matrix_hashes import data_changed, settings

__all__ = [
    'FAILED', 'drop_other_data', 'drop_other_second_stages', 'failure',
    'kept_cells'
]

#: Why a cell failed when it was last tried.
FAILED = 'failed.json'
_OTHER_DATA = 'other data or versions'
_KEPT = {'config': str, 'seed': int, 'rows': [dict], 'background?': [dict],
         'settings?': dict(cam=str, seg=(str, ), data=dict),
         'images_per_second': (float, ), 'peak_mib': float}


def kept_cells(root: Path, called: Mapping[Path, dict | None],
               configs: list[str], options: Mapping[str, list[str]]
               ) -> tuple[list[dict], list[str]]:
    """Read the cells of a work dir that a call did not name.

    Args:
        root (Path): The work dir.
        called (mapping[Path, dict | None]): Folder -> cell, of those that
            the call named, after :func:`drop_other_data`; None: it failed.
        configs (list[str]): Of the call.
        options (mapping[str, list[str]]): Of the call.

    Returns:
        tuple: The cells, and in words those that are left out: failed, not
        finished, of other settings than the call's or their config's, of
        other data than another cell of their config, or than that config has
        now, or a copy of another cell.
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
        if _differs(known, own) or (
                isinstance(found, dict) and not known
                and data_changed(folder, found['config'], options)):
            found = _OTHER_DATA
        if isinstance(found, dict):
            known.update(own)
            seg = seg or found['settings']['seg']
            kept.append(found)
        else:
            missing.append(
                f'{name}, seed {folder.name.removeprefix("seed")} ({found})')
    return kept, missing


def drop_other_data(called: dict[Path, dict | None]) -> None:
    """Take out cells of other data than the last one of their config.

    Data may change while a matrix runs. :func:`kept_cells` names these cells,
    and the next call runs them again.

    Args:
        called (dict[Path, dict | None]): Folder -> cell; changed.
    """
    now: dict[str, dict] = {}
    for folder, cell in reversed([*called.items()]):
        if cell is None:
            continue
        name = Path(cell['config']).stem
        known, own = now.setdefault(name, {}), cell['settings']['data']
        if _differs(known, own):
            del called[folder]
        else:
            known.update(own)


def _differs(known: Mapping[str, str], own: Mapping[str, str]) -> bool:
    """Say whether a step has another hash of its data than is known."""
    return any(known.get(step, one) != one for step, one in own.items())


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
            cell['settings'] = dict(cell['settings'], seg=None)
            cell['seconds'] = {step: time for step, time in cell.get(
                'seconds', {}).items() if step in cell['first_steps']}
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
