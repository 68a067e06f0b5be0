"""The report: one HTML file that opens from disk, pictures inside."""
from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from hsc_mm.utils import atomic_write_bytes
from hsc_mm.version import __version__
from hsc_mm.visualization import class_bars, threshold_curve
from .gallery import Row, encode, training_rows, validation_rows
from .summary import score_rows

if TYPE_CHECKING:
    from .pipeline import Pipeline

__all__ = ['write_report']

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
.swatch {{ display: inline-block; width: .9em; height: .9em;
  margin: 0 .3em 0 .8em; border: 1px solid #999; }}
</style></head><body>
<h1>hsc_mm report</h1>
{body}
<p>hsc_mm {version}</p>
</body></html>
"""


def write_report(pipeline: Pipeline, page: Path) -> None:
    """Write the report of a finished pipeline.

    Args:
        pipeline (Pipeline): Its manifests, data sets and configs are read.
        page (Path): The HTML file.
    """
    manifests = pipeline.manifests
    results = {name: manifest.result for name, manifest in manifests.items()}
    body = [_facts(pipeline), _scores(results), _times(manifests)]
    if results['seeds']:
        body.append('<h2>Background threshold</h2>')
        body.append(_image(threshold_curve(results['seeds']), 'png'))
    classes, rows = score_rows(results)
    if rows:
        body.append('<h2>IoU of each class</h2>')
        series = {row[0]: row[3] for row in rows}
        body.append(_image(class_bars(classes, series), 'png'))
    masks = 'seg_map_path' in pipeline.seed_data.data_prefix
    body.append('<h2>Training images</h2>')
    body.append(
        f'<p>image{" | ground truth" if masks else ""} | CAM | pseudo label '
        f'| prediction</p>{_legend(pipeline)}')
    body.append(
        _gallery(
            training_rows(pipeline.cam_cfg, pipeline.checkpoint('cam'),
                          str(pipeline.pseudo_dir), pipeline.seg_cfg,
                          pipeline.checkpoint('seg'), pipeline.seed_data)))
    masks = 'seg_map_path' in pipeline.eval_data.data_prefix
    title = 'Validation images' if masks else 'Predicted images'
    body.append(f'<h2>{title}</h2>')
    body.append(f'<p>image{" | ground truth" if masks else ""} | '
                'prediction</p>')
    body.append(
        _gallery(
            validation_rows(pipeline.eval_data,
                            str(pipeline.folder('eval') / 'masks'))))
    html = _PAGE.format(body='\n'.join(body), version=__version__)
    atomic_write_bytes(page, html.encode('utf-8'))


def _facts(pipeline: Pipeline) -> str:
    facts = pipeline.manifests['seeds'].result.get('facts')
    lines = [
        f'CAM stage: <code>{escape(Path(c).name)}</code>' if n == 0 else
        f'segmentation stage: <code>{escape(Path(c).name)}</code>'
        for n, c in enumerate((pipeline.cam_cfg.filename,
                               pipeline.seg_cfg.filename))
    ]
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
        supervision = pipeline.cam_cfg.test_evaluator.get(
            'supervision', 'image labels')
        lines.append(f'supervision: {escape(supervision)}')
    return '<ul>' + ''.join(f'<li>{line}</li>' for line in lines) + '</ul>'


def _scores(results: dict) -> str:
    classes, rows = score_rows(results)
    if not rows:
        return ('<p>No masks: nothing was scored. The pictures below are '
                'what there is to judge by.</p>')
    head = ''.join(f'<th>{escape(r[0])}<br>{escape(r[1])}</th>' for r in rows)
    lines = [f'<tr><th>IoU, %</th>{head}</tr>']
    for index, name in enumerate(classes):
        cells = ''.join(f'<td>{_cell(r[3][index])}</td>' for r in rows)
        lines.append(f'<tr><td>{escape(name)}</td>{cells}</tr>')
    cells = ''.join(f'<td>{_cell(r[2])}</td>' for r in rows)
    lines.append(f'<tr class="mean"><td>mean</td>{cells}</tr>')
    return f'<h2>Scores</h2><table>{"".join(lines)}</table>'


def _times(manifests: dict) -> str:
    cells = ''.join(f'<tr><td>{name}</td><td>{m.seconds:.0f}</td></tr>'
                    for name, m in manifests.items() if m.content)
    return ('<h2>Time</h2><table><tr><th>step</th><th>seconds</th></tr>'
            f'{cells}</table>')


def _legend(pipeline: Pipeline) -> str:
    meta = pipeline.seed_data.metainfo
    colours = dict(zip(meta['classes'], meta['palette'], strict=True))
    return '<p>' + ''.join(
        f'<span class="swatch" style="background:rgb{tuple(colours[name])}">'
        f'</span>{escape(name)}' for name in meta['classes'][1:]) + '</p>'


def _gallery(rows: Iterable[Row]) -> str:
    return ''.join(
        f'<figure>{_image(encode(picture), "jpeg")}'
        f'<figcaption>{escape(title)}</figcaption></figure>'
        for title, picture in rows)


def _image(data: bytes, kind: str) -> str:
    text = base64.b64encode(data).decode()
    return f'<img alt="" src="data:image/{kind};base64,{text}">'


def _cell(value: float | None) -> str:
    return '-' if value is None else f'{value:.1f}'
