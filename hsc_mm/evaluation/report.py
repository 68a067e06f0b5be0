"""The result of a seed evaluation as data and as text."""
import math
from io import StringIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from torch import Tensor

from .confusion import SeedScores

__all__ = ['seed_report', 'seed_tables']


def seed_report(scores: SeedScores, thresholds: Tensor, own: float,
                mean_ap: float, background: Tensor,
                false_pixels: Tensor) -> dict:
    """Arrange scores at T thresholds for JSON.

    ``mean_ap`` is in percent; ``background`` is the IoU of each class where
    all is called background, shares, (C,); ``false_pixels`` the share of
    pixels called a class in images that show none, (T,), NaN without such.

    Returns:
        dict: ``own`` and ``best`` (threshold, mIoU, over, under,
        false_pixel_rate, iou of each class), ``background_only`` (mIoU, iou:
        the score to beat), ``curve`` (thresholds, mIoU, over, under,
        false_pixel_rate) and ``mAP``; in percent, NaN as None.
    """
    own_at = int((thresholds - own).abs().argmin())
    best_at = int(scores.miou.argmax())
    report = dict(
        own=_at(scores, thresholds, own_at),
        best=_at(scores, thresholds, best_at),
        background_only=dict(
            mIoU=_percent(background.nanmean()[None])[0],
            iou=_percent(background)),
        curve=dict(
            thresholds=[round(t, 4) for t in thresholds.tolist()],
            mIoU=_percent(scores.miou),
            over=_percent(scores.over.nanmean(dim=1)),
            under=_percent(scores.under.nanmean(dim=1))),
        mAP=_percent(Tensor([mean_ap / 100]))[0])
    rates = _percent(false_pixels)
    report['own']['false_pixel_rate'] = rates[own_at]
    report['best']['false_pixel_rate'] = rates[best_at]
    report['curve']['false_pixel_rate'] = rates
    return report


def _at(scores: SeedScores, thresholds: Tensor, index: int) -> dict:
    return dict(
        threshold=round(float(thresholds[index]), 4),
        mIoU=_percent(scores.miou[index:index + 1])[0],
        over=_percent(scores.over[index].nanmean()[None])[0],
        under=_percent(scores.under[index].nanmean()[None])[0],
        iou=_percent(scores.iou[index]),
        over_of_class=_percent(scores.over[index]),
        under_of_class=_percent(scores.under[index]))


def _percent(values: Tensor) -> list[float | None]:
    return [
        None if math.isnan(v) else round(100 * v, 2) for v in values.tolist()
    ]


def seed_tables(report: dict) -> str:
    """Write a report as text: the facts, a line for each class, the means.

    It is that of :func:`seed_report`, with ``facts`` and ``classes``.
    """
    facts, own, best = report['facts'], report['own'], report['best']
    labels = ('image labels chose the classes' if facts['used_image_labels']
              else 'the classifier chose the classes')
    if facts.get('labels_on_unseen_split'):
        labels += (' of images that the model was not trained on '
                   '(labels_on_unseen_split=True)')
    table = Table('class', 'IoU', 'over', 'under', 'IoU (own threshold)')
    columns = (best['iou'], best['over_of_class'], best['under_of_class'],
               own['iou'])
    for row in zip(report['classes'], *columns, strict=True):
        table.add_row(escape(row[0]), *map(_cell, row[1:]))
    table.add_section()
    table.add_row('mean',
                  *map(_cell,
                       (best['mIoU'], best['over'], best['under'],
                        own['mIoU'])))
    text = StringIO()
    Console(file=text, width=79).print(table)
    return (
        f'Seeds on {facts["split"]}, {facts["images"]} images, '
        f'{facts["views"]} view(s) of each; {labels}; '
        f'supervision: {facts["supervision"]}\n'
        f'mIoU {_cell(best["mIoU"])} at threshold {best["threshold"]} '
        '(the best one, chosen on ground truth), '
        f'{_cell(own["mIoU"])} at {own["threshold"]} (fixed before); '
        f'{_cell(report["background_only"]["mIoU"])} with background '
        'everywhere\n'
        f'{_false_line(report, labels)}'
        f'multi-label mAP {_cell(report["mAP"])}\n{text.getvalue()}')


def _false_line(report: dict, labels: str) -> str:
    """Write the line on images that show no class, if there are any."""
    best, own = report['best'], report['own']
    if own['false_pixel_rate'] is None:
        return ''
    return (f'false pixels in images that show no class: '
            f'{_cell(best["false_pixel_rate"])} % at {best["threshold"]}, '
            f'{_cell(own["false_pixel_rate"])} % at {own["threshold"]}; '
            f'{labels}\n')


def _cell(value: float | None) -> str:
    return '-' if value is None else f'{value:.2f}'
