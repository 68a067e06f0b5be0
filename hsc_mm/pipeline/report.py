"""The report: one HTML file that opens from disk, pictures inside."""
import base64
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import jinja2

from hsc_mm.datasets.class_names import spelled
from hsc_mm.utils import atomic_write_bytes
from hsc_mm.utils.outputs import claim_file
from hsc_mm.visualization.layers import Picture
from hsc_mm.visualization.pictures import HEAT
from .step import BACKGROUND, ScoreRow
from .summary import FALSE_PIXELS, class_table, format_score, told_apart

__all__ = ['Gallery', 'ReportContent', 'write_report']

_PAGE = Path(__file__).with_name('page')
# Width and height of the drawn curves, and their margins left and below.
_WIDE, _HIGH, _LEFT, _BELOW = 600, 260, 44, 40


@dataclass
class Gallery:
    """Pictures under one title.

    Attributes:
        title (str): Heading.
        note (str): Which images these are, and what their score is of.
        pictures (list[Picture]): In the order of the page.
        heat (bool): Whether some layers are CAMs.
    """
    title: str
    note: str
    pictures: list[Picture]
    heat: bool = False

    @property
    def scored(self) -> bool:
        """bool: Whether some picture has a score."""
        return any(one.score is not None for one in self.pictures)


@dataclass
class ReportContent:
    """What a report says.

    Attributes:
        summary (str): One sentence: what was trained from what.
        headline (ScoreRow | None): The score that stands first.
        colours (dict[str, tuple]): Class -> RGB, background first.
        rows (list[ScoreRow]): All scores.
        seeds (dict[str, dict]): Step -> what :class:`hsc_mm.SeedMetric`
            found; the last one is the pipeline's, those before it are of
            baselines.
        seconds (dict[str, float]): Step -> duration.
        galleries (list[Gallery]): Pictures.
        command (list[str]): What runs the same again, in words of a shell.
        facts (dict[str, str]): What else a repetition needs: versions,
            random seeds, configs.
        warnings (list[str]): What a reader must know first.
    """
    summary: str
    headline: ScoreRow | None
    colours: dict[str, tuple[int, int, int]]
    rows: list[ScoreRow]
    seeds: dict[str, dict]
    seconds: dict[str, float]
    galleries: list[Gallery]
    command: list[str]
    facts: dict[str, str]
    warnings: list[str] = field(default_factory=list)


def write_report(content: ReportContent, page: Path) -> None:
    """Write a report.

    Args:
        content (ReportContent): What it says. Names in it are data: none
            becomes markup.
        page (Path): The HTML file.
    """
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined)
    found.filters.update(
        score=format_score, data=_data, rgb=_rgb,
        spelled=partial(spelled, known=list(content.colours)))
    classes, columns = class_table(content.rows)
    low = {row.list_scored: row for row in content.rows
           if row.what == BACKGROUND}
    rows = told_apart(content.rows)
    headline = next((new for old, new in zip(content.rows, rows, strict=True)
                     if old == content.headline), content.headline)
    html = found.get_template('report.html').render(
        content=replace(content, rows=rows, headline=headline),
        classes=classes,
        scores=list(zip(rows, columns, strict=True)),
        background=BACKGROUND,
        false_pixels=FALSE_PIXELS if any(
            row.false_pixels is not None for row in content.rows) else '',
        low=low.get(content.headline.list_scored) if content.headline else (
            None),
        heat=', '.join(_rgb(colour) for colour in HEAT[::32]),
        wide=_WIDE, high=_HIGH, left=_LEFT, below=_BELOW,
        curves=_curves(content.seeds),
        place=_place,
        longest=max(content.seconds.values(), default=0) or 1)
    atomic_write_bytes(
        claim_file(page, option='report'), html.encode('utf-8'))


def _data(content: bytes, kind: str) -> str:
    """Return the address of a picture that lies in the page itself."""
    return f'data:image/{kind};base64,{base64.b64encode(content).decode()}'


def _rgb(colour: Sequence[int]) -> str:
    return 'rgb({}, {}, {})'.format(*map(int, colour))


def _place(x: float, percent: float) -> tuple[float, float]:
    """Return the pixel of a point of the curves, x in [0, 1]."""
    return (round(_LEFT + x * (_WIDE - _LEFT - 12), 1),
            round((_HIGH - _BELOW) * (1 - percent / 100) + 8, 1))


def _curves(found: dict[str, dict]) -> list[tuple[str, str]]:
    """Return name and points of the curves over the threshold.

    The last three are of the pipeline's own seeds: mIoU, over-activation,
    under-activation. Those before are mIoU of baselines.
    """
    curves = [(f'mIoU of {name}', seeds['curve'], 'mIoU')
              for name, seeds in found.items()]
    if found:
        own = [*found.values()][-1]['curve']
        curves += [('over-activation', own, 'over'),
                   ('under-activation', own, 'under')]
    return [(title, ' '.join(
        '{},{}'.format(*_place(x, y))
        for x, y in zip(curve['thresholds'], curve[key], strict=True)
        if y is not None)) for title, curve, key in curves]
