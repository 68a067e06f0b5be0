"""mmengine's EMAHook with the hooks and tools of this package."""
import shutil

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner
from tiny_configs import hsc_config, seg_config

from hsc_mm.inference import use_tta

MOMENTUM = 0.3


class _Watch(Hook):
    """Keep parameters after each iteration, and while the model is scored."""

    priority = 'VERY_LOW'

    def __init__(self):
        self.trained, self.scored = [], None

    @staticmethod
    def _copy(runner):
        model = getattr(runner.model, 'module', runner.model)
        return {name: value.detach().clone()
                for name, value in model.state_dict().items()}

    def after_train_iter(self, runner, *args, **kwargs):
        self.trained.append(self._copy(runner))

    def after_val_iter(self, runner, *args, **kwargs):
        self.scored = self._copy(runner)

    def after_test_iter(self, runner, *args, **kwargs):
        self.scored = self._copy(runner)


def _runner(config, work_dir, tta=False, **changes):
    cfg = Config.fromfile(config)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = '_'.join(work_dir.parts[-3:])
    for key, value in changes.items():
        cfg[key] = value
    runner = Runner.from_cfg(use_tta(cfg) if tta else cfg)
    watch = _Watch()
    runner.register_hook(watch)
    return runner, watch


def _hook(runner):
    return next(h for h in runner.hooks if isinstance(h, EMAHook))


def _same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


@pytest.fixture(scope='module', params=['seg', 'hsc'])
def trained(request, shared_voc, tmp_path_factory):
    """A run of either stage with an EMA: its config, folder, watch, model."""
    root = tmp_path_factory.mktemp(request.param)
    pseudo = root / 'pseudo'
    shutil.copytree(shared_voc / 'SegmentationClass', pseudo)
    make = dict(seg=seg_config, hsc=hsc_config)[request.param]
    config = make(shared_voc, root / 'config.py', iters=4)
    cfg = Config.fromfile(config)
    for step in cfg.train_dataloader.dataset.pipeline:
        if step.type == 'hsc_mm.LoadPseudoLabel':
            step.pseudo_dir = str(pseudo)
    scales = cfg.tta_pipeline[1].transforms
    scales[0] = scales[0][:1]
    cfg.custom_hooks = [dict(type='EMAHook', momentum=MOMENTUM)]
    cfg.dump(str(config))
    runner, watch = _runner(config, root / 'whole')
    runner.train()
    return config, root / 'whole', watch, runner


@pytest.mark.slow
def test_checkpoint_holds_the_average(trained):
    _, folder, watch, runner = trained
    parameters = dict(runner.model.named_parameters())
    average = None
    for weights in watch.trained:
        average = weights if average is None else {
            name: value + MOMENTUM * (weights[name] - value)
            if name in parameters else weights[name]
            for name, value in average.items()
        }
    saved = torch.load(folder / 'iter_4.pth', weights_only=True)
    for name, value in average.items():
        assert torch.allclose(saved['state_dict'][name].float(),
                              value.float(), atol=1e-6), name
    moved = [name for name in parameters
             if not torch.equal(saved['state_dict'][name],
                                watch.trained[-1][name])]
    assert len(moved) > len(parameters) / 2
    # The student, to go on from.
    _same({name.removeprefix('module.'): value
           for name, value in saved['ema_state_dict'].items()
           if name != 'steps'}, watch.trained[-1])
    # And the validation at the end scored the average.
    _same(watch.scored, saved['state_dict'])
    _same(dict(runner.model.state_dict()), watch.trained[-1])


def test_resumed_run_equals_an_uninterrupted_one(trained, tmp_path):
    config, folder, _, whole = trained
    half = tmp_path / 'half'
    half.mkdir()
    shutil.copy(folder / 'iter_2.pth', half)
    (half / 'last_checkpoint').write_text(str(half / 'iter_2.pth'))
    resumed, watch = _runner(config, half, resume=True)
    resumed.train()
    assert len(watch.trained) == 2
    _same(whole.model.state_dict(), resumed.model.state_dict())
    _same(_hook(whole).ema_model.state_dict(),
          _hook(resumed).ema_model.state_dict())


@pytest.mark.slow
@pytest.mark.parametrize(('tta', 'with_hook'), [
    (False, False), (False, True), (True, True)])
def test_tests_score_the_average(trained, tmp_path, tta, with_hook):
    config, folder, _, _ = trained
    runner, watch = _runner(
        config, tmp_path / 'test', tta, load_from=str(folder / 'iter_4.pth'),
        custom_hooks=[dict(type='EMAHook')] if with_hook else [])
    runner.test()
    saved = torch.load(folder / 'iter_4.pth', weights_only=True)
    _same(watch.scored, saved['state_dict'])


@pytest.mark.slow
def test_a_run_without_average_is_resumed_with_one(trained, tmp_path):
    config, _, _, _ = trained
    cfg = Config.fromfile(config)
    cfg.param_scheduler[0].end, cfg.train_cfg.val_interval = 8, 6
    cfg.dump(str(tmp_path / 'plain.py'))
    plain, _ = _runner(tmp_path / 'plain.py', tmp_path / 'plain',
                       custom_hooks=[], val_dataloader=None,
                       val_evaluator=None, val_cfg=None)
    plain.train()
    cfg.train_cfg.max_iters = 6
    cfg.dump(str(tmp_path / 'longer.py'))
    resumed, watch = _runner(tmp_path / 'longer.py', tmp_path / 'plain',
                             resume=True)
    resumed.train()
    assert len(watch.trained) == 2
    moved = False
    for name, value in resumed.model.named_parameters():
        first, second = (weights[name] for weights in watch.trained)
        assert torch.equal(value, second)
        moved = moved or not torch.equal(first, second)
        assert torch.allclose(
            _hook(resumed).ema_model.module.state_dict()[name],
            first + MOMENTUM * (second - first), atol=1e-6), name
    assert moved
