"""What is said of a training: its parts, and when it goes wrong."""
import json
import math
import random
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATA_SAMPLERS
from mmengine.runner import Runner
from tiny_configs import hsc_config
from torch.utils.data import BatchSampler

from hsc_mm.cli import common, make_pseudo_labels, predict, test, train
from hsc_mm.datasets import ClassBalancedSampler, ReproducibleSampler
from hsc_mm.engine.hooks import TrainingHealthHook
from hsc_mm.engine.hooks.training_health_hook import _drawn, spread
from hsc_mm.engine.run_summary import _method, start_of
from hsc_mm.functional import label_prior_loss, multilabel_soft_margin_loss
from hsc_mm.models import ClassificationLoss
from hsc_mm.utils.health import LossWatch, read_health, spoken

# 13 cats, 13 dogs, 11 horses, and 3 pictures of a cat and a dog.
LABELS = torch.tensor([[1, 0, 0]] * 13 + [[0, 1, 0]] * 13 +
                      [[0, 0, 1]] * 11 + [[1, 1, 0]] * 3)
PRIOR = label_prior_loss(LABELS)


def _kinds(values, prior=PRIOR, batch_size=8):
    watch = LossWatch(prior, batch_size)
    for number, value in enumerate(values, 1):
        watch.update(number, value)
    return [one['kind'] for one in watch.findings()]


def _between(points, noise=0.3, seed=0):
    """Go from point to point (iteration, loss), with multiplied noise."""
    rng = random.Random(seed)
    for (start, low), (end, high) in pairwise(points):
        for i in range(start, end):
            level = low + (high - low) * (i - start) / (end - start)
            yield level * math.exp(rng.gauss(0, noise))


def test_the_loss_of_the_prior_is_that_of_a_constant_prediction():
    share = LABELS.double().mean(0)
    score = (share / (1 - share)).log().expand(LABELS.shape)
    assert PRIOR == pytest.approx(
        multilabel_soft_margin_loss(score, LABELS).item())
    assert ClassificationLoss(loss_weight=0.5).prior_loss(
        LABELS) == pytest.approx(PRIOR / 2)
    assert label_prior_loss(torch.tensor([[1, 0], [1, 0]])) == 0


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('points', [
    [(0, .69), (28, .24), (38, 2.1), (60, 2.1), (120, .48), (300, .48)],
    [(0, .69), (25, .2), (40, .9), (60, .9), (100, .1), (300, .02)],
])
def test_a_training_that_breaks_jumps(points, seed):
    assert _kinds(_between(points, 0.2, seed)) == ['jump']
    # The doctor's dry run is long enough for it.
    assert 'jump' in _kinds(list(_between(points, 0.2, seed))[:60])


def test_a_training_that_never_recovers_is_as_bad_as_the_prior():
    lost = [(0, .69), (25, .07), (80, 11.), (130, .8), (300, .64)]
    assert _kinds(_between(lost, 0.05)) == ['jump', 'prior']
    assert _kinds(_between([(0, .69), (200, .64)], 0.05)) == ['prior']


@pytest.mark.parametrize('batch_size', [1, 2, 8])
def test_noisy_batches_of_a_healthy_training_are_no_jump(batch_size):
    rng = random.Random(batch_size)
    for ends_at in (0.02, 0.4):
        values = [
            sum((ends_at + (.69 - ends_at) * math.exp(-i / 40)) *
                rng.lognormvariate(-.5, 1.) for _ in range(batch_size)) /
            batch_size for i in range(300)
        ]
        assert max(values[100:]) > 4 * min(values[100:])
        assert _kinds(values, batch_size=batch_size) == []
    one = [0.69] * 10 + [0.1] * 40 + [30.] + [0.1] * 40
    assert _kinds(one) == []


def test_too_few_iterations_say_nothing_and_an_unknown_prior_the_start():
    assert _kinds([0.7] * 9) == []
    assert _kinds([0.7] * 10) == ['prior']
    assert _kinds([0.7] * 30, prior=None) == []
    assert _kinds([0.7] * 10 + [.1] * 20 + [.6] * 20, prior=None) == []
    assert _kinds([0.7] * 10 + [.1] * 20 + [.9] * 20, prior=0.) == ['jump']


