"""Numbers of a matrix: means, paired differences, classes, sizes, cost."""
import statistics
from collections.abc import Iterable
from pathlib import Path

from scipy.stats import t as student

from hsc_mm.evaluation.report import told_facts
from hsc_mm.pipeline.step import BACKGROUND

__all__ = [
    'COST', 'collect', 'column_of', 'compare', 'mean_of', 'paired',
    'score_column'
]

#: Columns that are no scores.
COST = ('minutes', 'images/s', 'peak MiB')


def collect(cells: Iterable[dict], paired_to: str | None = None) -> dict:
    """Average the cells of each config.

    Args:
        cells (iterable[dict]): See
            :func:`hsc_analysis.matrix_cells.run_cell`.
        paired_to (str, optional): Name of the config that the others are
            compared with.

    Returns:
        dict: JSON values. ``rows``: for each config its name, the seeds, the
        size of its training ``crop``, what its seeds were made with
        (``told``) and ``columns``: each with ``mean``,
        ``std`` (sample standard deviation, None for one seed), ``values`` by
        seed, and of scores what :func:`score_column` has, ``split``, ``low``
        (mIoU of background everywhere on the same pictures, None where it
        is not known) and ``difference`` (:func:`paired`).
        ``sizes``: mIoU of small, medium and large pictures at the best
        threshold, the mean of ``size_runs``. ``paired_to``; ``apart``:
        configs that are not compared, as their scores are of another split,
        other classes, another number of pictures or other masks (background
        everywhere has another score); and ``splits``: column -> splits.

    Raises:
        ValueError: Scores of one config are of several splits, classes or
            numbers of pictures.
    """
    groups: dict[str, list[dict]] = {}
    for cell in cells:
        groups.setdefault(Path(cell['config']).stem, []).append(cell)
    rows = [_row(config, group) for config, group in groups.items()]
    splits: dict[str, list[str]] = {}
    for row in rows:
        for name, column in row['columns'].items():
            if 'split' in column:
                splits.setdefault(name, []).append(column['split'])
    return dict(
        rows=rows, paired_to=paired_to, apart=compare(rows, paired_to),
        splits={name: ', '.join(dict.fromkeys(found))
                for name, found in splits.items()})


def compare(rows: list[dict], paired_to: str | None) -> list[str]:
    """Put ``difference`` into the columns of rows, see :func:`collect`.

    Returns:
        list[str]: Configs with a score of another split, other classes,
        another number of pictures or other masks.
    """
    base = next((row for row in rows if row['config'] == paired_to), None)
    apart: dict[str, None] = {}
    for row in rows if base else ():
        for name, column in row['columns'].items():
            other = base['columns'].get(name)
            if row is base or not other or name in COST:
                continue
            if _differ(column, other):
                apart[row['config']] = None
            else:
                column['difference'] = paired(
                    dict(zip(row['seeds'], column['values'], strict=True)),
                    dict(zip(base['seeds'], other['values'], strict=True)))
    return list(apart)


def _differ(column: dict, other: dict) -> bool:
    """Say whether scores are of other splits, classes, pictures or masks."""
    return any(
        list(column[key]) != list(other[key]) for key in ('split', 'classes')
        if key in column and key in other) or any(
            len({column.get(key), other.get(key)} - {None}) > 1
            for key in ('images', 'low'))


