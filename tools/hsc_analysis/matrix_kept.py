"""Cells of earlier calls: which of them belong into one table."""
from collections.abc import Mapping
from pathlib import Path

from hsc_mm.inference.config_files import read_config
from hsc_mm.pipeline import config_hash
from hsc_mm.utils import digest, read_json
from hsc_mm.version import RECIPE

__all__ = ['data_of', 'kept_cells', 'settings']

_KEPT = {'config': str, 'seed': int, 'rows': [dict],
         'settings?': dict(cam=str, seg=(str, ), data=str),
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
    def one(path: str, *more: object) -> str:
        cfg = read_config(path)
        return digest([
            *(config_hash(cfg, split) for split in ('train', 'test')),
            cfg.get('pseudo_label'), cfg.get('pipeline'), RECIPE, *more])

    words = {key: options.get(key) or [] for key in ('cam', 'seg', 'pipeline')}
    return dict(cam=one(config, words['cam'], words['pipeline']),
                seg=one(seg_config, words['seg']) if seg_config else None)


def data_of(folder: Path) -> str:
    """Hash the data, weights and versions that CAM and seeds are made from."""
    paths = (folder / 'manifests' / f'{step}.json'
             for step in ('cam', 'seeds'))
    return digest([
        {key: value for key, value in read_json(
            path, dict(inputs=dict))['inputs'].items()
         if key not in ('config', 'checkpoint')}
        for path in paths if path.is_file()])


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
        of other settings than the call's or their config's, or of other data
        than another cell of their config.
    """
    kept, missing = [], []
    paths = {Path(path).stem: path for path in configs}
    done = [cell for cell in called.values() if cell]
    seg = next(filter(None, (one['settings']['seg'] for one in done)), None)
    data = {Path(one['config']).stem: one['settings']['data'] for one in done}
    for folder in sorted({*root.glob('*/seed[-0-9]*')} - {*called}):
        name = folder.parent.name
        found = _kept(folder / 'cell.json', paths.get(name), seg, options)
        if isinstance(found, dict) and found['settings']['data'] != (
                data.setdefault(name, found['settings']['data'])):
            found = 'other data or versions'
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
    own = cell.get('settings', dict(cam=None, seg=None))
    return cell if own['cam'] == cam and (
        None in (seg, own['seg']) or own['seg'] == seg) else 'other settings'
