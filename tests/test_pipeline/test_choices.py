"""How the threshold of the pseudo labels is chosen, and what is held out."""
import copy
from argparse import Namespace

import numpy as np
import pytest
from tiny_configs import cam_config, seg_config

from hsc_mm.cli.test import _choose_threshold
from hsc_mm.datasets.build import build_split
from hsc_mm.evaluation.selection import read_selection
from hsc_mm.inference import load_config
from hsc_mm.pipeline import build_pipeline

SEEDS = dict(
    best=dict(threshold=0.2), own=dict(threshold=0.3),
    selected=dict(threshold=0.4, images=2))


@pytest.fixture(scope='module')
def configs(tmp_path_factory, shared_voc):
    folder = tmp_path_factory.mktemp('choices')
    return (load_config(cam_config(shared_voc, folder / 'cam.py')),
            load_config(seg_config(shared_voc, folder / 'seg.py')))


def _context(configs, folder, seeds, **kwargs):
    pipeline = build_pipeline(*configs, folder, **kwargs)
    pipeline.context.manifests['seeds'].save({}, [], seeds, 0)
    return pipeline, pipeline.context.before('pseudo')


@pytest.mark.parametrize(('asked', 'seeds', 'expected'), [
    (None, SEEDS, (0.4, 'selected on 2 masks')),
    (None, dict(best=SEEDS['best']), (0.2, 'best')),
    (None, {}, (0.3, 'fixed')),
    (0.6, SEEDS, (0.6, 'fixed')),
    ('best', SEEDS, (0.2, 'best')),
    ('fixed', SEEDS, (0.3, 'fixed')),
    ('auto', SEEDS, ('otsu', 'label-free, by "otsu"')),
    ('sufficiency', SEEDS, ('sufficiency', 'label-free, by "sufficiency"')),
    ('li', {}, ('li', 'label-free, by "li"')),
])
def test_threshold_and_how_it_was_chosen(configs, tmp_path, asked, seeds,
                                         expected):
    pipeline, ctx = _context(configs, tmp_path, seeds, threshold=asked)
    assert pipeline.steps['pseudo']._threshold(ctx) == expected


def test_a_selected_threshold_is_that_of_refined_maps(configs, tmp_path):
    cam, step = copy.deepcopy(configs[0]), 'pseudo'
    for label, expected in (
            (dict(refiners=[dict(type='hsc_mm.PAR')]), 'selected'),
            (dict(refiners=[dict(type='hsc_mm.CRFRefiner')]), 0.4),
            (dict(rule=dict(type='hsc_mm.ThresholdRule')), 0.4)):
        cam.pseudo_label = label
        pipeline, ctx = _context((cam, configs[1]), tmp_path, SEEDS, select=1)
        found = pipeline.steps[step]._threshold(ctx)
        assert found == (expected, 'selected on 2 masks')
        flag, value = pipeline.steps[step]._flags(ctx, *found)
        if expected == 'selected':
            assert flag == '--select-list'
            assert read_selection(value) == ctx.selection != []
        else:
            assert (flag, value) == ('--threshold', expected)


def test_files_of_refiners_of_the_selection_are_looked_for(
        configs, tmp_path, shared_voc):
    cam = copy.deepcopy(configs[0])
    few = tmp_path / 'few.txt'
    few.write_text('img_01\n')
    for split, names in dict(train=(2, 3), test=(1, 4)).items():
        listed = tmp_path / f'{split}.txt'
        listed.write_text(''.join(f'img_{i:02d}\n' for i in names))
        cam[f'{split}_dataloader'].dataset.ann_file = str(listed)
    segments = tmp_path / 'segments'
    segments.mkdir()
    for name in ('img_02', 'img_03'):
        np.save(segments / f'{name}.npy', np.ones((9, 9), int))
    cam.model.test_cfg.use_image_labels = False
    cam.pseudo_label = dict(refiners=[
        dict(type='hsc_mm.SegmentRefiner', folder=str(segments))])
    settings = cam, configs[1], tmp_path / 'work'
    with pytest.raises(ValueError, match=r'select the threshold.*img_01'):
        build_pipeline(*settings, select=str(few))
    build_pipeline(*settings, select=str(few), threshold=0.4)
    np.save(segments / 'img_01.npy', np.ones((9, 9), int))

    def inputs():
        pipeline = build_pipeline(*settings, select=str(few))
        pipeline.context.manifests['seeds'].save({}, [], SEEDS, 0)
        pipeline.context.manifests['cam'].save({}, [], dict(hash='x'), 0)
        return pipeline.steps['pseudo'].inputs(
            pipeline.context.before('pseudo'))

    first = inputs()
    assert first['threshold'] == 'selected'
    np.save(segments / 'img_01.npy', np.zeros((9, 9), int))
    second = inputs()
    assert {key for key in first if first[key] != second[key]} == {
        'refiner_files'}


