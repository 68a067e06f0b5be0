"""Reader of ``matrix.json``, which refuses one that is not what it was."""
import math
from pathlib import Path

from hsc_mm.utils import read_json
from .matrix_tables import column_of, compare

__all__ = ['matrix_columns', 'read_matrix']

_GAP = dict(mean=(float, ), interval=([float], ), seeds=[int])
_COLUMN = {
    'mean': (float, ), 'std': (float, ), 'values': [(float, )],
    'threshold?': (float, ), 'classes?': {str: (float, )}, 'difference?': _GAP
}
_FORM = {
    'rows': [dict(config=str, seeds=[int], columns={str: _COLUMN},
                  sizes={str: (float, )})],
    'paired_to': (str, )
}


def read_matrix(path: str | Path) -> dict:
    """Read what ``run_matrix`` wrote.

    Args:
        path (str | Path): Its ``matrix.json``.

    Returns:
        dict: See :func:`hsc_analysis.matrix_tables.collect`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is another file, or a mean, spread or difference is
            not that of its values.
    """
    found = read_json(path, _FORM)
    names = [row['config'] for row in found['rows']]
    lists = [('configs', names)] + [
        (f'seeds of {row["config"]}', row['seeds']) for row in found['rows']]
    wrong = [what for what, all_ in lists if len(set(all_)) < len(all_)]
    again = [dict(row, columns={
        name: column_of(column['values']) | {
            key: column[key] for key in ('split', 'classes') if key in column}
        for name, column in row['columns'].items()
    }) for row in found['rows']]
    for row in found['rows']:
        wrong += [f'{name} of {row["config"]}'
                  for name, column in row['columns'].items()
                  if len(column['values']) != len(row['seeds'])]
    if not wrong:
        compare(again, found['paired_to'])
        wrong = [
            f'{name} of {row["config"]}'
            for row, other in zip(found['rows'], again, strict=True)
            for name, column in row['columns'].items()
            if not _same(column, other['columns'][name])]
    if wrong:
        raise ValueError(f'{path}: {wrong[0]}: expected what run_matrix makes '
                         'of its runs, found others. Run the matrix again; '
                         'what is done is not done again.')
    return found


def _same(one: dict, other: dict) -> bool:
    """Say whether the numbers of two columns are equal, but for rounding."""
    def numbers(column: dict) -> list:
        gap = column.get('difference') or dict(mean=None, interval=None,
                                               seeds=[])
        return [column['mean'], column['std'], gap['mean'],
                *(gap['interval'] or ()), *gap['seeds']]

    found, expected = numbers(one), numbers(other)
    return len(found) == len(expected) and all(
        a is b or (None not in (a, b) and math.isclose(
            a, b, rel_tol=1e-6, abs_tol=1e-6))
        for a, b in zip(found, expected, strict=True))


def matrix_columns(table: dict) -> dict[str, dict[str, dict]]:
    """Return config -> column -> mean, std and values of ``matrix.json``."""
    return {row['config']: row['columns'] for row in table['rows']}
