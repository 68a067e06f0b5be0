"""Reader of ``matrix.json``, which refuses one that is not what it was."""
import math
import statistics
from pathlib import Path

from hsc_mm.utils import read_json
from .matrix_means import column_of, compare, mean_of, score_column

__all__ = ['matrix_columns', 'read_matrix']

_GAP = dict(mean=(float, ), interval=([float], ), seeds=[int])
_RUN = dict(miou=float, threshold=(float, ), images=(int, ),
            classes={str: (float, )})
_COLUMN = {
    'mean': (float, ), 'std': (float, ), 'values': [(float, )],
    'threshold?': (float, ), 'classes?': {str: (float, )},
    'images?': (int, ), 'low?': (float, ), 'runs?': [(_RUN, )],
    'difference?': _GAP
}
_FORM = {
    'rows': [{'config': str, 'seeds': [int], 'columns': {str: _COLUMN},
              'crop?': ([int], ), 'sizes': {str: (float, )},
              'size_runs?': [{str: (float, )}]}],
    'paired_to': (str, ), 'missing?': [str],
    'made_by?': dict(options={str: [str]})
}
#: A mean IoU is that of its classes but for two roundings, in percent.
_ROUNDING = 0.011


def read_matrix(path: str | Path) -> dict:
    """Read what ``run_matrix`` wrote.

    Args:
        path (str | Path): Its ``matrix.json``.

    Returns:
        dict: See :func:`hsc_analysis.matrix_means.collect`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is another file, or a mean, spread or difference is
            not that of its values. What earlier versions wrote has no runs:
            of it, thresholds and sizes are taken as they are.
    """
    found = read_json(path, _FORM)
    names = [row['config'] for row in found['rows']]
    lists = [('configs', names)] + [
        (f'seeds of {row["config"]}', row['seeds']) for row in found['rows']]
    wrong = [what for what, all_ in lists if len(set(all_)) < len(all_)]
    again = [dict(row, columns={
        name: _again(column) for name, column in row['columns'].items()
    }, sizes=mean_of(row['size_runs']) if 'size_runs' in row else row['sizes'])
        for row in found['rows']]
    for row in found['rows']:
        wrong += [f'{name} of {row["config"]}'
                  for name, column in row['columns'].items()
                  if {len(column[key]) for key in ('values', 'runs')
                      if key in column} != {len(row['seeds'])}
                  or _wrong_classes(column)]
    if not wrong:
        compare(again, found['paired_to'])
        wrong = [
            f'{name} of {row["config"]}'
            for row, other in zip(found['rows'], again, strict=True)
            for name, one, two in (
                *((name, _known(column), _known(other['columns'][name]))
                  for name, column in row['columns'].items()),
                ('sizes', row['sizes'], other['sizes']))
            if not _same(one, two)]
    if wrong:
        raise ValueError(f'{path}: {wrong[0]}: expected what run_matrix makes '
                         'of its runs, found others. Run the matrix again; '
                         'what is done is not done again.')
    return found


def _again(column: dict) -> dict:
    """Make a column again of its runs, or of its values where it has none."""
    known = {key: column[key] for key in (
        'split', 'classes', 'threshold', 'images', 'low') if key in column}
    return known | (score_column(column['runs']) if 'runs' in column else
                    column_of(column['values']))


def _wrong_classes(column: dict) -> bool:
    """Say whether a mean IoU is not that of its classes."""
    means = [(run['miou'], run['classes'])
             for run in column.get('runs', ()) if run]
    if 'runs' not in column:
        means = [(column['mean'], column.get('classes', {}))]
    for mean, classes in means:
        there = [value for value in classes.values() if value is not None]
        if there and abs(statistics.mean(there) - mean) > _ROUNDING:
            return True
    return False


def _known(column: dict) -> dict:
    """Return a column whose difference is said, if there is none."""
    return {'difference': dict(mean=None, interval=None, seeds=[])} | column


def _same(one: object, other: object) -> bool:
    """Say whether JSON values are equal, numbers but for rounding."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            _same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)
    return one == other


def matrix_columns(table: dict) -> dict[str, dict[str, dict]]:
    """Return config -> column -> mean, std and values of ``matrix.json``."""
    return {row['config']: row['columns'] for row in table['rows']}
