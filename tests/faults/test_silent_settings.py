"""Numbers out of range, keys that nothing reads, trainings that explode."""
import re
from pathlib import Path

import pytest
import torch
from conftest import run_here
from mmengine.config import Config
from mmengine.optim import PolyLR
from tiny_configs import cam_config, seg_config
from toy_runner import toy_runner

from hsc_mm.cli import common, train
from hsc_mm.crf import DenseCRF
from hsc_mm.datasets.transforms import LoadPseudoLabel
from hsc_mm.engine.classes import check_heads
from hsc_mm.engine.hooks import FiniteLossHook
from hsc_mm.evaluation import SeedMetric
from hsc_mm.inference import load_config
from hsc_mm.inference.config_values import check_values
from hsc_mm.models.segmentors.cam_predictor import check_test_cfg
from hsc_mm.pipeline import build_pipeline
from hsc_mm.pseudo_labels.chain import LabelChain
from hsc_mm.registry import LABEL_RULES, MODELS
from hsc_mm.utils.checkpoints import load, why_not_whole
from hsc_mm.utils.limits import MEGAPIXELS

GOOD = dict(bg_threshold=0.3, use_image_labels=True, score_thr=0.5)
BAD = [-1, 2, float('nan'), float('inf'), '0.3', None, [0.3], True]
WEIGHTS = [-0.1, float('nan'), float('inf'), '1', None]


def _rule(name, **arguments):
    return LABEL_RULES.get(f'hsc_mm.{name}')(**arguments)


def _model(name, **arguments):
    return MODELS.get(f'hsc_mm.{name}')(**arguments)


#: What is called with a bad number, and the name that the error must have.
NUMBERS = {
    'bg_threshold': lambda x: check_test_cfg(dict(GOOD, bg_threshold=x), 'M'),
    'score_thr': lambda x: check_test_cfg(dict(GOOD, score_thr=x), 'M'),
    'threshold of Thr': lambda x: _rule('ThresholdRule', threshold=x),
    'low of BandRule': lambda x: _rule('BandRule', low=x, high=0.5),
    'high of BandRule': lambda x: _rule('BandRule', low=0.2, high=x),
    'threshold': lambda x: LabelChain(threshold=x),
    'thresholds of Seed': lambda x: SeedMetric(thresholds=[0.5, x]),
    'warmup': lambda x: _model('HierarchicalContrast', warmup=x),
    'threshold of Sal': lambda x: _model('SaliencyLoss', threshold=x),
    'alpha of SaliencyLoss': lambda x: _model('SaliencyLoss', alpha=x),
    'gt_prob': lambda x: _model('LabelCRF', gt_prob=x),
}
WEIGHED = ('ClassificationLoss', 'EquivarianceLoss', 'EquivarianceCrossLoss',
           'MinPoolingLoss', 'SaliencyLoss', 'HierarchicalContrast',
           'ROIContrast', 'ClassContrast', 'PixelContrast',
           'BootstrappedCrossEntropyLoss', 'SymmetricCrossEntropyLoss')


@pytest.mark.parametrize('bad', BAD, ids=repr)
@pytest.mark.parametrize('name', NUMBERS)
def test_numbers_out_of_range(name, bad):
    with pytest.raises(ValueError, match=f'(?i){name}.*found'):
        NUMBERS[name](bad)
    NUMBERS[name](0.5)


@pytest.mark.parametrize('weight', WEIGHTS, ids=repr)
@pytest.mark.parametrize('name', WEIGHED)
def test_negative_loss_weights(name, weight):
    with pytest.raises(ValueError, match=f'loss_weight of {name}'):
        _model(name, loss_weight=weight)
    assert _model(name, loss_weight=0).loss_weight == 0


