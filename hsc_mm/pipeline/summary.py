"""Summary of a finished pipeline: one table for console and report."""
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .step import ScoreRow

__all__ = ['PipelineResults', 'class_table', 'format_score']


def class_table(
        rows: list[ScoreRow]) -> tuple[list[str], list[list[float | None]]]:
    """Bring the scores of several steps to the same classes.

    Args:
        rows (list[ScoreRow]): R scores.

    Returns:
        tuple: C class names, and R columns of C percentages or None.
    """
    classes = list(dict.fromkeys(name for row in rows for name in row.classes))
    tables = [dict(zip(row.classes, row.iou, strict=True)) for row in rows]
    return classes, [[table.get(c) for c in classes] for table in tables]


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
    """
    results: dict[str, dict]
    seconds: dict[str, float]
    rows: list[ScoreRow]
    report: Path | None = None

    def as_dict(self) -> dict:
        """Return ``results``, ``seconds`` and ``rows`` as JSON values."""
        return dict(results=self.results, seconds=self.seconds,
                    rows=[row._asdict() for row in self.rows])

    def table(self) -> str:
        """Write scores and times as text of several lines."""
        text = StringIO()
        console = Console(file=text, width=100)
        if self.rows:
            rows = self.rows
            table = Table('IoU, %', *[row.title for row in rows])
            table.add_row('split', *[row.split for row in rows])
            table.add_section()
            classes, columns = class_table(rows)
            for name, *scores in zip(classes, *columns, strict=True):
                table.add_row(name, *map(format_score, scores))
            table.add_section()
            table.add_row('mean', *[format_score(row.miou) for row in rows],
                          style='bold')
            console.print(table)
        else:
            console.print('No masks: nothing was scored.')
        times = ', '.join(f'{name} {time:.0f} s'
                          for name, time in self.seconds.items())
        console.print(
            f'time: {times}; together {sum(self.seconds.values()):.0f} s',
            highlight=False)
        return text.getvalue()
