"""The whole way on the tiny data set, through the real tools."""
import json
import re
import shutil
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from tiny_configs import cam_config, seg_config

from hsc_mm.cli import common as cli
from hsc_mm.evaluation.marked import unlearned_classes
from hsc_mm.inference import load_config
from hsc_mm.pipeline import Pipeline, ToolError, build_pipeline
from hsc_mm.pipeline.command import shown_path
from hsc_mm.pipeline.inputs import with_pseudo_dir
from hsc_mm.pipeline.step import run_tool

STEPS = ('cam', 'seeds', 'pseudo', 'seg', 'eval', 'report')


def _pipeline(folder: Path, voc: Path, iters: int = 2, **kwargs) -> Pipeline:
    return build_pipeline(
        load_config(cam_config(voc, folder / 'cam.py', iters)),
        load_config(seg_config(voc, folder / 'seg.py', iters)),
        folder / 'work',
        **kwargs)


def _run(pipeline: Pipeline, **kwargs) -> list[str]:
    """Run, and return the names of the steps that did."""
    lines = []
    pipeline.run(say=lines.append, **kwargs)
    return [name for name, line in zip(STEPS, lines) if ' runs (' in line]


@pytest.fixture(scope='module')
def finished(tmp_path_factory, shared_voc):
    """A finished pipeline, its folder and the steps that ran."""
    folder = tmp_path_factory.mktemp('pipeline')
    voc = shutil.copytree(shared_voc, folder / 'voc')
    pipeline = _pipeline(folder, voc)
    return folder, voc, pipeline, _run(pipeline)


def test_every_step_runs_and_leaves_its_files(finished):
    folder, _, pipeline, ran = finished
    assert ran == list(STEPS)
    work = folder / 'work'
    assert (work / 'cam' / 'iter_2.pth').is_file()
    assert len(list((work / 'pseudo_labels').glob('*.png'))) == 8
    assert len(list((work / 'eval' / 'masks').glob('*.png'))) == 8
    found = pipeline.results().results
    seeds, pseudo = found['seeds'], found['pseudo']
    # Two ways to the same number: histograms, and files against masks.
    assert pseudo['mIoU'] == pytest.approx(seeds['best']['mIoU'], abs=0.02)
    assert pseudo['threshold'] == seeds['best']['threshold']
    for result in (pseudo, found['eval']):
        assert sum(result['shares'].values()) == pytest.approx(100)
    learned = unlearned_classes(found['eval']['shares'], pseudo['shares'])
    assert found['eval']['warnings'] == learned
    assert {f'eval: {line}' for line in learned} <= {
        *pipeline.results().warnings}


def test_the_report_holds_its_pictures(finished):
    page = (finished[0] / 'work' / 'report' / 'index.html').read_text()
    assert page.count('data:image/jpeg;base64,') == 16
    # Ground truth, CAM, pseudo label and prediction of 8; two of 8 others.
    assert page.count('data:image/png;base64,') == 8 * 4 + 8 * 2
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert '<polyline class="curve own"' in page
    assert 'python -m hsc_mm pipeline' in page
    miou = finished[2].results().results['eval']['mIoU']
    assert f'<strong>{miou:.1f}</strong>' in page


@pytest.mark.slow
def test_figures_for_a_paper_are_drawn_from_it(finished, monkeypatch, capsys):
    folder = finished[0]
    tool = import_module('hsc_analysis.figures_command')
    monkeypatch.setattr(sys, 'argv', [
        'figures', str(folder / 'cam.py'), str(folder / 'seg.py'),
        '--work-dir', str(folder / 'work'), '--pictures', '2', '--out',
        str(folder / 'figures')])
    assert cli.run(tool.main) == 0, capsys.readouterr().err
    spread = (folder / 'figures' / 'grid.png').read_bytes()
    monkeypatch.setattr(sys, 'argv', [*sys.argv, '--worst'])
    assert cli.run(tool.main) == 0, capsys.readouterr().err
    assert (folder / 'figures' / 'grid.png').read_bytes() != spread
    for name in ('grid', 'thresholds'):  # two iterations see no prototypes
        assert (folder / 'figures' / f'{name}.pdf').is_file()
        assert (folder / 'figures' / f'{name}.png').is_file()
    (folder / 'other.py').write_text(
        "_base_ = './cam.py'\nmodel = dict(test_cfg=dict(bg_threshold=0.77))")
    before = sys.argv
    monkeypatch.setattr(sys, 'argv', [
        before[0], str(folder / 'other.py'), *before[2:]])
    assert cli.run(tool.main) == 1
    assert 'found others (step seeds, changed: config' in (
        capsys.readouterr().err)
    monkeypatch.setattr(sys, 'argv', [
        *before[:4], str(folder / 'elsewhere'), *before[5:]])
    assert cli.run(tool.main) == 1
    assert 'expected a finished pipeline' in capsys.readouterr().err


