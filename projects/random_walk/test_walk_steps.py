"""Affinity and random walk in a real pipeline on tiny pictures."""
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_configs import cam_config, seg_config

from hsc_mm.inference import load_config
from hsc_mm.pipeline import build_pipeline, run_pipeline
from hsc_mm.pseudo_labels.files import read_soft_cam, write_soft_cam
from hsc_mm.utils import read_index_png
from projects.random_walk import affinity_net, random_walk, steps

CONFIG = """
_base_ = './{base}'
custom_imports = dict(imports=['hsc_mm', 'projects.random_walk.steps'])
pseudo_label = dict(soft='also')
pipeline = dict(steps=[
    dict(type='hsc_mm.TrainCAM'), dict(type='hsc_mm.ScoreSeeds'),
    dict(type='hsc_mm.MakePseudoLabels'),
    dict(type='hsc_mm.TrainAffinity',
         train=dict(iterations=2, batch_size=2)),
    dict(type='hsc_mm.RandomWalk', log_steps=3{walk}),
    dict(type='hsc_mm.TrainSegmentor'),
    dict(type='hsc_mm.EvaluateSegmentor'), dict(type='hsc_mm.WriteReport')])
"""


@pytest.fixture(scope='module')
def place(tmp_path_factory, shared_voc):
    folder = tmp_path_factory.mktemp('walk')
    cam_config(shared_voc, folder / 'cam.py', 2)
    seg_config(shared_voc, folder / 'seg.py', 2)
    return folder


def configs(place, walk=''):
    path = place / f'walk{abs(hash(walk))}.py'
    path.write_text(CONFIG.format(base='cam.py', walk=walk))
    return load_config(path), load_config(place / 'seg.py')


def run(place, walk=''):
    lines = []
    found = run_pipeline(*configs(place, walk), work_dir=place / 'work',
                         say=lines.append)
    return found, [line.split()[1] for line in lines if ' runs (' in line]


@pytest.fixture(scope='module')
def finished(place):
    """A pipeline that was interrupted in the walk, and then finished."""
    pipeline = build_pipeline(*configs(place), place / 'work')
    labelled = []

    def stop_after_three(self, *args):
        for soft in walked(self, *args):
            if len(labelled) == 3:
                raise KeyboardInterrupt
            labelled.append(soft.img_id)
            yield soft

    walked = steps.RandomWalk._walked
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps.RandomWalk, '_walked', stop_after_three)
        with pytest.raises(KeyboardInterrupt):
            pipeline.run(say=lambda line: None)
    times = {path: path.stat().st_mtime_ns
             for path in (place / 'work' / 'random_walk').glob('*.png')}
    assert {path.stem for path in times} == set(labelled)
    assert len(times) == 3
    return run(place), times


@pytest.mark.slow
def test_the_walk_resumes_and_the_segmentor_learns_from_it(place, finished):
    (found, ran), times = finished
    assert ran == ['random_walk', 'seg', 'eval', 'report']
    assert {p: p.stat().st_mtime_ns for p in times} == times
    assert len(list((place / 'work' / 'random_walk').glob('*.png'))) == 8
    trained = load_config(place / 'work' / 'manifests' / 'seg_config.py')
    assert trained.train_dataloader.dataset.pipeline[2].pseudo_dir == str(
        place / 'work' / 'random_walk')
    assert math.isfinite(found.results['affinity']['loss'])


@pytest.mark.slow
def test_its_score_stands_in_the_table(finished):
    (found, _), _ = finished
    assert [row.what for row in found.rows] == [
        'background everywhere', 'seeds, best', 'seeds, fixed',
        'seeds, label-free', 'pseudo labels', 'random_walk', 'segmentation']
    row = found.rows[5]
    assert row.miou == found.results['random_walk']['mIoU']
    assert row.threshold == found.rows[4].threshold