@pytest.mark.parametrize(('name', 'arguments'), [
    ('HierarchicalContrast', dict(background=('0.1', 0.2))),
    ('HierarchicalContrast', dict(background=[0.1, 1.5])),
    ('ClassContrast', dict(top=0)), ('ClassContrast', dict(bank_top=1.5)),
    ('ClassContrast', dict(temperature=0)),
    ('PixelContrast', dict(temperature=-1)),
    ('LabelCRF', dict(steps=-1)), ('LabelCRF', dict(gaussian=(0, 3))),
    ('LabelCRF', dict(bilateral=(50, 5, -1))),
    ('LabelCRF', dict(bilateral=(50, 5))),
    ('SymmetricCrossEntropyLoss', dict(alpha='a')),
    ('SymmetricCrossEntropyLoss', dict(beta=-1)),
    ('BootstrappedCrossEntropyLoss', dict(beta=1.1)),
])
def test_other_arguments_of_losses(name, arguments):
    with pytest.raises(ValueError, match='expected'):
        _model(name, **arguments)


@pytest.mark.parametrize('key', ['gaussian_sxy', 'bilateral_weight', 'steps'])
@pytest.mark.parametrize('bad', [-1, float('nan'), 'a'])
def test_numbers_of_the_crf(key, bad):
    with pytest.raises(ValueError, match=f'{key} of the CRF'):
        DenseCRF(**{key: bad})


@pytest.mark.parametrize('arguments', [
    dict(threshold='a'), dict(threshold=('a', 'b')), dict(threshold=1),
    dict(threshold=(0.4, 0.2)), dict(band=(0.2, 0.3, 0.4)), dict(band=0)])
def test_thresholds_of_soft_labels(tmp_path, arguments):
    with pytest.raises(ValueError, match='of LoadPseudoLabel: expected'):
        LoadPseudoLabel(str(tmp_path), '.npz', **arguments)


@pytest.mark.parametrize(('key', 'meant'), [
    ('bg_treshold', 'bg_threshold'), ('use_image_label', 'use_image_labels'),
    ('pseudo_label', 'top level'), ('mode', 'expected keys')])
def test_unknown_keys_of_test_cfg(key, meant):
    with pytest.raises(ValueError, match=f'test_cfg of M.*{meant}'):
        check_test_cfg(dict(GOOD, **{key: 1}), 'M')
    with pytest.raises(ValueError, match='use_image_labels in test_cfg'):
        check_test_cfg(dict(GOOD, use_image_labels='no'), 'M')


@pytest.mark.parametrize('section', [
    dict(rules=[]), dict(refiner=[]), dict(thresholds=0.3), 'x', [1]])
def test_unknown_keys_of_pseudo_label(section):
    cfg = Config(dict(model=dict(), pseudo_label=section))
    with pytest.raises(ValueError, match='pseudo_label: expected'):
        LabelChain.from_config(cfg)


def test_unknown_keys_of_pipeline(tmp_path):
    cfg = Config(dict(pipeline=dict(step=[])))
    with pytest.raises(ValueError, match=r'pipeline.*Is "steps" meant'):
        build_pipeline(cfg, None, tmp_path)


@pytest.mark.parametrize(('option', 'meant'), [
    ('model.test_cfg.bg_treshold', 'bg_threshold'),
    ('modl.second_view', 'model'), ('trian_cfg.max_iters', 'train_cfg'),
    ('train_cfg.max_iter', 'max_iters'), ('colour', 'nothing reads'),
    ('cfg.x', 'nothing reads'),
    ('train_dataloader.dataset.pipeline.0.typo', None),
    ('model.decode_head.losses.clss', 'cls'),
    ('optim_wrapper.clip_grad.norm_type', None), ('tta_model', None),
    ('default_hooks.checkpoint.save_best', None),
    ('pseudo_label.rule.type', None), ('load_from', None),
    ('model.test_cfg.labels_on_unseen_split', None),
])
def test_misspelt_options(shared_voc, tmp_path, option, meant):
    config = cam_config(shared_voc, tmp_path / 'c.py')
    if meant is None:
        load_config(config, {option: 'x'}, str(tmp_path / 'w'))
        return
    with pytest.raises(ValueError, match=f'{option}: .*{meant}'):
        load_config(config, {option: 1}, str(tmp_path / 'w'))


