"""Figures for papers: what they show, and the files they become."""
import importlib
import re
import sys
import zlib

import cv2
import numpy as np
import pytest

from hsc_analysis.figures import (
    ablation_figure,
    grid_figure,
    save_figure,
    threshold_figure,
)
from hsc_mm.cli import common as cli
from hsc_mm.utils import write_json
from hsc_mm.visualization.layers import Picture

TABLE = dict(paired_to=None, rows=[
    dict(config='hsc', seeds=[0, 1, 2, 3], sizes={}, columns={
        'seeds, best': dict(mean=50., std=2., values=[48., None, 52., 50.])}),
    dict(config='cam', seeds=[0], sizes={}, columns={'seeds, best': dict(
        mean=40., std=None, values=[40.])}),
    dict(config='failed', seeds=[], sizes={}, columns={}),
])


def _encode(suffix, array):
    return cv2.imencode(suffix, array)[1].tobytes()


def _picture(layers, score=1.):
    photo = np.full((6, 8, 3), 100, np.uint8)
    over = np.zeros((3, 4, 4), np.uint8)
    over[:, :2] = (0, 0, 255, 255)  # BGRA: red on the left
    return Picture('img', ['cat'], _encode('.jpg', photo), (8, 6),
                   {name: _encode('.png', over) for name in layers}, score)


def test_a_grid_has_a_column_for_each_layer_and_the_mask_last():
    figure = grid_figure([
        _picture(['ground truth', 'CAM', 'prediction']), _picture(['CAM'])])
    titles = [ax.get_title() for ax in figure.axes[:4]]
    assert titles == ['image', 'CAM', 'prediction', 'ground truth']
    first, second = figure.axes[:4], figure.axes[4:]
    assert [len(ax.images) for ax in second] == [1, 1, 0, 0]
    photo, cam = (ax.images[0].get_array() for ax in first[:2])
    assert np.allclose(photo[..., :3], 100, atol=2)
    # 70 % red over grey at the left edge, the photograph at the right one.
    assert np.allclose(cam[3, 0, :3], [0.7 * 255 + 30, 30, 30], atol=4)
    assert np.allclose(cam[3, -1, :3], 100, atol=2)
    with pytest.raises(ValueError, match='at least one'):
        grid_figure([])


def test_a_grid_says_classes_and_scores_if_asked():
    pictures = [_picture(['CAM'], 12.34), _picture(['CAM'], None)]
    for scores, words in ((True, ['cat\nmIoU 12.3', 'cat']), (False, [])):
        figure = grid_figure(pictures, scores)
        assert [text.get_text() for ax in figure.axes
                for text in ax.texts] == words


def test_curves_are_those_of_the_reports():
    def report(miou):
        return dict(
            curve=dict(thresholds=[.2, .4], mIoU=miou),
            best=dict(threshold=.4, mIoU=max(miou)),
            own=dict(threshold=.2, mIoU=miou[0]))
    figure = threshold_figure(dict(CAM=report([10, 20]), HSC=report([30, 40])))
    drawn = {line.get_label(): list(line.get_ydata())
             for line in figure.axes[0].lines if len(line.get_xdata()) > 1}
    assert drawn == dict(CAM=[10, 20], HSC=[30, 40])
    colours = {line.get_color().tobytes() for line in figure.axes[0].lines}
    assert len(colours) == 2


def test_bars_have_means_intervals_and_runs():
    axes = ablation_figure(TABLE, 'seeds, best').axes[0]
    assert [bar.get_width() for bar in axes.patches] == [50, 40]
    assert [t.get_text() for t in axes.get_yticklabels()] == ['hsc', 'cam']
    dots = [list(line.get_xdata()) for line in axes.lines
            if line.get_marker() == '.']
    assert dots == [[48, 52, 50], [40]]
    spans = [segments[0][:, 0].tolist() for segments in (
        c.get_segments() for c in axes.collections)]
    assert [48, 52] in spans
    with pytest.raises(ValueError, match=r'expected one of .*seeds, best'):
        ablation_figure(TABLE, 'mIoU')


def test_bars_need_a_finished_cell():
    nothing = dict(mean=None, std=None, values=[None])
    for rows in ([], TABLE['rows'][2:], [dict(
            config='a', seeds=[0], sizes={}, columns={'best': nothing})]):
        with pytest.raises(ValueError, match='--matrix: expected scores of a '
                           r'finished cell, found none\. Not in the table: '
                           r'a, seed 0 \(failed\)\. Run the matrix again'):
            ablation_figure(dict(TABLE, rows=rows, missing=[
                'a, seed 0 (failed)']), 'best')
    table = dict(TABLE, rows=[*TABLE['rows'], dict(
        config='a', seeds=[0], sizes={}, columns={'seeds, best': nothing})])
    axes = ablation_figure(table, 'seeds, best').axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ['hsc', 'cam']


def test_files_are_equal_each_time_and_text_stays_text(tmp_path):
    contents = []
    for folder in ('a', 'b'):
        paths = save_figure(
            ablation_figure(TABLE, 'seeds, best'), tmp_path / folder, 'bars')
        assert [path.suffix for path in paths] == ['.pdf', '.png']
        contents.append([path.read_bytes() for path in paths])
    assert contents[0] == contents[1]
    pdf = contents[0][0]
    text = b''.join(zlib.decompress(found) for found in re.findall(
        rb'/FlateDecode.*?stream\n(.*?)\nendstream', pdf, re.S))
    assert b'/FontFile2' in pdf + text
    assert b' Tf' in text


def test_the_command_draws_bars_without_a_pipeline(
        tmp_path, monkeypatch, capsys):
    tool = importlib.import_module('hsc_analysis.figures_command')
    write_json(tmp_path / 'matrix.json', TABLE)

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', [
            'figures', '--out', str(tmp_path / 'out'), *arguments])
        return cli.run(tool.main)

    assert call('--matrix', str(tmp_path / 'matrix.json')) == 0
    assert 'ablation, each as PDF and PNG' in capsys.readouterr().out
    assert {'ablation.pdf', 'ablation.png'} <= {
        path.name for path in (tmp_path / 'out').iterdir()}
    with pytest.raises(SystemExit):
        call()
    assert 'or --matrix' in capsys.readouterr().err


@pytest.mark.slow
def test_figures_of_another_pipeline_are_removed(tmp_path, monkeypatch):
    tool = importlib.import_module('hsc_analysis.figures_command')
    drawn = dict.fromkeys(
        ('grid', 'thresholds'), grid_figure([_picture([])]))
    monkeypatch.setattr(tool, '_of_pipeline', lambda args: drawn)
    config, out = tmp_path / 'cam.py', tmp_path / 'out'
    config.touch()
    monkeypatch.setattr(sys, 'argv', [
        'figures', str(config), '--work-dir', 'w', '--out', str(out)])
    for names in (('grid', 'thresholds'), ('grid', )):
        for name in set(drawn) - set(names):
            del drawn[name]
        assert cli.run(tool.main) == 0
        assert {path.stem for path in out.glob('*.p*')} == set(names)