def test_embeddings_without_direction_have_no_spread():
    assert spread(torch.zeros(2, 4, 3, 3)) == 0
    line = torch.arange(1., 5.).view(1, 4, 1, 1) * torch.rand(2, 1, 3, 3)
    assert spread(line) == pytest.approx(0, abs=1e-6)
    unit = torch.zeros(2, 2, 1, 1)
    unit[0, 0] = unit[1, 1] = 5.  # at right angles: 1 - |(1/2, 1/2)|^2
    assert spread(unit) == pytest.approx(0.5)


@pytest.fixture(scope='module')
def config(shared_voc, tmp_path_factory):
    return hsc_config(shared_voc, tmp_path_factory.mktemp('health') / 'cam.py')


@pytest.fixture
def runner(config, tmp_path):
    cfg = Config.fromfile(config)
    cfg.update(work_dir=str(tmp_path / 'w'), experiment_name=tmp_path.name)
    cfg.train_dataloader.batch_size = 8
    runner = Runner.from_cfg(cfg)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    return runner


def _iterate(runner, hook, losses):
    for value in losses:
        hook.before_train_iter(runner, 0)
        if hook._due:
            head = runner.model.decode_head
            head.embeddings.pixel(torch.rand(1, 64, 4, 4))
            head.embeddings.region(torch.rand(1, 64, 4, 4))
        runner.message_hub.update_scalar('train/decode.loss_cls', value)
        hook.after_train_iter(runner, 0, outputs={'decode.loss_cls': None})
        runner.train_loop._iter += 1


def test_a_jump_is_written_at_once_and_survives_resuming(runner):
    hook = TrainingHealthHook()
    hook.before_train(runner)
    good = [0.69] * 10 + [0.1] * 10
    _iterate(runner, hook, good)
    assert [one['kind'] for one in read_health(runner.work_dir)['findings']
            ] == ['random']
    _iterate(runner, hook, [2.] * 10)
    found = read_health(runner.work_dir)
    assert [one['kind'] for one in found['findings']] == ['jump', 'random']
    assert not found['finished']
    again = TrainingHealthHook()
    again.before_train(runner)
    checkpoint = dict(meta={})
    again.before_save_checkpoint(runner, checkpoint)
    lines = spoken(checkpoint)
    assert 'jumped from 0.10 to 2.00, beginning at iteration 25' in lines[0]
    assert 'clip_grad.max_norm=10' in lines[0]


def test_batches_of_a_sampler_of_ones_own(config, tmp_path):
    DATA_SAMPLERS.register_module('OwnBatches', True, BatchSampler)
    cfg = Config.fromfile(config)
    cfg.update(work_dir=str(tmp_path / 'w'), experiment_name=tmp_path.name)
    cfg.train_cfg.update(max_iters=2, val_interval=3)
    cfg.train_dataloader.pop('drop_last', None)
    cfg.train_dataloader.update(
        batch_size=4, batch_sampler=dict(type='OwnBatches', drop_last=True))
    Runner.from_cfg(cfg).train()
    assert '2 iterations of 4 images' in next(
        (tmp_path / 'w').glob('*/*.log')).read_text()


def test_the_prior_is_that_of_what_a_balanced_sampler_draws():
    class Images(list):
        get_data_info = list.__getitem__

    labels = torch.zeros(40, 3)
    labels[:4, 0] = labels[4:8, 1] = 1
    images = Images(dict(gt_label=label.numpy()) for label in labels)
    priors = [
        label_prior_loss(_drawn(SimpleNamespace(
            train_dataloader=SimpleNamespace(sampler=sampler)), labels))
        for sampler in (
            ReproducibleSampler(images, seed=0),
            ClassBalancedSampler(images, negatives=.5, seed=0))]
    # Of the 32 pictures that show no class, eight are drawn.
    assert priors == pytest.approx(
        [label_prior_loss(one) for one in (labels, labels[:16])])


def test_dead_embeddings_of_a_contrast_are_named(runner):
    hook = TrainingHealthHook()
    hook.before_train(runner)
    for weight in runner.model.decode_head.embeddings.pixel.parameters():
        weight.data.zero_()
    _iterate(runner, hook, [0.2] * 29)
    assert not any('embedding' in line for line in spoken(hook._record()))
    _iterate(runner, hook, [0.2])
    said = [line for line in spoken(hook._record()) if 'embedding' in line]
    assert len(said) == 1
    assert '"pixel" is zero, or the same, at every position' in said[0]


