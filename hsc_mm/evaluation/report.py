"""The result of a seed evaluation as data and as text."""
import math
from collections.abc import Mapping
from io import StringIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from torch import Tensor

from .confusion import (
    background_iou,
    false_pixel_rate,
    pixel_average_precision,
    sweep_scores,
)
from .counts import SIZES, SeedCounts
from .threshold_rules import find_rule, rule_names, threshold_by

__all__ = ['CHOICES', 'seed_report', 'seed_tables', 'told_facts', 'who_chose']

#: Entries of a report, and how each came by its threshold.
CHOICES = dict(
    own='fixed before', label_free='label-free', selected='selected',
    best='the best one, chosen on ground truth')


def seed_report(counts: SeedCounts,
                own: float,
                rule: str = 'auto',
                mean_ap: float = math.nan) -> dict:
    """Arrange the scores of counts for JSON.

    Args:
        counts (SeedCounts): Of all images.
        own (float): The threshold that was fixed before.
        rule (str): Rule of the label-free threshold, see
            :mod:`hsc_mm.evaluation.threshold_rules`.
        mean_ap (float): Of the classifier, in percent.

    Returns:
        dict: In percent, NaN as None. ``own``, ``label_free``, ``best`` and,
        where images were held out to choose it, ``selected``: threshold,
        mIoU, over, under, false_pixel_rate, iou of each class, and
        ``mIoU_of_size`` of the pictures of each size; ``rules`` (threshold
        and mIoU of each label-free rule; of these and of ``label_free`` those
        within 0.005 of a counted threshold); ``background_only`` (mIoU, iou:
        the score to beat); ``curve`` (thresholds, mIoU, over, under,
        false_pixel_rate); ``PxAP`` over all pixels, ``PxAP_of_class``;
        ``images_of_size`` and ``mAP``. Images that a threshold was selected
        on count in ``selected.threshold`` alone.
    """
    scores = sweep_scores(counts.scored)
    sizes = {
        name: _percent(sweep_scores(counts.seeds[0, place]).miou)
        for place, name in enumerate(SIZES) if place
    }
    rates = _percent(false_pixel_rate(counts.seeds[0, 0, 0]))

    def at(index: int, **more) -> dict:
        return dict(
            threshold=round(float(counts.thresholds[index]), 4),
            mIoU=_percent(scores.miou[index:index + 1])[0],
            over=_percent(scores.over[index].nanmean()[None])[0],
            under=_percent(scores.under[index].nanmean()[None])[0],
            iou=_percent(scores.iou[index]),
            over_of_class=_percent(scores.over[index]),
            under_of_class=_percent(scores.under[index]),
            mIoU_of_size={name: miou[index] for name, miou in sizes.items()},
            false_pixel_rate=rates[index],
            **more)

    def near(value: float) -> int:
        return int((counts.thresholds - value).abs().argmin())

    found = {}
    if counts.cams.any():
        name, _ = find_rule(rule)
        values = {n: threshold_by(n, counts.cams.numpy())
                  for n in rule_names()}
        edges = {n: edge for n, value in values.items()
                 if abs(float(counts.thresholds[edge := near(value)])
                        - value) < 5e-3}
        if name in edges:
            found['label_free'] = at(edges[name], rule=name)
        found['rules'] = {
            n: {k: at(edge)[k] for k in ('threshold', 'mIoU')}
            for n, edge in edges.items()
        }
    if counts.selection.any():
        found['selected'] = at(
            int(sweep_scores(counts.selection).miou.argmax()),
            images=int(counts.images[1].sum()))
    background = background_iou(counts.scored)
    return dict(
        own=at(near(own)),
        best=at(int(scores.miou.argmax())),
        **found,
        background_only=dict(
            mIoU=_percent(background.nanmean()[None])[0],
            iou=_percent(background)),
        curve=dict(
            thresholds=[round(t, 4) for t in counts.thresholds.tolist()],
            mIoU=_percent(scores.miou),
            over=_percent(scores.over.nanmean(dim=1)),
            under=_percent(scores.under.nanmean(dim=1)),
            false_pixel_rate=rates),
        PxAP=_percent(pixel_average_precision(counts.pixels.sum(0))[None])[0],
        PxAP_of_class=_percent(pixel_average_precision(counts.pixels)),
        images_of_size=dict(zip(SIZES, counts.images[0].tolist(),
                                strict=True)),
        mAP=_percent(Tensor([mean_ap / 100]))[0])


def _percent(values: Tensor) -> list[float | None]:
    return [
        None if math.isnan(v) else round(100 * v, 2) for v in values.tolist()
    ]


def who_chose(facts: dict) -> str:
    """Say who chose the classes of seeds, by ``facts`` of their report."""
    if not facts['used_image_labels']:
        return 'the classifier chose the classes'
    return 'image labels chose the classes' + (
        ' of images that the model was not trained on '
        '(labels_on_unseen_split=True)'
    ) * bool(facts.get('labels_on_unseen_split'))


def told_facts(facts: Mapping) -> str:
    """Say what seeds were made with, by ``facts`` of their report.

    Empty where these are none, as of a step of one's own.
    """
    if not {'used_image_labels', 'supervision'} <= {*facts}:
        return ''
    return f'{who_chose(facts)}; supervision: {facts["supervision"]}'


def seed_tables(report: dict) -> str:
    """Write a report as text: the facts, a line for each class, the means.

    It is that of :func:`seed_report`, with ``facts`` and ``classes``.
    """
    facts, own, best = report['facts'], report['own'], report['best']
    labels = who_chose(facts)
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
        f'{facts["views"]} view(s) of each; {told_facts(facts)}\n'
        f'mIoU {", ".join(_choices(report))}; '
        f'{_cell(report["background_only"]["mIoU"])} with background '
        'everywhere\n'
        f'{_size_line(report)}'
        f'{_false_line(report, labels)}'
        f'multi-label mAP {_cell(report["mAP"])}, PxAP '
        f'{_cell(report["PxAP"])}\n{text.getvalue()}')


def _choices(report: dict) -> list[str]:
    """Say the score at each threshold, and how it was chosen."""
    lines = []
    for key in ('best', 'own', 'label_free', 'selected'):
        if key in report:
            one, how = report[key], CHOICES[key]
            if key == 'label_free':
                how += f' by "{one["rule"]}"'
            if key == 'selected':
                how += f' on {one["images"]} masks that are not scored'
            where = ' threshold' if not lines else ''
            lines.append(f'{_cell(one["mIoU"])} at{where} '
                         f'{one["threshold"]} ({how})')
    return lines


def _size_line(report: dict) -> str:
    """Write the line on small, medium and large pictures."""
    shown = [
        f'{_cell(report["best"]["mIoU_of_size"][name])} on {count} {name}'
        for name, count in report['images_of_size'].items()
        if count and name != 'empty'
    ]
    return ('by share of the picture that shows a class: '
            f'{", ".join(shown)} (at {report["best"]["threshold"]})\n'
            ) if shown else ''


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