def test_the_table_has_scores_and_times(finished):
    _, _, pipeline, _ = finished
    found = pipeline.results()
    text = found.table()
    miou = found.results['eval']['mIoU']
    assert f'{miou:.1f}' in text
    assert 'dog' in text
    assert ('\nseeds: image labels chose the classes; supervision: image '
            'labels\n') in text
    assert 'together' in text


def _stop(ctx, resumable):
    raise KeyboardInterrupt


@pytest.mark.slow
def test_a_second_run_does_nothing_and_changes_run_what_depends(
        finished, monkeypatch):
    folder, voc, _, _ = finished
    assert _run(_pipeline(folder, voc)) == []
    tested = _pipeline(folder, voc)
    tested.context.cam_cfg.model.test_cfg.bg_threshold = 0.31
    assert tested.reason_to_run('cam') is None
    assert tested.reason_to_run('seeds') == 'changed: config'
    ruled = _pipeline(folder, voc)
    ruled.context.cam_cfg.pseudo_label = dict(refiners=[])
    assert ruled.reason_to_run('cam') is None
    assert ruled.reason_to_run('seeds') is None
    assert ruled.reason_to_run('pseudo') == 'changed: pseudo_label'
    ruled.context.cam_cfg.pseudo_label = dict(
        rule=dict(type='hsc_mm.ThresholdRule', threshold=0.45))
    inputs = ruled.steps['pseudo'].inputs(ruled.context.before('pseudo'))
    assert inputs['threshold'] == 0.45
    ruled.context.threshold = 0.2
    inputs = ruled.steps['pseudo'].inputs(ruled.context.before('pseudo'))
    assert inputs['threshold'] == 0.2
    (folder / 'work' / 'pseudo_labels' / 'img_03.png').unlink()
    assert _run(_pipeline(folder, voc)) == ['pseudo', 'report']
    assert (folder / 'work' / 'pseudo_labels' / 'img_03.png').is_file()
    assert _run(_pipeline(folder, voc), force=['report']) == ['report']
    old = folder / 'work' / 'cam' / 'iter_2.pth'
    before = old.read_bytes()
    again = _pipeline(folder, voc, iters=3)
    monkeypatch.setattr(again.steps['seeds'], 'run', _stop)
    with pytest.raises(KeyboardInterrupt):
        _run(again)
    moved = folder / 'work' / 'cam.old1' / 'iter_2.pth'
    assert moved.read_bytes() == before
    assert (folder / 'work' / 'cam' / 'iter_3.pth').is_file()
    # What was done before the stop stands; a forced step starts anew.
    last = _pipeline(folder, voc, iters=3)
    monkeypatch.setattr(last.steps['seeds'], 'run', _stop)
    lines = []
    with pytest.raises(KeyboardInterrupt):
        last.run(['cam'], say=lines.append)
    assert 'runs (forced)' in lines[0]
    assert (folder / 'work' / 'cam.old2' / 'iter_3.pth').is_file()


def _cam_only(pipeline: Pipeline) -> dict:
    """Run the first step alone; return the weights that it leaves."""
    pipeline.steps['seeds'].run = _stop
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(say=lambda line: None)
    return torch.load(pipeline.context.checkpoint('cam'))['state_dict']


@pytest.mark.slow
def test_a_killed_training_resumes_exactly(tmp_path, shared_voc):
    for name in ('whole', 'killed'):
        (tmp_path / name).mkdir()
    whole = _pipeline(tmp_path / 'whole', shared_voc, iters=4)
    expected = _cam_only(whole)
    killed = _pipeline(tmp_path / 'killed', shared_voc, iters=4)
    # What a kill after the second iteration leaves behind.
    cam = killed.steps['cam']
    killed._place(cam).begin(killed._inputs(cam), resume=True)
    folder = killed.context.folder('cam')
    folder.mkdir()
    shutil.copy(whole.context.folder('cam') / 'iter_2.pth', folder)
    (folder / 'last_checkpoint').write_text(str(folder / 'iter_2.pth'))
    found = _cam_only(killed)
    output = (folder / 'output.txt').read_text()
    assert 'Resumed from the latest complete checkpoint' in output
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert torch.equal(value, found[name]), name


@pytest.mark.slow
def test_a_training_killed_before_it_noted_its_last_checkpoint(
        tmp_path, shared_voc):
    whole = _pipeline(tmp_path, shared_voc, iters=4)
    expected = _cam_only(whole)
    folder = whole.context.folder('cam')
    # All iterations are done, and the note is that of an earlier one.
    (folder / 'last_checkpoint').write_text(str(folder / 'iter_2.pth'))
    again = _pipeline(tmp_path, shared_voc, iters=4)
    cam = again.steps['cam']
    again._place(cam).begin(again._inputs(cam), resume=True)
    found = _cam_only(again)
    assert again.context.checkpoint('cam').name == 'iter_4.pth'
    for name, value in expected.items():
        assert torch.equal(value, found[name]), name