@pytest.mark.parametrize('options', [
    {'optim_wrapper.type': 'AmpOptimWrapper',
     'optim_wrapper.dtype': 'bfloat16'},
    {'model.backbone.type': 'ResNetV1c', 'model.backbone.stem_channel': 8},
    {'model.backbone.type': 'NoSuchNet', 'model.backbone.stem_channel': 8},
])
def test_arguments_that_look_like_other_keys(shared_voc, tmp_path, options):
    config = cam_config(shared_voc, tmp_path / 'c.py')
    if 'optim_wrapper.dtype' in options:
        cfg = load_config(config, options, str(tmp_path / 'w'))
        assert cfg.optim_wrapper.dtype == 'bfloat16'
        return
    with pytest.raises(ValueError, match='Is "stem_channels" meant'):
        load_config(config, options, str(tmp_path / 'w'))


@pytest.mark.parametrize('stage', ['cam', 'seg'])
def test_misspelt_options_of_a_stage(shared_voc, tmp_path, stage):
    config = cam_config(shared_voc, tmp_path / 'c.py')
    found = run_here('pipeline', config, config, '--work-dir', tmp_path / 'w',
                     f'--{stage}-options', 'trian_cfg.max_iters=1')
    assert found.returncode == 1
    assert f'error: --{stage}-options trian_cfg.max_iters: ' in found.stderr


@pytest.mark.parametrize(('loader', 'numbers', 'right'), [
    (dict(type='hsc_mm.LoadImage', bands=[1, 2, 3, 4]), 4, True),
    (dict(type='hsc_mm.LoadImage', bands=[1, 2, 3, 4]), 3, False),
    (dict(type='hsc_mm.LoadImage', bands=[1, 2, 3, 4]), 1, True),
    (dict(type='hsc_mm.LoadImage'), 1, False),
    (dict(type='LoadImageFromFile', color_type='grayscale'), 1, True),
    (dict(type='MyLoader'), 5, True)], ids=str)
def test_statistics_of_another_number_of_bands(loader, numbers, right):
    values = [1.0] * numbers
    cfg = Config(dict(
        model=dict(type='M', data_preprocessor=dict(mean=values, std=values)),
        test_dataloader=dict(dataset=dict(type='RepeatDataset', dataset=dict(
            pipeline=[loader])))))
    if right:
        check_values(cfg, 'x.py')
        return
    with pytest.raises(ValueError, match=r'data_preprocessor of x\.py: .* '
                       f'found {numbers} mean, {numbers} std, . bands'):
        check_values(cfg, 'x.py')


@pytest.mark.parametrize('loop', [
    dict(by_epoch=True, max_epochs=2),
    dict(type='EpochBasedTrainLoop', max_epochs=2)])
@pytest.mark.parametrize('sampler', [
    'hsc_mm.ReproducibleSampler', 'hsc_mm.ClassBalancedSampler',
    'InfiniteSampler', 'DefaultSampler'])
def test_epochs_of_a_sampler_that_has_none(loop, sampler):
    cfg = Config(dict(model=dict(type='M'), train_cfg=loop,
                      train_dataloader=dict(sampler=dict(type=sampler))))
    if sampler == 'DefaultSampler':
        check_values(cfg, 'x.py')
        return
    with pytest.raises(ValueError, match=r'train_cfg of x\.py: expected Iter'):
        check_values(cfg, 'x.py')


@pytest.mark.parametrize('loop', [
    dict(by_epoch=False, max_iters=2),
    dict(type='IterBasedTrainLoop', max_iters=2),
    dict(type='DefaultSampler', max_epochs=2)], ids=str)
@pytest.mark.parametrize(('schedule', 'moves'), [
    (dict(type='PolyLR', end=2), False),
    (dict(type='PolyLR', end=2, by_epoch=True), False),
    (dict(type='PolyLR', end=2, by_epoch=False), True),
    (dict(type='PolyLR', convert_to_iter_based=True), True),
    (dict(type='ReduceOnPlateauLR', monitor='mIoU'), True),
    (dict(type='mmengine.ReduceOnPlateauLR', monitor='mIoU'), True),
    (dict(type=PolyLR, end=2), False)], ids=str)