def test_the_best_threshold_needs_masks_before_anything_is_trained(
        configs, tmp_path):
    build_pipeline(*configs, tmp_path / 'a', threshold='best')
    cam = copy.deepcopy(configs[0])
    cam.test_dataloader.dataset.data_prefix.pop('seg_map_path')
    unscored = copy.deepcopy(configs[0])
    unscored.pipeline = dict(steps=[dict(type=f'hsc_mm.{step}') for step in (
        'TrainCAM', 'MakePseudoLabels', 'TrainSegmentor')])
    for number, cfg in enumerate((cam, unscored)):
        with pytest.raises(ValueError, match='expected masks of the test spl'):
            build_pipeline(cfg, configs[1], tmp_path / str(number),
                           threshold='best')


@pytest.mark.parametrize(('asked', 'seeds', 'expected'), [
    (None, {}, ('sufficiency', 'usual')),
    (None, dict(best=SEEDS['best']), (0.2, 'best')),
    ('fixed', {}, (0.3, 'fixed')),
    (0.6, {}, (0.6, 'fixed')),
])
def test_a_config_chooses_where_no_masks_do(configs, tmp_path, asked, seeds,
                                            expected):
    cam = copy.deepcopy(configs[0])
    cam.pseudo_label = dict(threshold='sufficiency')
    pipeline, ctx = _context((cam, configs[1]), tmp_path, seeds,
                             threshold=asked)
    assert pipeline.steps['pseudo']._threshold(ctx) == expected


def test_seeds_of_another_checkpoint_choose_nothing(configs, tmp_path):
    cam, path = copy.deepcopy(configs[0]), tmp_path / 'base.py'
    path.write_text(f'_base_ = {configs[0].filename!r}')
    cam.pipeline = dict(steps=[
        dict(type=f'hsc_mm.{name}') for name in (
            'TrainCAM', 'MakePseudoLabels', 'TrainSegmentor')])
    pipeline = build_pipeline(cam, configs[1], tmp_path, None,
                              [load_config(path)])
    name, = (n for n, s in pipeline.steps.items() if 'seeds' in s.makes)
    pipeline.context.manifests[name].save({}, [], SEEDS, 0)
    ctx = pipeline.context.before('pseudo')
    assert pipeline.steps['pseudo']._threshold(ctx) == (0.3, 'fixed')
    ctx.threshold = 'best'
    with pytest.raises(ValueError, match='"best": expected masks of the test'):
        pipeline.steps['pseudo']._threshold(ctx)


def test_a_selection_of_the_config_is_held_out(configs, tmp_path):
    cam, few = copy.deepcopy(configs[0]), tmp_path / 'few.txt'
    cam.test_evaluator.selection = str(few)
    held = []
    for name in ('img_00', 'img_01'):
        few.write_text(f'{name}\n')
        ctx = build_pipeline(cam, configs[1], tmp_path).context
        assert ctx.selection == [name]
        assert ctx.held_out(ctx.dataset('seg', 'test')) == {name}
        ctx.manifests['cam'].save({}, [], dict(checkpoint='a', hash='0'), 0)
        held.append(ctx.steps['seeds'].inputs(ctx.before('seeds'))['held_out'])
    assert held[0] != held[1]


def test_what_cannot_choose_is_refused(configs, tmp_path):
    with pytest.raises(ValueError, match='"selected": expected --select'):
        build_pipeline(*configs, tmp_path / 'a', threshold='selected')
    pipeline, ctx = _context(configs, tmp_path, dict(best=SEEDS['best']),
                             threshold='fixed')
    ctx.threshold = 'selected'  # a step of others found no masks
    with pytest.raises(ValueError, match='"selected": expected --select'):
        pipeline.steps['pseudo']._threshold(ctx)
    with pytest.raises(ValueError, match=r'"otsi"\. Is "otsu" meant'):
        build_pipeline(*configs, tmp_path / 'b', threshold='otsi')


@pytest.mark.parametrize(('change', 'said'), [
    (dict(rule=dict(type='ThresholdRule', threshold=1.5)), 'found 1.5'),
    (dict(rule=dict(type='hsc_mm.BandRule', low=0.5, high=0.2)), 'found 0.2'),
    (dict(refiners=[dict(type='hsc_mm.CRF')]), 'hsc_mm.CRF'),
    (dict(refiner=[]), '"refiners" meant'),
    (dict(threshold='atuo'), 'Is "auto" meant'),
    (dict(threshold=1.5), 'found 1.5'),
])
def test_wrong_labels_are_refused_before_anything_is_trained(
        configs, tmp_path, change, said):
    cam = copy.deepcopy(configs[0])
    cam.pseudo_label = change
    with pytest.raises(ValueError, match=said):
        build_pipeline(cam, configs[1], tmp_path)


@pytest.mark.parametrize('threshold', [0.4, 'auto', '0.5x'])
def test_a_threshold_that_nothing_uses_is_refused(configs, tmp_path,
                                                  threshold):
    with pytest.raises(ValueError, match='no step makes pseudo labels'):
        build_pipeline(configs[0], None, tmp_path, threshold)
    for wrong in (1.5, '0.5x'):
        with pytest.raises(ValueError, match='expected a'):
            build_pipeline(*configs, tmp_path, wrong)


