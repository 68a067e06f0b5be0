"""Table of break_even: its curve, and where segmentors stand on it."""
import math
import statistics
from collections.abc import Mapping
from pathlib import Path

from protocol import settings

from hsc_mm.cli import add_tools
from hsc_mm.inference import load_config
from hsc_mm.pipeline import stage_inputs
from hsc_mm.utils import read_json
from hsc_mm.utils.io import read_text

add_tools()

__all__ = ['break_even', 'read_rows', 'table']

#: Column of run_matrix that is compared.
SEGMENTOR = 'segmentation'


def break_even(curve: Mapping[int, float], score: float) -> float | None:
    """Return the number of masks at which a curve reaches a score.

    That is the smallest number from which on all larger ones that were tried
    reach the score, so that a lucky draw of few masks does not count. Between
    it and the number before, the score is taken as linear in the logarithm of
    the number.

    Args:
        curve (Mapping[int, float]): Number of masks -> mIoU.
        score (float): mIoU of the segmentor on image labels.

    Returns:
        float | None: 0.0: the smallest number reaches it too; None: the
        largest number does not.
    """
    points = sorted(curve.items())
    below = [place for place, one in enumerate(points) if one[1] < score]
    if not below:
        return 0.0
    if below[-1] == len(points) - 1:
        return None
    (few, low), (many, high) = points[below[-1]:below[-1] + 2]
    share = (score - low) / (high - low)
    return math.exp((1 - share) * math.log(few) + share * math.log(many))


def read_rows(work_dir: Path, leaf: Path, options: list[str]) -> list[dict]:
    """Read the table that is compared with.

    The crop of the CAM stage may be any: the segmentor does not depend on it.

    Args:
        work_dir (Path): That of ``benchmarks/protocol.py --segmentor``.
        leaf (Path): Config of the segmentor here.
        options (list[str]): Values that override it.

    Returns:
        list[dict]: ``rows`` of its ``matrix.json``.

    Raises:
        FileNotFoundError: It has none.
        ValueError: Its segmentor is of another data set, network or options,
            or was scored on other pictures or masks.
    """
    from hsc_analysis.matrix_files import read_matrix
    found = read_matrix(work_dir / 'matrix.json')
    other = work_dir / 'configs' / leaf.name
    if not other.is_file() or settings(read_text(other)) != settings(
            read_text(leaf)):
        raise ValueError(
            f'--matrix {work_dir}: expected a table of the same data set and '
            f'network, with the config {leaf.name} of this command in '
            'configs; found none, or another one. Name the work dir of that '
            'table.')
    theirs = found.get('made_by', {}).get('options', {}).get('seg', options)
    if theirs != options:
        raise ValueError(
            f'--matrix {work_dir}: expected its --seg-options to be --options '
            f'of this command, {options}, found {theirs}.')
    _check_scored(work_dir, leaf, options)
    return found['rows']


def _check_scored(work_dir: Path, leaf: Path, options: list[str]) -> None:
    """Refuse a table whose segmentors were scored on other data."""
    from hsc_analysis.matrix_hashes import option_values
    cells = sorted(work_dir.glob('*/seed*/manifests/eval.json'))
    if cells:
        cfg = load_config(leaf, option_values(options))
        now = stage_inputs(cfg, 'test')['data']
        for path in cells:
            inputs = read_json(path, dict(inputs=dict))['inputs']
            if inputs.get('data') != now or 'held_out' in inputs:
                raise ValueError(
                    f'--matrix {work_dir}: expected the test list, pictures '
                    f'and masks of this command, found others in {path}. '
                    'Name a table of the same data, without --select where '
                    'it takes pictures out of the test.')


def table(curve: Mapping[int, list[float]], rows: list[dict]) -> str:
    """Write the curve, and what image labels are worth.

    Args:
        curve (Mapping[int, list[float]]): Number of masks -> mIoU by seed.
        rows (list[dict]): ``rows`` of the ``matrix.json`` of
            ``benchmarks/protocol.py --segmentor``; may be empty.

    Returns:
        str: Markdown; mIoU in percent, mean and sample standard deviation.
    """
    from hsc_analysis.matrix_tables import spread
    lines = ['| trained on | mIoU | worth |', '|---|---|---|']
    means = {count: statistics.mean(values)
             for count, values in curve.items()}
    for count, values in sorted(curve.items()):
        std = statistics.stdev(values) if values[1:] else None
        text = spread(dict(mean=means[count], std=std))
        lines.append(f'| {count} masks | {text} | |')
    for row in rows:
        column = row['columns'].get(SEGMENTOR)
        if column is None:
            continue
        found = break_even(means, column['mean'])
        worth = f'{found:.0f} masks' if found else (
            f'fewer than {min(means)} masks' if found == 0.0
            else f'more than {max(means)} masks')
        lines.append(f'| image labels, {row["config"]} | {spread(column)} | '
                     f'{worth} |')
    return '\n'.join(lines)