@pytest.mark.slow
def test_a_failing_step_says_why_and_where_its_output_is(tmp_path, shared_voc):
    voc = shutil.copytree(shared_voc, tmp_path / 'voc')
    pipeline = _pipeline(tmp_path, voc)
    pipeline.context.cam_cfg.model.decode_head.in_channels = 32
    with pytest.raises(ToolError, match=r'(?s)train ended with status 1 '
                       r'.*output\.txt.*expected 32, found 64 channels'):
        pipeline.run(say=lambda line: None)
    assert not (tmp_path / 'work' / 'manifests' / 'cam.json').exists()


@pytest.mark.parametrize('stage', ['cam', 'seg'])
def test_a_stage_has_one_metric(tmp_path, shared_voc, stage):
    cfgs = dict(
        cam=load_config(cam_config(shared_voc, tmp_path / 'cam.py', 2)),
        seg=load_config(seg_config(shared_voc, tmp_path / 'seg.py', 2)))
    one = cfgs[stage].test_evaluator
    cfgs[stage].test_evaluator = [one, one]
    with pytest.raises(ValueError, match=rf'test_evaluator of .*{stage}\.py: '
                       r'expected dict.*for the pipeline, found a list of 2'):
        build_pipeline(cfgs['cam'], cfgs['seg'], tmp_path / 'work')


def test_the_second_stage_must_read_pseudo_labels(tmp_path, shared_voc):
    cfg = load_config(seg_config(shared_voc, tmp_path / 'seg.py'))
    cfg.train_dataloader.dataset.pipeline[2].type = 'LoadAnnotations'
    with pytest.raises(ValueError, match=r'expected hsc_mm\.LoadPseudoLabel'):
        with_pseudo_dir(cfg, tmp_path)


def test_manifests_are_json_that_people_can_read(finished):
    content = json.loads(
        (finished[0] / 'work' / 'manifests' / 'cam.json').read_text())
    assert 'torch' in content['inputs']['versions']


def test_two_baselines_of_one_file_are_refused(tmp_path, shared_voc):
    path = cam_config(shared_voc, tmp_path / 'cam.py', 2)
    variants = [load_config(path, {'optim_wrapper.optimizer.lr': rate})
                for rate in (.1, .2)]
    with pytest.raises(ValueError, match=r'baselines: .*found several of '
                       r'.*cam\.py\. Write each'):
        build_pipeline(load_config(path), None, tmp_path / 'work',
                       baselines=iter(variants))


@pytest.mark.slow
def test_a_baseline_stands_beside_the_method(tmp_path, shared_voc):
    other = load_config(cam_config(shared_voc, tmp_path / 'plain.cam.py', 1))
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py', 2))
    cfg.tta_pipeline = None  # one scale; the baseline has several
    cfg.pipeline = dict(steps=[
        dict(type=f'hsc_mm.{name}')
        for name in ('TrainCAM', 'ScoreSeeds', 'WriteReport')
    ])
    work = tmp_path / 'work'
    pipeline = build_pipeline(cfg, None, work, baselines=[other])
    assert list(pipeline.steps) == ['plain-cam', 'plain-cam-seeds', 'cam',
                                    'seeds', 'report']
    pipeline.run(say=lambda _: None)
    assert (work / 'plain-cam' / 'iter_1.pth').is_file()
    assert (work / 'cam' / 'iter_2.pth').is_file()
    found = pipeline.results()
    rows = {row.what: row for row in found.rows}
    assert list(rows) == [
        'plain-cam-seeds, best', 'plain-cam-seeds, fixed',
        'plain-cam-seeds, label-free', 'background everywhere',
        'seeds, best', 'seeds, fixed', 'seeds, label-free']
    low = rows['background everywhere']
    assert low.iou[1:] == [0.0] * (len(low.iou) - 1)
    assert low.miou == pytest.approx(low.iou[0] / len(low.iou), abs=0.01)
    assert 'background everywhere' in found.table()
    page = (work / 'report' / 'index.html').read_text()
    assert '<figcaption>CAM of plain-cam</figcaption>' in page
    assert f'--baseline {shown_path(other.filename)}' in page


@pytest.mark.parametrize(('signal', 'said'), [
    ('KILL', r'^train was killed, most often because memory.*: .*log\.txt\)$'),
    ('ABRT', r'(?s)^train ended with status -6 .*log\.txt\)\nIter 7$')])
def test_a_killed_step_says_so(tmp_path, monkeypatch, signal, said):
    program = tmp_path / 'python'
    program.write_text(f'#!/bin/sh\necho Iter 7\nkill -{signal} $$\n')
    program.chmod(0o755)
    monkeypatch.setattr('hsc_mm.pipeline.step.sys',
                        SimpleNamespace(executable=str(program)))
    with pytest.raises(ToolError, match=said):
        run_tool('train', [], tmp_path / 'log.txt')
    assert (tmp_path / 'log.txt').read_text() == 'Iter 7\n'
