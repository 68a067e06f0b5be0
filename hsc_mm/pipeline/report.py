"""The report: one HTML file that opens from disk, pictures inside."""
import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from hsc_mm.utils import atomic_write_bytes
from hsc_mm.utils.outputs import claim_file
from hsc_mm.version import __version__
from hsc_mm.visualization import class_bars, threshold_curve
from .gallery import Row, encode
from .step import ScoreRow
from .summary import FALSE_PIXELS, class_table, format_score

__all__ = ['Gallery', 'ReportContent', 'write_report']

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>hsc_mm report</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 1060px;
  margin: 2em auto; padding: 0 1em; color: #222; }}
table {{ border-collapse: collapse; }}
td, th {{ padding: .25em .8em; border-bottom: 1px solid #ddd;
  text-align: right; }}
td:first-child, th:first-child {{ text-align: left; }}
tr.mean {{ font-weight: bold; }}
figure {{ margin: 1em 0; }} figcaption {{ color: #555; }}
img {{ max-width: 100%; }}
.warning {{ background: #fff3cd; border-left: 6px solid #d39e00;
  padding: .6em 1em; }}
.swatch {{ display: inline-block; width: .9em; height: .9em;
  margin: 0 .3em 0 .8em; border: 1px solid #999; }}
</style></head><body>
<h1>hsc_mm report</h1>
{body}
<p>hsc_mm {version}</p>
</body></html>
"""


@dataclass
class Gallery:
    """Rows of pictures under one title.

    Attributes:
        title (str): Heading.
        columns (list[str]): What each picture of a row shows.
        rows (iterable[tuple]): Title and picture, RGB uint8.
        legend (bool): Whether the colours of the classes stand above.
    """
    title: str
    columns: list[str]
    rows: Iterable[Row]
    legend: bool = False


@dataclass
class ReportContent:
    """What a report says.

    Attributes:
        configs (dict[str, str]): Stage -> file name of its config.
        supervision (str): What the training has seen.
        colours (dict[str, tuple]): Class -> RGB, background first.
        seeds (dict): What :class:`hsc_mm.SeedMetric` found, or empty.
        rows (list[ScoreRow]): Scores.
        seconds (dict[str, float]): Step -> duration.
        galleries (list[Gallery]): Pictures.
        warnings (list[str]): What a reader must know first.
    """
    configs: dict[str, str]
    supervision: str
    colours: dict[str, tuple[int, int, int]]
    seeds: dict
    rows: list[ScoreRow]
    seconds: dict[str, float]
    galleries: list[Gallery]
    warnings: list[str] = field(default_factory=list)


def write_report(content: ReportContent, page: Path) -> None:
    """Write what a report says into one HTML file."""
    body = [
        _banner(content.warnings), _facts(content), _scores(content.rows),
        _times(content.seconds)
    ]
    if content.seeds:
        body.append('<h2>Background threshold</h2>')
        body.append(_image(threshold_curve(content.seeds), 'png'))
    if content.rows:
        body.append('<h2>IoU of each class</h2>')
        classes, columns = class_table(content.rows)
        series = {
            row.title: column
            for row, column in zip(content.rows, columns, strict=True)
        }
        body.append(_image(class_bars(classes, series), 'png'))
    for gallery in content.galleries:
        body.append(f'<h2>{escape(gallery.title)}</h2>')
        body.append(f'<p>{escape(" | ".join(gallery.columns))}</p>')
        if gallery.legend:
            body.append(_legend(content.colours))
        body.append(_pictures(gallery.rows))
    html = _PAGE.format(body='\n'.join(body), version=__version__)
    atomic_write_bytes(
        claim_file(page, option='report'), html.encode('utf-8'))


def _banner(warnings: list[str]) -> str:
    return ''.join(f'<p class="warning"><b>Warning.</b> {escape(line)}</p>'
                   for line in warnings)


def _facts(content: ReportContent) -> str:
    lines = [
        f'{escape(stage)}: <code>{escape(name)}</code>'
        for stage, name in content.configs.items()
    ]
    facts = content.seeds.get('facts')
    if facts:
        labels = ('image labels' if facts['used_image_labels'] else
                  'the classifier')
        if facts.get('labels_on_unseen_split'):
            labels += ' of images that the model was not trained on'
        lines.append(
            f'seeds scored on {escape(facts["split"])}, {facts["images"]} '
            f'images; classes of a seed from {labels}; supervision: '
            f'{escape(facts["supervision"])}')
    else:
        lines.append(f'supervision: {escape(content.supervision)}')
    return '<ul>' + ''.join(f'<li>{line}</li>' for line in lines) + '</ul>'


def _scores(rows: list[ScoreRow]) -> str:
    if not rows:
        return ('<p>No masks: nothing was scored. The pictures below are '
                'what there is to judge by.</p>')
    classes, columns = class_table(rows)
    head = ''.join(f'<th>{escape(row.title)}<br>{escape(row.split)}</th>'
                   for row in rows)
    lines = [f'<tr><th>IoU, %</th>{head}</tr>']
    for name, *scores in zip(classes, *columns, strict=True):
        cells = ''.join(f'<td>{format_score(score)}</td>' for score in scores)
        lines.append(f'<tr><td>{escape(name)}</td>{cells}</tr>')
    cells = ''.join(f'<td>{format_score(row.miou)}</td>' for row in rows)
    lines.append(f'<tr class="mean"><td>mean</td>{cells}</tr>')
    if any(row.false_pixels is not None for row in rows):
        cells = ''.join(f'<td>{format_score(row.false_pixels)}</td>'
                        for row in rows)
        lines.append(f'<tr><td>{FALSE_PIXELS}</td>{cells}</tr>')
    return f'<h2>Scores</h2><table>{"".join(lines)}</table>'


def _times(seconds: dict[str, float]) -> str:
    cells = ''.join(f'<tr><td>{escape(name)}</td><td>{time:.0f}</td></tr>'
                    for name, time in seconds.items())
    return ('<h2>Time</h2><table><tr><th>step</th><th>seconds</th></tr>'
            f'{cells}</table>')


def _legend(colours: dict[str, tuple[int, int, int]]) -> str:
    return '<p>' + ''.join(
        f'<span class="swatch" style="background:rgb{tuple(colour)}">'
        f'</span>{escape(name)}'
        for name, colour in list(colours.items())[1:]) + '</p>'


def _pictures(rows: Iterable[Row]) -> str:
    return ''.join(
        f'<figure>{_image(encode(picture), "jpeg")}'
        f'<figcaption>{escape(title)}</figcaption></figure>'
        for title, picture in rows)


def _image(data: bytes, kind: str) -> str:
    text = base64.b64encode(data).decode()
    return f'<img alt="" src="data:image/{kind};base64,{text}">'