def test_where_the_weights_come_from(runner):
    model, cfg = runner.model, runner.cfg
    assert start_of(model, cfg)['random']
    warm = start_of(model, cfg, 'cam.pth', dict(random=False))
    assert warm == dict(random=False, weights='load_from=cam.pth')
    assert start_of(model, cfg, 'cam.pth', dict(random=True))['random']
    model.backbone.init_cfg = dict(type='Pretrained', checkpoint='r.pth')
    assert start_of(model, cfg) == dict(
        random=False, weights='backbone from r.pth')
    model.backbone.init_cfg = None
    cfg.model.backbone.pretrained = True
    head = model.decode_head
    head.init_cfg = dict(type='Pretrained', checkpoint='h.pth')
    assert start_of(model, cfg) == dict(
        random=False, weights='backbone, its own pretrained weights (True), '
        'decode_head from h.pth')


def test_a_run_says_what_it_trains_and_ends_with_its_warnings(
        config, shared_voc, tmp_path, monkeypatch, capfd):
    work = tmp_path / 'w'
    monkeypatch.setattr('sys.argv', [
        'train', str(config), '--work-dir', str(work), '--cfg-options',
        'train_cfg.max_iters=2'])
    assert common.run(train.main) == 0
    log = next(work.glob('*/*.log')).read_text()
    block = log.partition('What is trained:\n')[2].split(' - mmengine')[0]
    assert len(block.splitlines()) <= 15
    for text in ('CAM + SEAM + EPS + HSC', 'cls x 1', 'grid 16 x 16',
                 'background (0.5, 0.8) by quantile',
                 'the refined CAM and prototypes',
                 'image labels and saliency maps', 'RANDOM NUMBERS',
                 '2 iterations of 2 images', '8 images, 2 classes, 0 images '
                 'without', str(work)):
        assert text in block
    last = 'the network started from random numbers'
    # What comes after it says where the results are, and what to do next.
    lines = capfd.readouterr().out.strip().splitlines()
    assert last in lines[-3]
    assert [line.split(':')[0] for line in lines[-2:]] == ['results', 'next']
    record = json.loads((work / 'health.json').read_text())
    assert record['finished'] and record['iterations'] == 2
    monkeypatch.setattr('sys.argv', [
        'test', str(config), str(work / 'iter_2.pth'), '--work-dir',
        str(tmp_path / 'test')])
    assert common.run(test.main) == 0
    lines = capfd.readouterr().out.strip().splitlines()
    assert last in lines[-3]
    assert [line.split(':')[0] for line in lines[-2:]] == ['results', 'next']
    image = str(shared_voc / 'JPEGImages' / 'img_02.jpg')
    checkpoint = str(work / 'iter_2.pth')
    for tool, arguments in ((predict, [
            image, '--config', str(config), '--checkpoint', checkpoint]),
                            (make_pseudo_labels, [
            str(config), checkpoint, '--no-tta', '--workers', '0'])):
        out = str(tmp_path / tool.__name__)
        monkeypatch.setattr('sys.argv', ['tool', *arguments, '--out', out])
        assert common.run(tool.main) == 0
        assert capfd.readouterr().err.strip().splitlines()[-1].startswith(
            f'WARNING: {last}')


def test_parts_that_strangers_wrote_are_described():
    class Pyramid(torch.nn.Module):
        levels = (1, 2, 4)
        loss_weight = torch.nn.Parameter(torch.tensor(1.0))

    head = torch.nn.Module()
    head.losses = torch.nn.ModuleDict(dict(mine=Pyramid()))
    head.refiner = torch.nn.Identity()
    model = torch.nn.Module()
    model.decode_head = head
    said = _method(model, {})
    assert said['method'] == 'Pyramid'
    assert said['refiner'] == 'Identity'
    assert said['losses'] == 'mine x learned'
    TrainingHealthHook()._listen(model)


class _MethodOfThisName(torch.nn.Module):
    """As heads of mmseg 0.x."""

    def losses(self, logit, label):
        return {}


@pytest.mark.parametrize(('name', 'value'), [
    ('losses', torch.nn.ModuleList([torch.nn.Identity()])),
    ('embeddings', torch.nn.Embedding(3, 4)), (None, None)])
def test_a_head_that_calls_other_things_so_is_not_looked_at(name, value):
    model = torch.nn.Module()
    model.decode_head = _MethodOfThisName() if name is None else (
        torch.nn.Module())
    if name:
        setattr(model.decode_head, name, value)
    hook = TrainingHealthHook()
    hook._begin_watch(None, model, None)
    hook._listen(model)
    said = _method(model, {})
    assert said['method'].endswith(f'with {type(model.decode_head).__name__}')
