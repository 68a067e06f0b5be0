"""Names are data: markup, formulas and quotes in them change nothing."""
import numpy as np
import pytest

from hsc_analysis.figures import (
    ablation_figure,
    save_figure,
    threshold_figure,
)
from hsc_converters.exchange.records import MaskClasses
from hsc_mm.visualization import similarity_figure

NAMES = ('$x^{$', '$ [red] <b> %s{0}')


def _matrix(name):
    column = dict(mean=1.0, std=None, values=[1.0], classes={name: 1.0})
    return dict(paired_to=None, rows=[dict(
        config=name, seeds=[0], columns={name: column}, sizes={})])


def _similarity(name, folder):
    similarity_figure(dict(view=np.eye(2)), ['background', name], 'title')


def _bars(name, folder):
    save_figure(ablation_figure(_matrix(name), name), folder, 'bars')


def _curves(name, folder):
    at = dict(threshold=0.5, mIoU=1.0)
    save_figure(threshold_figure({name: dict(
        curve=dict(thresholds=[0.5], mIoU=[1.0]), best=at, own=at)}),
        folder, 'curves')


@pytest.mark.parametrize('names', [
    ('ignored', ), ('ignored', '_ignored'), ('_ignored', '__ignored')])
def test_no_class_has_the_name_of_ignored_pixels(names):
    classes = MaskClasses(('background', *names))
    for index, name in enumerate(names, 1):
        assert classes.index(name, 'x') == index
    assert classes.index(classes.ignored, 'x') == 255


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('draw', [_similarity, _bars, _curves])
def test_names_are_drawn_as_they_are(tmp_path, draw, name):
    draw(name, tmp_path)
