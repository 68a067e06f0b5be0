"""Tables of a matrix: means, paired differences, classes, sizes, cost."""
import html
import statistics
from collections.abc import Iterable
from pathlib import Path

from scipy.stats import t as student

__all__ = ['collect', 'column_of', 'compare', 'markdown', 'paired', 'spread']

_COST = ('minutes', 'images/s', 'peak MiB')
_BACKGROUND = 'background everywhere'


def collect(cells: Iterable[dict], paired_to: str | None = None) -> dict:
    """Average the cells of each config.

    Args:
        cells (iterable[dict]): See
            :func:`hsc_analysis.matrix.run_cell`.
        paired_to (str, optional): Name of the config that the others are
            compared with.

    Returns:
        dict: JSON values. ``rows``: for each config its name, the seeds and
        ``columns``: each with ``mean``, ``std`` (sample standard deviation,
        None for one seed), ``values`` by seed, and of scores ``threshold``,
        ``classes`` (mean IoU of each class) and ``difference``
        (:func:`paired`). ``sizes``: mIoU of small, medium and large pictures
        at the best threshold. ``paired_to``; ``apart``: configs that are not
        compared, as their scores are of another split or other classes; and
        ``splits``: column -> splits.

    Raises:
        ValueError: Scores of one config are of several splits or classes.
    """
    groups: dict[str, list[dict]] = {}
    for cell in cells:
        groups.setdefault(cell['config'], []).append(cell)
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
        list[str]: Configs with a score of another split or other classes.
    """
    base = next((row for row in rows if row['config'] == paired_to), None)
    apart: dict[str, None] = {}
    for row in rows if base else ():
        for name, column in row['columns'].items():
            other = base['columns'].get(name)
            if row is base or not other or name in _COST:
                continue
            if _differ(column, other):
                apart[row['config']] = None
            else:
                column['difference'] = paired(
                    dict(zip(row['seeds'], column['values'], strict=True)),
                    dict(zip(base['seeds'], other['values'], strict=True)))
    return list(apart)


def _differ(column: dict, other: dict) -> bool:
    """Say whether scores are of another split or other classes."""
    return any(list(column[key]) != list(other[key])
               for key in ('split', 'classes')
               if key in column and key in other)


def _row(config: str, group: list[dict]) -> dict:
    scores = [{one['what']: one for one in cell['rows']} for cell in group]
    columns: dict[str, dict] = {}
    for what in dict.fromkeys(name for cell in scores for name in cell):
        found = [cell.get(what) for cell in scores]
        kinds = {(one['split'], tuple(one['classes']))
                 for one in found if one}
        if len(kinds) > 1:
            raise ValueError(
                f'{config}: expected the column "{what}" to be of one split '
                f'and its classes, found {sorted(kinds)}. Run the others in '
                'another work dir.')
        columns[what] = column_of([one and one['miou'] for one in found])
        columns[what]['threshold'] = _mean(
            [one and one['threshold'] for one in found])
        columns[what]['split'], names = next(iter(kinds))
        columns[what]['classes'] = {
            name: _mean([
                dict(zip(one['classes'], one['iou'], strict=True)).get(name)
                for one in found if one
            ]) for name in names
        }
    times = [sum(cell.get('seconds', {}).values()) / 60 or None
             for cell in group]
    costs = (times, *([cell[key] for cell in group]
                      for key in ('images_per_second', 'peak_mib')))
    columns.update(
        (name, column_of(values)) for name, values in zip(
            _COST, costs, strict=True) if any(v is not None for v in values))
    by_size = [cell.get('results', {}).get('seeds', {}).get('best', {}).get(
        'mIoU_of_size', {}) for cell in group]
    return dict(
        config=Path(config).stem,
        seeds=[cell['seed'] for cell in group],
        columns=columns,
        sizes={name: _mean([one.get(name) for one in by_size])
               for name in dict.fromkeys(n for one in by_size for n in one)})


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


def markdown(found: dict) -> str:
    """Write what :func:`collect` makes as tables.

    The last score, the second stage where there is one, is that of the table
    of classes.
    """
    rows = found['rows']
    names = list(dict.fromkeys(n for row in rows for n in row['columns']))
    scores = [n for n in names if n not in _COST]
    columns = scores + [n for n in _COST if n in names]
    parts = [_table(
        ['config', 'seeds', *columns],
        [[row['config'], ' '.join(map(str, row['seeds'])),
          *(_text(row['columns'].get(c)) for c in columns)] for row in rows])]
    compared = [c for c in scores if c != _BACKGROUND]
    if found['paired_to'] and len(rows) > 1:
        parts.append(
            f'Difference to {found["paired_to"]} over equal seeds, mean and '
            '95 % interval (Student\'s t):\n\n' + _table(
                ['config', *compared],
                [[row['config'], *(_gap(row['columns'].get(c))
                                   for c in compared)]
                 for row in rows if row['config'] != found['paired_to']]))
        if found.get('apart'):
            parts.append('Not compared, as split or classes differ: '
                         f'{", ".join(found["apart"])}.')
    if compared:
        shown = [row for row in rows if compared[-1] in row['columns']]
        classes = list(dict.fromkeys(
            c for row in shown
            for c in row['columns'][compared[-1]].get('classes', ())))
        parts.append(f'IoU by class, {compared[-1]}:\n\n' + _table(
            ['config', *classes],
            [[row['config'], *(
                _number(row['columns'][compared[-1]].get('classes', {}).get(c))
                for c in classes)] for row in shown]))
    sizes = list(dict.fromkeys(s for row in rows for s in row['sizes']))
    if sizes:
        parts.append(
            'Seeds at their best threshold on pictures of which less than '
            '5 %, less than 20 %, and more show a class:\n\n' + _table(
                ['config', *sizes],
                [[row['config'], *(_number(row['sizes'].get(s))
                                   for s in sizes)] for row in rows]))
    return '\n\n'.join(parts)


def _table(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ['---'] * len(head), *body]
    return '\n'.join(f'| {" | ".join(map(_cell, line))} |' for line in lines)


def _cell(text: str) -> str:
    """Return a text, the name of a class maybe, as Markdown shows it."""
    text = html.escape(' '.join(text.split()), quote=False)
    return text.replace('\\', '\\\\').replace('|', '\\|')


def _number(value: float | None, sign: str = '') -> str:
    return '-' if value is None else f'{value:{sign}.1f}'


def spread(entry: dict | None) -> str:
    """Write ``mean`` and ``std`` of a column, or a dash."""
    if entry is None:
        return '-'
    text = _number(entry['mean'])
    return text if entry['std'] is None else f'{text} ± {entry["std"]:.1f}'


def _text(entry: dict | None) -> str:
    text = spread(entry)
    if entry is None:
        return text
    if entry.get('threshold') is not None:
        text += f' at {entry["threshold"]:.2f}'
    return text


def _gap(entry: dict | None) -> str:
    gap = (entry or {}).get('difference') or dict(mean=None, interval=None)
    if gap['interval'] is None:
        return _number(gap['mean'], '+')
    low, high = (_number(one, '+') for one in gap['interval'])
    return f'{_number(gap["mean"], "+")} [{low}, {high}]'
