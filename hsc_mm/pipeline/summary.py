"""The table at the end of a pipeline."""
from io import StringIO

from rich.console import Console
from rich.table import Table

__all__ = ['console_table', 'score_rows']


def score_rows(results: dict[str, dict]) -> tuple[list[str], list[tuple]]:
    """Collect the scores of the steps.

    Args:
        results (dict[str, dict]): Results of the steps ``seeds``, ``pseudo``
            and ``eval``; empty where there were no masks.

    Returns:
        tuple: Class names, and rows (what, split, mIoU, IoU of each class),
        percentages or None.
    """
    seeds, pseudo, final = (
        results.get(k) or {} for k in ('seeds', 'pseudo', 'eval'))
    rows, classes = [], []
    if seeds:
        facts, best = seeds['facts'], seeds['best']
        classes = seeds['classes']
        rows.append((f'seeds (threshold {best["threshold"]}, the best)',
                     facts['split'], best['mIoU'], best['iou']))
    if 'mIoU' in pseudo:
        classes = pseudo['classes']
        rows.append((f'pseudo labels (threshold {pseudo["threshold"]})',
                     pseudo['split'], pseudo['mIoU'], pseudo['iou']))
    if 'mIoU' in final:
        classes = classes or final['classes']
        rows.append(
            ('segmentation', final['split'], final['mIoU'], final['iou']))
    return classes, rows


def console_table(results: dict[str, dict], seconds: dict[str, float]) -> str:
    """Write scores and times as text.

    Args:
        results (dict[str, dict]): See :func:`score_rows`.
        seconds (dict[str, float]): Step -> duration.

    Returns:
        str: Several lines.
    """
    classes, rows = score_rows(results)
    text = StringIO()
    console = Console(file=text, width=100)
    if rows:
        table = Table('IoU, %', *[row[0] for row in rows])
        table.add_row('split', *[row[1] for row in rows])
        table.add_section()
        for index, name in enumerate(classes):
            table.add_row(name, *[_cell(row[3][index]) for row in rows])
        table.add_section()
        table.add_row('mean', *[_cell(row[2]) for row in rows], style='bold')
        console.print(table)
    else:
        console.print('No masks: nothing was scored.')
    times = ', '.join(f'{name} {sec:.0f} s' for name, sec in seconds.items())
    console.print(f'time: {times}; together {sum(seconds.values()):.0f} s',
                  highlight=False)
    return text.getvalue()


def _cell(value: float | None) -> str:
    return '-' if value is None else f'{value:.1f}'
