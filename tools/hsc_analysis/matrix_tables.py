"""Tables of a matrix, as Markdown."""
import html

from .matrix_means import COST

__all__ = ['differences', 'left_out', 'markdown', 'spread']

_BACKGROUND = 'background everywhere'


def markdown(found: dict) -> str:
    """Write what :func:`collect` makes as tables.

    The table of classes is that of the last score that all rows have with
    classes; where they share none, each row names its own last one. ``n`` is
    the number of seeds where a mean has not all of its row: of classes and
    sizes beside the name, where it holds for all means of the line.
    """
    rows = found['rows']
    names = list(dict.fromkeys(n for row in rows for n in row['columns']))
    scores = [n for n in names if n not in COST]
    columns = scores + [n for n in COST if n in names]
    parts = [_table(
        ['config', 'random seeds', *columns],
        [[row['config'], _seeds(row['seeds']),
          *(_text(row['columns'].get(c)) for c in columns)] for row in rows])]
    compared = [c for c in scores if c != _BACKGROUND]
    parts += [*_scored(found, compared), *left_out(found),
              *differences(found, compared),
              *_classes(rows, compared)]
    sizes = list(dict.fromkeys(s for row in rows for s in row['sizes']))
    if sizes:
        parts.append(
            'Seeds at their best threshold on pictures of which less than '
            '5 %, less than 20 %, and more show a class:\n\n' + _table(
                ['config', *sizes],
                [_means(row['config'], [], row['sizes'], sizes,
                        row.get('size_runs')) for row in rows]))
    return '\n\n'.join(parts)


def _scored(found: dict, scores: list[str]) -> list[str]:
    """Say which split each score is of, and what seeds were made with."""
    splits: dict[str, list[str]] = {}
    for name in scores:
        if name in (found.get('splits') or {}):
            splits.setdefault(found['splits'][name], []).append(name)
    told: dict[str, list[str]] = {}
    for row in found['rows']:
        for one in row.get('told') or ():
            told.setdefault(one, []).append(row['config'])
    lines = [f'on {split}: {"; ".join(names)}'
             for split, names in splits.items()]
    return [f'Scored {_cell(". Scored ".join(lines))}.'] * bool(lines) + [
        f'Seeds of {_cell(", ".join(names))}: {_cell(one)}.'
        for one, names in told.items()]


def left_out(found: dict) -> list[str]:
    """Return the sentence about cells that are missing, if there are some."""
    missing = found.get('missing')
    return [f'Not in the table: {_cell("; ".join(missing))}.'] if (
        missing) else []


def differences(found: dict, scores: list[str]) -> list[str]:
    """Return the differences to ``paired_to``, or nothing without one.

    Args:
        found (dict): See :func:`markdown`.
        scores (list[str]): Names of the columns.
    """
    rows, name = found['rows'], found['paired_to']
    base = next((row for row in rows if row['config'] == name), None)
    if name and base is None:
        return [f'No difference to {name}: none of its cells is in the '
                'table.']
    if base is None or len(rows) < 2:
        return []
    parts = [f'Difference to {name} over equal random seeds, mean and 95 % '
             'interval (Student\'s t):\n\n' + _table(
                 ['config', 'random seeds', *scores],
                 [_gaps(row, scores) for row in rows if row is not base])]
    if found.get('apart'):
        parts.append('Not compared, as split, classes, pictures or masks '
                     f'differ: {", ".join(found["apart"])}.')
    return parts


def _classes(rows: list[dict], scores: list[str]) -> list[str]:
    """Return the table of classes, or nothing where there are none."""
    own = {row['config']: [c for c in scores if row['columns'].get(
        c, {}).get('classes')] for row in rows}
    own = {name: columns for name, columns in own.items() if columns}
    if not own:
        return []
    shared = [c for c in scores if all(c in one for one in own.values())][-1:]
    shown = {row['config']: row['columns'][(shared or own[row['config']])[-1]]
             for row in rows if row['config'] in own}
    names = list(dict.fromkeys(
        c for column in shown.values() for c in column['classes']))
    title = f'IoU by class, {shared[0]}' if shared else 'IoU by class'
    return [f'{title}:\n\n' + _table(
        ['config', *['score'] * (not shared), *names],
        [_means(name, own[name][-1:] * (not shared), column['classes'], names,
                _class_runs(column)) for name, column in shown.items()])]


def _class_runs(column: dict) -> list[dict]:
    """Return the classes of each run; earlier versions kept their mean."""
    if 'runs' in column:
        return [run['classes'] if run else {} for run in column['runs']]
    return [{} if value is None else column['classes']
            for value in column['values']]


def _means(name: str, more: list[str], means: dict, keys: list[str],
           runs: list[dict] | None) -> list[str]:
    """Return a line of means; it says which of them are of fewer runs."""
    runs = [means] if runs is None else runs
    count = {key: sum(run.get(key) is not None for run in runs)
             for key in keys}
    most = max(count.values())
    return [name + _n(most, len(runs)), *more, *(
        _number(means.get(key)) + (_n(count[key], most) if count[key] else '')
        for key in keys)]


def _table(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ['---'] * len(head), *body]
    return '\n'.join(f'| {" | ".join(map(_cell, line))} |' for line in lines)


def _cell(text: str) -> str:
    """Return a text, the name of a class maybe, as Markdown shows it."""
    text = html.escape(' '.join(text.split()), quote=False)
    return text.replace('\\', '\\\\').replace('|', '\\|')


def _number(value: float | None, sign: str = '') -> str:
    return '-' if value is None else f'{value:{sign}.1f}'


def _fewer(entry: dict) -> str:
    """Say how many seeds a mean is over, where that is not all."""
    values = entry.get('values', ())
    return _n(sum(value is not None for value in values), len(values))


def _n(there: int, seeds: int) -> str:
    return f' (n = {there})' if there < seeds else ''


def spread(entry: dict | None) -> str:
    """Write ``mean`` and ``std`` of a column, or a dash."""
    if entry is None:
        return '-'
    text = _number(entry['mean'])
    if entry['std'] is not None:
        text += f' ± {entry["std"]:.1f}'
    return text + _fewer(entry)


def _text(entry: dict | None) -> str:
    text = spread(entry)
    if entry is None:
        return text
    if entry.get('threshold') is not None:
        text += f' at {entry["threshold"]:.2f}'
        runs = [run for run in entry.get('runs', ()) if run]
        text += _n(sum(run['threshold'] is not None for run in runs),
                   len(runs))
    return text


def _gaps(row: dict, names: list[str]) -> list[str]:
    """Return a row of differences; a cell of fewer seeds names its own."""
    gaps = [row['columns'].get(name, {}).get('difference') for name in names]
    seeds = max((gap['seeds'] for gap in gaps if gap), key=len, default=[])
    return [row['config'], _seeds(seeds), *(_gap(gap, seeds) for gap in gaps)]


def _gap(gap: dict | None, seeds: list[int]) -> str:
    if not gap or gap['mean'] is None:
        return '-'
    text = _number(gap['mean'], '+')
    if gap['interval'] is not None:
        low, high = (_number(one, '+') for one in gap['interval'])
        text += f' [{low}, {high}]'
    others = f' (random seeds {_seeds(gap["seeds"])})'
    return text + others * (gap['seeds'] != seeds)


def _seeds(seeds: list[int]) -> str:
    return ' '.join(map(str, seeds))
