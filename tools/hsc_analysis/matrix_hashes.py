"""Hashes of what cells of a matrix are made by: settings, data, versions."""
import argparse
from collections.abc import Mapping
from pathlib import Path

from hsc_mm.cli.common import DictAction
from hsc_mm.evaluation.selection import read_selection
from hsc_mm.inference import load_config
from hsc_mm.inference.config_files import read_config
from hsc_mm.pipeline import config_hash, stage_inputs
from hsc_mm.utils import digest, read_json
from hsc_mm.version import RECIPE

__all__ = [
    'data_changed', 'data_of', 'option_values', 'settings',
    'steps_without_data', 'threshold_of'
]

# Inputs of a step that follow the random seed, or how their names begin.
_OF_SEED = ('config', 'checkpoint', 'pseudo_labels', 'threshold', 'chosen')


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
    the pseudo labels. Masks used to select it before the refiners.
    """
    named, others = _parsed(words)
    selects = named.select_list is not None or any(
        word.split('=')[0] == '--select' for word in words)
    if named.select_list is not None:
        others += ['selected', *sorted(read_selection(named.select_list))]
    if selects and named.threshold in (None, 'selected'):
        return others, ['threshold', 'selected after the refiners']
    return others, ['threshold', named.threshold] if named.threshold else []


def threshold_of(options: Mapping[str, list[str]]) -> str | None:
    """Return ``--threshold`` of the options of a call, if it has one."""
    return _parsed(options.get('pipeline') or [])[0].threshold


def _parsed(words: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Read the options of a pipeline that are not hashed as they stand."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument('--select-list')
    parser.add_argument('--threshold')
    return parser.parse_known_args(words)


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
    return {name: digest({key: value for key, value in inputs.items()
                          if not key.startswith(_OF_SEED)})
            for name, inputs in _inputs(folder).items() if 'data' in inputs}


def steps_without_data(folder: Path) -> set[str]:
    """Name the steps of a cell that read no data, and may run again."""
    return {name for name, inputs in _inputs(folder).items()
            if 'data' not in inputs}


def _inputs(folder: Path) -> dict[str, dict]:
    """Return the inputs of each step of a cell."""
    return {path.stem: read_json(path, dict(inputs=dict))['inputs']
            for path in sorted(folder.glob('manifests/*.json'))}


def data_changed(folder: Path, config: str,
                 options: Mapping[str, list[str]]) -> bool:
    """Say whether data or versions are others now than those of a cell.

    Args:
        folder (Path): Of the cell.
        config (str): Its config of the CAM stage.
        options (mapping[str, list[str]]): See
            :func:`hsc_analysis.matrix_cells.run_cell`.
    """
    inputs = _inputs(folder)
    for step, split in (('cam', 'train'), ('seeds', 'test')):
        old = inputs.get(step)
        if old is None:
            continue
        try:
            new = stage_inputs(load_config(config, option_values(
                options.get('cam') or [])), split)
        except (ValueError, OSError):
            return True  # data that are gone are others
        if any(old.get(key) != new.get(key) for key in ('data', 'versions')):
            return True
    return False
