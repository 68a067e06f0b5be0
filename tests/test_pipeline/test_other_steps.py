"""Steps of other people, put between ours by a config alone."""
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from tiny_configs import cam_config, hsc_config, seg_config

from hsc_mm.inference import load_config
from hsc_mm.pipeline import build_pipeline, run_pipeline
from hsc_mm.utils import read_index_png, read_json

ORDER = ['cam', 'seeds', 'pseudo', 'blur', 'seg', 'eval', 'report']
_CONFIG = """
_base_ = './{base}'
custom_imports = dict(imports=['hsc_mm', 'blur_step'])
pseudo_label = dict(soft='also')
pipeline = dict(steps=[
    dict(type='hsc_mm.TrainCAM'), dict(type='hsc_mm.ScoreSeeds'),
    dict(type='hsc_mm.MakePseudoLabels'), dict(type='hsc_mm.BlurSeeds'{blur}),
    dict(type='hsc_mm.TrainSegmentor'{seg}),
    dict(type='hsc_mm.EvaluateSegmentor'), dict(type='hsc_mm.WriteReport')])
"""


@pytest.fixture(scope='module')
def place(tmp_path_factory, shared_voc):
    """A folder with both configs, and their module on the path."""
    folder = tmp_path_factory.mktemp('stranger')
    cam_config(shared_voc, folder / 'cam.py', 2)
    seg_config(shared_voc, folder / 'seg.py', 2)
    with pytest.MonkeyPatch.context() as patch:
        here = str(Path(__file__).parent)
        patch.syspath_prepend(here)
        patch.setenv('PYTHONPATH',
                     os.pathsep.join([here, os.environ.get('PYTHONPATH', '')]))
        yield folder


def _configs(place, blur='', seg=''):
    path = place / f'cam{abs(hash((blur, seg)))}.py'
    path.write_text(_CONFIG.format(base='cam.py', blur=blur, seg=seg))
    return load_config(path), load_config(place / 'seg.py')


def _run(place, **changes):
    """Run; return the results and the steps that ran."""
    lines = []
    found = run_pipeline(
        *_configs(place, **changes), work_dir=place / 'work', say=lines.append)
    return found, [line.split()[1] for line in lines if ' runs (' in line]


@pytest.fixture(scope='module')
def finished(place):
    """The results of the first run, which was interrupted in their step."""
    assert 'blur_step' not in sys.modules
    pipeline = build_pipeline(*_configs(place), place / 'work')
    module, written = sys.modules['blur_step'], []

    def stop_after_three(path, label, palette):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(path)
        write(path, label, palette)

    write = module.write_index_png
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, 'write_index_png', stop_after_three)
        with pytest.raises(KeyboardInterrupt):
            pipeline.run(say=lambda line: None)
    times = {path: path.stat().st_mtime_ns for path in written}
    assert len(times) == 3
    found, ran = _run(place)
    return found, ran, times


@pytest.mark.slow
def test_their_step_resumes_and_the_segmentor_learns_from_it(place, finished):
    found, ran, times = finished
    assert list(found.results) == ORDER
    assert ran == ['blur', 'seg', 'eval', 'report']
    assert not (place / 'work' / 'blur.old1').exists()
    assert {p: p.stat().st_mtime_ns for p in times} == times
    labels = sorted((place / 'work' / 'blur').glob('*.png'))
    assert len(labels) == 8
    expected = sys.modules['blur_step'].blurred_label(
        place / 'work' / 'pseudo_labels' / 'img_05.npz', 3, 0.3)
    assert np.array_equal(read_index_png(labels[5]), expected)
    trained = load_config(place / 'work' / 'manifests' / 'seg_config.py')
    assert trained.train_dataloader.dataset.pipeline[2].pseudo_dir == str(
        place / 'work' / 'blur')


@pytest.mark.slow
def test_their_scores_stand_in_every_table(place, finished):
    found, _, _ = finished
    miou = found.results['blur']['mIoU']
    assert [row.what for row in found.rows] == [
        'background everywhere', 'seeds, best', 'seeds, fixed',
        'seeds, label-free', 'pseudo labels', 'blurred seeds', 'segmentation']
    assert found.rows[5].miou == miou
    assert re.search(rf'blurred seeds.* {miou:.1f} ', found.table())
    page = (place / 'work' / 'report' / 'index.html').read_text()
    assert '<th scope="row">blurred seeds</th>' in page
    assert f'<td class="num mean">{miou:.1f}</td>' in page
    summary = read_json(place / 'work' / 'summary.json')
    assert summary['rows'][5]['what'] == 'blurred seeds'
    assert summary['rows'][5]['miou'] == miou