@pytest.mark.slow
def test_a_label_is_the_threshold_of_maps_that_walked(place, finished):
    """From soft CAM and network to the mask, once more by a dense matrix."""
    (found, _), _ = finished
    work = place / 'work'
    cfg, _ = configs(place)
    saved = torch.load(work / 'affinity' / 'affinity.pth', weights_only=True)
    features = affinity_net.FrozenFeatures(
        cfg, work / 'cam' / found.results['cam']['checkpoint'], 8)
    net = affinity_net.AffinityNet(**saved['net'])
    net.load_state_dict(saved['weights'])
    look = features[5]
    assert look.meta['img_id'] == 'img_05'
    height, width = look.meta['ori_shape'][:2]
    assert look.grid == (math.ceil(height / 8), math.ceil(width / 8))
    sample = features.dataset[5]
    raw = features.model.extract_feat(features.model.data_preprocessor(dict(
        inputs=[sample['inputs']], data_samples=[sample['data_samples']]))[
            'inputs'])
    for level, one, stride in zip(look.feats, raw, (4, 8, 8, 8)):
        assert torch.equal(level, one[..., ::8 // stride, ::8 // stride])
    cam, classes = read_soft_cam(work / 'pseudo_labels' / 'img_05.npz')
    cells = torch.from_numpy(cam[:, ::8, ::8].astype(np.float32))
    embedding = net.eval()(look.feats)[0].detach()
    pairs = random_walk.cell_pairs(look.grid, 5)
    dense = random_walk.transition(
        random_walk.pair_distance(embedding, pairs), pairs,
        look.grid[0] * look.grid[1], 8).to_dense().double().numpy()
    maps = np.linalg.matrix_power(dense, 8) @ cells.flatten(1).numpy().T
    maps = torch.from_numpy(maps.T).view(len(cam), *look.grid)
    # Aligned corners: cell i lies at pixel 8 i, and the last one goes on.
    large = torch.nn.functional.interpolate(
        torch.nn.functional.pad(maps[None], (0, 1, 0, 1), 'replicate'),
        [8 * n + 1 for n in look.grid], mode='bilinear', align_corners=True)
    large = large[0, :, :height, :width] / maps.max()
    score, best = large.max(0)
    threshold = found.results['pseudo']['threshold']
    expected = np.where(score > threshold, classes[best], 0)
    label = read_index_png(work / 'random_walk' / 'img_05.png')
    near = (score - threshold).abs() < 1e-3
    assert ((label == expected) | near.numpy()).all()
    assert len(np.unique(label)) > 1


@pytest.mark.slow
def test_what_is_current_is_skipped_and_what_changed_is_not(place, finished):
    assert run(place)[1] == []
    changed, _ = configs(place, ', alpha=4')
    pipeline = build_pipeline(*configs(place, ', beta=4'), place / 'work')
    assert [pipeline.reason_to_run(name) for name in pipeline.steps][:6] == [
        None] * 4 + ['changed: step', None]
    work = place / 'work'
    lines = []
    build_pipeline(changed, None, work).run(say=lines.append)
    assert [line.split()[1] for line in lines if ' runs (' in line] == [
        'random_walk', 'report']
    assert (work / 'random_walk.old1').is_dir()
    rows = build_pipeline(changed, None, work).results().rows
    walked, = [row for row in rows if row.what == 'random_walk']
    assert walked.threshold is None
    cfg, seg = configs(place, ', alpha=4')
    cfg.pipeline.steps[3].train.iterations = 3
    pipeline = build_pipeline(cfg, seg, place / 'work')
    assert [pipeline.reason_to_run(name) for name in ('pseudo', 'affinity')
            ] == [None, 'changed: step']


@pytest.mark.slow
def test_an_image_without_a_class_is_background(place, finished, tmp_path):
    """It trains the affinity as background, and the walk leaves it alone."""
    shutil.copytree(place / 'work', tmp_path / 'work')
    pipeline = build_pipeline(*configs(place), tmp_path / 'work')
    labels = tmp_path / 'work' / 'pseudo_labels'
    for path in sorted(labels.glob('*.npz'))[:7]:
        cam, classes = read_soft_cam(path)
        write_soft_cam(path, cam[:0], classes[:0])
    for name in ('affinity', 'random_walk'):
        shutil.rmtree(tmp_path / 'work' / name)
        step, ctx = pipeline.steps[name], pipeline.context.before(name)
        outcome = step.run(ctx, False)
    assert outcome.result['mIoU'] > 0
    shown = [read_index_png(path).any() for path in sorted(
        (tmp_path / 'work' / 'random_walk').glob('*.png'))]
    assert shown == [False] * 7 + [True]


def test_wrong_settings_are_refused_before_anything_runs(place, tmp_path):
    for walk, message in [
            (', beta=0', 'beta of RandomWalk: expected a finite number > 0'),
            (', alpha=-1', 'alpha of RandomWalk'),
            (', label=dict(rule=dict(type="hsc_mm.Nothing"))', 'Nothing'),
            (', label=dict(threshold=2)', 'threshold of RandomWalk'),
            (', label=dict(threshold="auto")', 'threshold of RandomWalk'),
            (', labels="cam"', "step 'cam': expected a step with 'pseudo")]:
        with pytest.raises(ValueError, match=message):
            build_pipeline(*configs(place, walk), tmp_path / 'work')
    cfg, seg = configs(place)
    cfg.pseudo_label.soft = None
    with pytest.raises(ValueError, match=r'expected soft CAMs of \'pseudo\''):
        build_pipeline(cfg, seg, tmp_path / 'work')
    cfg.pseudo_label.soft = 'also'
    del cfg.pipeline.steps[3]
    with pytest.raises(ValueError, match="a step with 'affinity' in its"):
        build_pipeline(cfg, seg, tmp_path / 'work')
    assert not (tmp_path / 'work').exists()


def test_the_config_on_photographs_builds(shared_voc, tmp_path, monkeypatch):
    monkeypatch.setenv('VOC_ANIMALS_ROOT', str(shared_voc))
    cfg = load_config(
        Path(__file__).parent / 'configs' / 'walk_mbv2_voc-animals.py')
    assert list(build_pipeline(cfg, None, tmp_path).steps) == [
        'cam', 'seeds', 'pseudo', 'affinity', 'random_walk', 'report']


@pytest.mark.slow
@pytest.mark.parametrize(('label', 'threshold'), [
    ('dict(rule=dict(type="hsc_mm.ThresholdRule", threshold=.61))', .61),
    ('dict(threshold=.62)', .62),
    ('dict(refiners=[dict(type="hsc_mm.CRFRefiner")])', None)])
def test_a_threshold_of_the_walk_comes_first(place, finished, tmp_path,
                                             label, threshold):
    shutil.copytree(place / 'work', tmp_path / 'work')
    pipeline = build_pipeline(*configs(place, f', label={label}'),
                              tmp_path / 'work')
    (tmp_path / 'work' / 'random_walk').rename(tmp_path / 'before')
    found = pipeline.steps['random_walk'].run(
        pipeline.context.before('random_walk'), False)
    assert found.result['threshold'] == threshold
    foreground = [np.mean([(read_index_png(path) > 0).mean()
                           for path in sorted(folder.glob('*.png'))])
                  for folder in (tmp_path / 'before',
                                 tmp_path / 'work' / 'random_walk')]
    assert foreground[0] != foreground[1]