def test_schedules_in_epochs_of_a_loop_that_has_none(loop, schedule, moves):
    pair = [dict(type='LinearLR', by_epoch=False, end=1), schedule]
    for found, where in ((pair, '1'), (dict(a=schedule, b=pair), 'a.0')):
        cfg = Config(dict(
            model=dict(type='M'), train_cfg=loop, param_scheduler=found))
        if moves or 'max_epochs' in loop:
            check_values(cfg, 'x.py')
            continue
        with pytest.raises(ValueError, match=re.escape(
                f'param_scheduler.{where} of x.py: expected by_epoch')):
            check_values(cfg, 'x.py')


@pytest.mark.parametrize('number', [0, -5, 1.5, 'a'])
def test_trainings_without_iterations(shared_voc, tmp_path, number):
    config = cam_config(shared_voc, tmp_path / 'c.py')
    with pytest.raises(ValueError, match=r'train_cfg.max_iters: expected'):
        load_config(config, {'train_cfg.max_iters': number})
    with pytest.raises(ValueError, match=r'train_cfg.val_interval: expected'):
        load_config(config, {'train_cfg.val_interval': number})


def test_a_finite_loss_that_explodes_stops_the_run(shared_voc, tmp_path,
                                                   monkeypatch, capsys):
    config = cam_config(shared_voc, tmp_path / 'c.py', iters=8)
    monkeypatch.setattr('sys.argv', [
        'train', str(config), '--work-dir', str(tmp_path / 'w'),
        '--cfg-options', 'optim_wrapper.optimizer.lr=1e4'])
    assert common.run(train.main) == 1
    assert 'finite losses up to 10000, found' in capsys.readouterr().err
    with pytest.raises(ValueError, match='limit of FiniteLossHook'):
        FiniteLossHook(limit=0)


def _runner(tmp_path, **kwargs):
    return toy_runner(tmp_path, hooks=dict(checkpoint=dict(
        type='hsc_mm.SafeCheckpointHook', **kwargs)))


def test_weights_that_are_no_numbers_are_not_saved(tmp_path):
    runner = _runner(tmp_path, interval=1)
    with torch.no_grad():
        runner.model.fc.bias.fill_(float('nan'))
    with pytest.raises(ValueError, match='not written: expected finite'):
        runner.train()
    assert not list(tmp_path.rglob('*.pth*'))


def test_what_is_published_is_whole(tmp_path):
    _runner(tmp_path, interval=1, published_keys=['meta', 'state_dict']
            ).train()
    path, = tmp_path.glob('epoch_1-*.pth')
    assert why_not_whole(path) is None
    assert Path(f'{path}.sha256').is_file()
    assert set(load(path)) == {'meta', 'state_dict'}
    assert not list(tmp_path.glob('.*.draft'))


@pytest.mark.parametrize(('command', 'option', 'said'), [
    ('make_pseudo_labels', '--threshold 0.3', '--soft only writes none'),
    ('make_pseudo_labels', '--band 0.3 0.4', '--soft only writes none'),
    ('test', '--wait-time nan', 'expected a number of seconds'),
    ('test', '--wait-time -1', 'expected a number of seconds')])
def test_options_that_mean_nothing(command, option, said):
    more = ('--soft', 'only', '--out', 'x') if command != 'test' else ()
    found = run_here(command, __file__, __file__, *option.split(), *more)
    assert found.returncode == 2
    assert said in found.stderr


def test_a_limit_that_is_no_number_is_named(monkeypatch):
    monkeypatch.setenv(MEGAPIXELS, 'many')
    found = run_here('make_pseudo_labels', __file__, __file__, '--out', 'x')
    assert found.returncode == 1
    assert f"{MEGAPIXELS}: expected a number of megapixels, found 'many'" in \
        found.stderr


@pytest.mark.parametrize('option', ['threshold', 'select-list', 'work-dir'])
def test_an_empty_value_is_no_missing_option(option):
    found = run_here('test', __file__, __file__, f'--{option}', '')
    assert found.returncode == 2
    assert f'--{option}: expected a' in found.stderr
    assert 'found none' in found.stderr