def test_images_of_the_selection_are_held_out_of_both_stages(
        configs, tmp_path):
    pipeline, ctx = _context(configs, tmp_path, {}, select=1)
    chosen = set(ctx.selection)
    assert 1 <= len(chosen) <= 2
    assert ctx.held_out(ctx.dataset('seg', 'test')) == chosen
    pipeline.context.manifests['cam'].save({}, [], dict(
        checkpoint='a', hash='0'), 0)
    step = pipeline.steps['seeds']
    held = step.inputs(pipeline.context.before('seeds'))['held_out']
    # Without a selection the inputs are what they were.
    plain = build_pipeline(*configs, tmp_path).context.before('seeds')
    assert 'held_out' not in step.inputs(plain)
    # Nor does the score of pseudo labels count them, which are the same.
    labels = pipeline._inputs(pipeline.steps['pseudo'])
    assert labels.pop('held_out') == held
    identities = set()
    for inputs in (labels, dict(labels, held_out=held)):
        pipeline.context.manifests['pseudo'].save(inputs, [], {}, 0)
        identities.add(pipeline.context.identity('pseudo'))
    assert len(identities) == 1
    few = tmp_path / 'few.txt'
    few.write_text('\n'.join(sorted(chosen)))
    listed = build_pipeline(*configs, tmp_path, select=str(few))
    assert step.inputs(
        listed.context.before('seeds'))['held_out'] == held
    few.write_text('img_99\n')
    with pytest.raises(ValueError, match=r"few.txt: expected.*'img_99'"):
        build_pipeline(*configs, tmp_path, select=str(few))


def test_a_selection_leaves_something_to_score(configs, tmp_path):
    seg = copy.deepcopy(configs[1])
    listed = tmp_path / 'two.txt'
    chosen = sorted(_context(configs, tmp_path, {}, select=1)[1].selection)
    listed.write_text('\n'.join(chosen) + '\n')
    seg.test_dataloader.dataset.ann_file = str(listed)
    few = tmp_path / 'few.txt'
    few.write_text('\n'.join(chosen) + '\n')
    settings = (configs[0], seg, tmp_path / 'w')
    with pytest.raises(ValueError, match=rf'--select: .*the {len(chosen)} '
                       'images of two, .*nothing would be left to score'):
        build_pipeline(*settings, select=str(few))
    build_pipeline(*settings)


def test_other_labels_of_equal_inputs_are_others(configs, tmp_path):
    pipeline, _ = _context(configs, tmp_path, {})
    found = []
    for content in ('a', 'a', 'b'):
        pipeline.context.manifests['pseudo'].save(
            dict(refiners=[]), [], dict(hash=content), 0)
        found.append(pipeline.context.identity('pseudo'))
    assert found[0] == found[1] != found[2]


def test_pseudo_labels_depend_on_the_segments_that_refine_them(configs,
                                                              tmp_path):
    cam = copy.deepcopy(configs[0])
    cam.pseudo_label = dict(refiners=[dict(
        type='hsc_mm.SegmentRefiner', folder=str(tmp_path))])
    pipeline, ctx = _context((cam, configs[1]), tmp_path / 'run', SEEDS)
    pipeline.context.manifests['cam'].save({}, [], {}, 0)
    ctx.checkpoint_hash = lambda *args: 'same'
    found = []
    for size in (3, 3, 4):
        path = tmp_path / 'img_02.npy'
        if not found or size == 4:
            path.write_bytes(b'0' * size)
        found.append(pipeline.steps['pseudo'].inputs(ctx))
    assert found[0] == found[1] != found[2]
    pipeline, ctx = _context(configs, tmp_path / 'run', SEEDS)
    ctx.checkpoint_hash = lambda *args: 'same'
    assert found[0].keys() - pipeline.steps['pseudo'].inputs(ctx).keys() == {
        'refiner_files'}


def _args(**given):
    return Namespace(**{**dict(select=None, select_list=None, threshold=None,
                               out=None), **given})


def test_a_test_of_either_stage_holds_the_same_images_out(configs, tmp_path):
    seeds, masks = copy.deepcopy(configs)
    seeds.work_dir = str(tmp_path)
    _choose_threshold(seeds, _args(select=1, threshold='li'))
    path = tmp_path / 'selection.txt'
    assert seeds.test_evaluator.selection == str(path)
    assert seeds.test_evaluator.threshold_rule == 'li'
    _choose_threshold(masks, _args(select_list=str(path)))
    data = build_split(masks, 'test')
    left = {data.get_data_info(i)['img_id'] for i in range(len(data))}
    assert len(left) == 8 - len(read_selection(path))
    assert not left & set(read_selection(path))


def test_thresholds_that_a_test_cannot_apply_are_refused(configs):
    seeds, masks = copy.deepcopy(configs)
    _choose_threshold(seeds, _args(threshold=0.6, out='masks'))
    assert seeds.model.test_cfg.bg_threshold == 0.6
    with pytest.raises(ValueError, match='--out: expected --threshold NUM'):
        _choose_threshold(seeds, _args(threshold='auto', out='masks'))
    with pytest.raises(ValueError, match='A segmentor has no background'):
        _choose_threshold(masks, _args(threshold=0.4))
