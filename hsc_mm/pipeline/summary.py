"""Summary of a finished pipeline: one table for console and report."""
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hsc_mm.datasets.class_names import name_key
from hsc_mm.evaluation.report import told_facts
from .step import BACKGROUND, ScoreRow

__all__ = [
    'FALSE_PIXELS', 'PipelineResults', 'background_rows', 'class_table',
    'format_score', 'how_chosen', 'no_better', 'told_apart'
]

#: Classes that fit into a line of the table.
_WIDE = 8


def class_table(
        rows: list[ScoreRow]) -> tuple[list[str], list[list[float | None]]]:
    """Bring the scores of several steps to the same classes.

    Spellings of one name are one class, written as the first row has it.

    Args:
        rows (list[ScoreRow]): R scores.

    Returns:
        tuple: C class names, and R columns of C percentages or None.
    """
    classes: dict[str, str] = {}
    for name in (name for row in rows for name in row.classes):
        classes.setdefault(name_key(name), name)
    tables = [dict(zip(map(name_key, row.classes), row.iou, strict=True))
              for row in rows]
    return list(classes.values()), [
        [table.get(key) for key in classes] for table in tables]


def told_apart(rows: list[ScoreRow]) -> list[ScoreRow]:
    """Return rows whose split says its size, where two share a name."""
    sizes = {name: {row.images for row in rows if row.split == name}
             for name in {row.split for row in rows}}
    return [
        row._replace(split=f'{row.split} ({row.images} images)')
        if row.images and len(sizes[row.split]) > 1 else row for row in rows]


def background_rows(rows: list[ScoreRow],
                    results: Iterable[dict]) -> list[ScoreRow]:
    """Return the score to beat of the lists of images whose rows lack it.

    Args:
        rows (list[ScoreRow]): Scores of the steps.
        results (iterable[dict]): Results of the same steps.
    """
    known = {row.list_scored for row in rows if row.what == BACKGROUND}
    found: dict[tuple[str, int | None], ScoreRow] = {}
    for result in results:
        low, facts = result.get('background_only'), result.get('facts', result)
        if not low or 'split' not in facts:
            continue
        row, = ScoreRow.of(BACKGROUND, dict(
            low, split=facts['split'], images=facts.get('images'),
            classes=result['classes']))
        if row.list_scored not in known:  # seeds have a row
            found.setdefault(row.list_scored, row)
    return list(found.values())


#: A score above that of background everywhere by less, in points, is as bad.
_MARGIN = 0.5


def no_better(rows: list[ScoreRow]) -> list[str]:
    """Return a warning for each score that an empty mask nearly reaches.

    Args:
        rows (list[ScoreRow]): With those of background everywhere.
    """
    low = {row.list_scored: row.miou for row in rows
           if row.what == BACKGROUND}
    return [
        f'{row.title}: a mean IoU of {row.miou:.1f} on {named.split} is '
        f'{"no" if row.miou <= low[row.list_scored] else "hardly"} better '
        'than that of background everywhere, '
        f'{low[row.list_scored]:.1f}. Its masks are unusable.'
        for row, named in zip(rows, told_apart(rows), strict=True)
        if row.what != BACKGROUND and row.list_scored in low
        and row.miou < low[row.list_scored] + _MARGIN
    ]


def how_chosen(result: dict) -> str:
    """Return the threshold that made pseudo labels, or an empty string.

    Args:
        result (dict): Of a step.
    """
    if 'chosen' not in result:
        return ''
    return (f'background threshold of the pseudo labels: '
            f'{result["threshold"]} ({result["chosen"]})')


#: Title of :attr:`ScoreRow.false_pixels`.
FALSE_PIXELS = 'false pixels'


def format_score(value: float | None) -> str:
    """Write a percentage with one digit, None as a dash."""
    return '-' if value is None else f'{value:.1f}'


@dataclass
class PipelineResults:
    """What the steps of a pipeline found out.

    Attributes:
        results (dict[str, dict]): Step -> its result.
        seconds (dict[str, float]): Step -> duration.
        rows (list[ScoreRow]): Scores, empty where there were no masks.
        report (Path | None): The HTML file.
        warnings (list[str]): What a reader of the scores must know.
        background (list[ScoreRow]): Scores of background everywhere on
            lists of images that have none in ``rows``.
    """
    results: dict[str, dict]
    seconds: dict[str, float]
    rows: list[ScoreRow]
    report: Path | None = None
    warnings: list[str] = field(default_factory=list)
    background: list[ScoreRow] = field(default_factory=list)

    def as_dict(self) -> dict:
        """Return all but the report as JSON values."""
        return dict(results=self.results, seconds=self.seconds,
                    rows=[row._asdict() for row in self.rows],
                    background=[row._asdict() for row in self.background],
                    warnings=self.warnings)

    def table(self) -> str:
        """Write scores and times as text of several lines.

        Of more than eight classes the report alone has the IoU of each.
        """
        text = StringIO()
        console = Console(file=text, width=110)
        if self.rows:
            rows = told_apart([*self.rows, *self.background])
            classes, columns = class_table(rows)
            shown = len(classes) if len(classes) <= _WIDE else 0
            rates = [row.false_pixels for row in rows]
            false = any(rate is not None for rate in rates)
            table = Table('IoU, %', 'split', 'mean',
                          *[FALSE_PIXELS] * false,
                          *map(escape, classes[:shown]))
            for row, scores in zip(rows, columns, strict=True):
                table.add_row(
                    escape(row.title), escape(row.split),
                    f'[bold]{format_score(row.miou)}[/]',
                    *[format_score(row.false_pixels)] * false,
                    *map(format_score, scores[:shown]))
            console.print(table)
            for name, result in self.results.items():
                told = told_facts(result.get('facts') or {})
                if told:
                    console.print(f'{name}: {told}', highlight=False,
                                  markup=False)
        else:
            console.print('No masks: nothing was scored.')
            for line in filter(None, map(how_chosen, self.results.values())):
                console.print(line, highlight=False)
        times = ', '.join(f'{name} {time:.0f} s'
                          for name, time in self.seconds.items())
        console.print(
            f'time: {times}; together {sum(self.seconds.values()):.0f} s',
            highlight=False)
        return text.getvalue()