@pytest.mark.parametrize(('argv', 'name'), [
    (('predict', 'a.png', '', '--checkpoint', __file__, '--config', __file__),
     'inputs'),
    (('make_saliency', '--provider', 'x:y', '--images', '', '--out', 'o'),
     '--images'),
    (('prepare_coco', '--root', ''), '--root'),
    (('prepare_voc', ' '), 'root'),
    (('cut_voc', '', 'o'), 'root'),
    (('convert_weights', __file__, ''), 'dst'),
])
def test_an_empty_path_is_not_the_current_folder(argv, name, tmp_path,
                                                 monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = run_here(*argv)
    assert found.returncode == 2
    assert f' {name}: expected a path, found none' in found.stderr
    assert not [*tmp_path.iterdir()]


def test_rates_of_a_misspelt_part(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'c.py', 2)
    config.write_text(
        config.read_text() + '\noptim_wrapper["paramwise_cfg"] = dict('
        'custom_keys=dict(decode_haed=dict(lr_mult=3)))\n')
    found = run_here('train', config, '--work-dir', tmp_path / 'w')
    assert found.returncode == 1
    assert "found 'decode_haed'. Is \"decode_head\" meant?" in found.stderr


@pytest.mark.parametrize(('key', 'value'), [
    ('optim_wrapper.optimizer.momentum', 5),
    ('optim_wrapper.optimizer.weight_decay', float('nan')),
    ('optim_wrapper.paramwise_cfg.custom_keys.head.lr_mult', -1),
    ('optim_wrapper.paramwise_cfg.bias_decay_mult', 'a'),
    ('param_scheduler.0.power', -1), ('param_scheduler.0.eta_min', -0.1),
    ('model.data_preprocessor.std', [0, 1, 1]),
    ('model.data_preprocessor.mean', [float('nan'), 1, 1]),
    ('model.decode_head.loss_decode.loss_weight', -1)])
def test_numbers_that_train_backwards_or_explode(key, value):
    cfg = Config(dict(
        model=dict(type='M', decode_head=dict(loss_decode=dict(type='L')),
                   data_preprocessor=dict(mean=[1, 1, 1], std=[1, 1, 1])),
        optim_wrapper=dict(optimizer=dict(type='SGD', momentum=0.9)),
        param_scheduler=[dict(type='PolyLR', power=0.9)]))
    check_values(cfg, 'x.py')
    cfg.merge_from_dict({key: value})
    with pytest.raises(ValueError, match=rf'{key} of x\.py: expected a fin'):
        check_values(cfg, 'x.py')


@pytest.mark.parametrize(('arguments', 'said'), [
    (['{cam}', '--seg-options', 'a=1'], '--seg-options: expected a config'),
    (['{cam}', '{seg}', '--threshold', 'selected'], 'expected --select'),
    (['{cam}', '--select-list', 'none.txt'], 'none.txt: No such file'),
    (['{cam}', '--baseline', '{seg}'], 'expected the config of a CAM stage'),
    (['{seg}'], 'expected the config of a CAM stage'),
    (['{cam}', '--baseline', '{cam}'], 'a --baseline has the name of its')])
def test_a_pipeline_says_what_is_wrong_before_it_trains(
        shared_voc, tmp_path, arguments, said):
    paths = dict(cam=cam_config(shared_voc, tmp_path / 'cam.py'),
                 seg=seg_config(shared_voc, tmp_path / 'seg.py'))
    found = run_here('pipeline', *(a.format(**paths) for a in arguments),
                     '--work-dir', tmp_path / 'w')
    assert found.returncode in (1, 2)
    assert said in found.stderr
    assert not (tmp_path / 'w' / 'cam').exists()


def test_segmentors_of_other_classes_are_refused():
    model, head = torch.nn.Module(), torch.nn.Module()
    model.decode_head, model.auxiliary_head = head, torch.nn.ModuleList()
    meta = dict(classes=('background', 'cat', 'dog'))
    head.num_classes = 5
    with pytest.raises(ValueError, match=r'num_classes: expected 3.*found 5'):
        check_heads(model, meta)
    head.num_classes = 3
    check_heads(model, meta)