def _row(config: str, group: list[dict]) -> dict:
    scores = [{one['what']: one for one in cell['rows']} for cell in group]
    low = {_list_scored(one): one['miou'] for cell in group
           for one in (*cell['rows'], *cell.get('background', ()))
           if one['what'] == BACKGROUND}
    columns: dict[str, dict] = {}
    for what in dict.fromkeys(name for cell in scores for name in cell):
        found = [cell.get(what) for cell in scores]
        kinds = {(one['split'], tuple(one['classes']), one.get('images'))
                 for one in found if one}
        if len(kinds) > 1:
            raise ValueError(
                f'{config}: expected the column "{what}" to be of one split '
                'with its classes and as many pictures in all cells, found '
                f'{sorted(kinds, key=str)}. Run the others in another work '
                'dir.')
        columns[what] = score_column([one and dict(
            miou=one['miou'], threshold=one['threshold'],
            images=one.get('images'),
            classes=dict(zip(one['classes'], one['iou'], strict=True)))
            for one in found])
        first = next(filter(None, found))
        columns[what].update(
            split=first['split'], low=low.get(_list_scored(first)))
    steps = sorted(set.intersection(
        *({*cell.get('seconds', {})} for cell in group)))
    times = [sum(cell['seconds'][step] for step in steps) / 60 or None
             for cell in group]
    costs = (times, *([cell[key] for cell in group]
                      for key in ('images_per_second', 'peak_mib')))
    columns.update(
        (name, column_of(values)) for name, values in zip(
            COST, costs, strict=True) if any(v is not None for v in values))
    seeds = [cell.get('results', {}).get('seeds', {}) for cell in group]
    by_size = [one.get('best', {}).get('mIoU_of_size', {}) for one in seeds]
    told = [told_facts(one.get('facts') or {}) for one in seeds]
    return dict(
        config=config,
        seeds=[cell['seed'] for cell in group],
        told=[*dict.fromkeys(filter(None, told))],
        crop=group[0].get('crop'),
        columns=columns,
        sizes=mean_of(by_size), size_runs=by_size)


def _list_scored(row: dict) -> tuple[str, int | None]:
    """Return :attr:`hsc_mm.pipeline.ScoreRow.list_scored` of JSON values."""
    return row['split'], row.get('images')


def score_column(runs: list[dict | None]) -> dict:
    """Return the column of a score.

    Args:
        runs (list[dict | None]): Of each cell ``miou`` and ``classes`` (name
            -> IoU or None) in percent, ``threshold`` and the number of
            ``images`` that were scored, each None where it is not known.
            None: the cell has no such score.

    Returns:
        dict: That of :func:`column_of`; ``threshold`` and ``classes``,
        means; ``images``; and the ``runs``.
    """
    there = [run for run in runs if run]
    return dict(
        column_of([run and run['miou'] for run in runs]),
        threshold=_mean([run['threshold'] for run in there]),
        classes=mean_of([run['classes'] for run in there]),
        images=next((run['images'] for run in there), None),
        runs=runs)


def mean_of(runs: list[dict[str, float | None]]) -> dict[str, float | None]:
    """Return the mean of each key, None where no run has a value."""
    return {name: _mean([run.get(name) for run in runs])
            for name in dict.fromkeys(name for run in runs for name in run)}


def column_of(values: list[float | None]) -> dict:
    """Return mean and spread; a cell without the value has None."""
    there = [value for value in values if value is not None]
    return dict(
        mean=_mean(values),
        std=statistics.stdev(there) if len(there) > 1 else None,
        values=values)


def _mean(values: list[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return statistics.mean(there) if there else None


def paired(values: dict[int, float | None],
           base: dict[int, float | None]) -> dict:
    """Compare two configs over the seeds that both have.

    Args:
        values (dict[int, float | None]): Seed -> score.
        base (dict[int, float | None]): The same of the baseline.

    Returns:
        dict: ``mean`` difference (None without a common seed), its 95 %
        ``interval`` by Student's t (None for a single seed), and the
        ``seeds``.
    """
    seeds = [seed for seed in values
             if None not in (values[seed], base.get(seed))]
    gaps = [values[seed] - base[seed] for seed in seeds]
    if not gaps:
        return dict(mean=None, interval=None, seeds=[])
    mean, interval = statistics.mean(gaps), None
    if len(gaps) > 1:
        half = float(student.ppf(0.975, len(gaps) - 1)) * (
            statistics.stdev(gaps) / len(gaps)**0.5)
        interval = [mean - half, mean + half]
    return dict(mean=mean, interval=interval, seeds=seeds)