@pytest.mark.slow
def test_what_is_current_is_skipped_and_what_changed_is_not(place, finished):
    assert _run(place)[1] == []

    def reasons(**changes):
        pipeline = build_pipeline(*_configs(place, **changes), place / 'work')
        return [pipeline.reason_to_run(name) for name in ORDER[:5]]

    assert reasons(blur=', size=5') == [None] * 3 + ['changed: step', None]
    assert reasons(seg=', labels="pseudo"') == [None] * 4 + [
        'changed: pseudo_labels, step']
    # Other labels are in the way, and the segmentor depends on them.
    _, ran = _run(place, blur=', size=9')
    assert ran == ['blur', 'seg', 'eval', 'report']
    for old, size in (('blur.old1', 3), ('blur', 9)):
        expected = sys.modules['blur_step'].blurred_label(
            place / 'work' / 'pseudo_labels' / 'img_05.npz', size, 0.3)
        path = place / 'work' / old / 'img_05.png'
        assert np.array_equal(read_index_png(path), expected)
    # What their step reads, too: another threshold, other pseudo labels.
    again = build_pipeline(
        *_configs(place, blur=', size=9'), place / 'work', threshold=0.77)
    assert again.reason_to_run('pseudo') == 'changed: chosen, threshold'
    again.steps['pseudo'].run = _nothing
    again.steps['seg'].run = _interrupt
    lines = []
    with pytest.raises(KeyboardInterrupt):
        again.run(say=lines.append)
    assert [line.partition(' runs ')[2] for line in lines[2:]] == [
        '(changed: chosen, threshold)', '(changed: labels)',
        '(changed: pseudo_labels)']


def _nothing(ctx, resumable):
    return [], {}


def _interrupt(ctx, resumable):
    raise KeyboardInterrupt


def test_without_a_second_config_the_steps_that_need_it_are_left_out(
        place, tmp_path):
    cam_cfg, _ = _configs(place)
    assert list(build_pipeline(cam_cfg, None, tmp_path).steps) == [
        'cam', 'seeds', 'pseudo', 'blur', 'report']
    cam_cfg.pipeline = None
    assert list(build_pipeline(cam_cfg, None, tmp_path).steps) == [
        'cam', 'seeds']


@pytest.mark.parametrize(('steps', 'message'), [
    ([dict(type='hsc_mm.TrainCAN')], r"found \{'type': 'hsc_mm.TrainCAN'"),
    ([dict(type='hsc_mm.TrainCAM', epochs=3)], 'epochs'),
    (['hsc_mm.TrainCAM'], "found 'hsc_mm.TrainCAM'"),
    ([dict(type='hsc_mm.ScoreSeeds')], "a step with 'cam' in its"),
    ([dict(type='hsc_mm.TrainCAM'), dict(type='hsc_mm.TrainCAM')],
     "found 'cam' in .*another one with \"name=\""),
    ([dict(type='hsc_mm.TrainCAM'), dict(type='hsc_mm.MakePseudoLabels'),
      dict(type='hsc_mm.TrainSegmentor', labels='blur')],
     r"step 'blur': expected one of \['cam', 'pseudo'\]"),
    ([dict(type='hsc_mm.TrainCAM'), dict(type='hsc_mm.MakePseudoLabels'),
      dict(type='hsc_mm.TrainSegmentor', labels='cam')],
     r"step 'cam': expected a step with 'pseudo_labels'"),
])
def test_a_wrong_list_is_refused_before_anything_runs(
        place, tmp_path, steps, message):
    cam_cfg, seg_cfg = _configs(place)
    cam_cfg.pipeline = dict(steps=steps)
    with pytest.raises(ValueError, match=message):
        build_pipeline(cam_cfg, seg_cfg, tmp_path / 'work')
    assert not (tmp_path / 'work').exists()


def test_two_label_steps_have_folders_of_their_own(place, tmp_path):
    cam_cfg, seg_cfg = _configs(place)
    cam_cfg.pipeline = dict(steps=[
        dict(type='hsc_mm.TrainCAM'),
        dict(type='hsc_mm.MakePseudoLabels', threshold=0.2),
        dict(type='hsc_mm.MakePseudoLabels', threshold=0.4, name='strict'),
        dict(type='hsc_mm.TrainSegmentor')])
    pipeline = build_pipeline(cam_cfg, seg_cfg, tmp_path)
    ctx = pipeline.context
    assert ctx.pseudo_labels() == tmp_path / 'strict'
    assert ctx.pseudo_labels('pseudo') == tmp_path / 'pseudo_labels'
    assert ctx.before('strict').pseudo_labels() == tmp_path / 'pseudo_labels'


def test_configs_are_adapted_as_their_files_and_stay_as_they_were(
        shared_voc, tmp_path, monkeypatch):
    given = Config.fromfile(hsc_config(shared_voc, tmp_path / 'cam.py'))
    given.train_dataloader.dataset.aux_maps = dict()
    before, seen = given.pretty_text, []

    def stop(cam_cfg, *args):
        seen.append(cam_cfg)
        raise KeyboardInterrupt

    monkeypatch.setattr('hsc_mm.pipeline.build_pipeline', stop)
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(given, work_dir=tmp_path / 'work')
    assert given.pretty_text == before
    assert given.model.decode_head.losses.sal is not None
    assert seen[0].model.decode_head.losses.sal is None
