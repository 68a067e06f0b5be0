import re
import shutil

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from tiny_configs import cam_config, hsc_config, seg_config

from hsc_mm.engine.fitting import check_pretrained


class _Recorder(Hook):
    """Keep the loss of each iteration."""

    def __init__(self):
        self.losses = {}

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        self.losses[batch_idx] = outputs['loss'].item()


class _Validations(Hook):
    """The iterations that were validated."""

    def __init__(self):
        self.iterations = []

    def after_val(self, runner):
        self.iterations.append(runner.iter)


def _train(config, work_dir, resume=False, hook=None, **changes):
    cfg = Config.fromfile(config)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = work_dir.name
    cfg.resume = resume
    cfg.merge_from_dict(changes)
    runner = Runner.from_cfg(cfg)
    recorder = _Recorder()
    runner.register_hook(recorder)
    if hook is not None:
        runner.register_hook(hook)
    runner.train()
    return runner, recorder.losses


@pytest.mark.parametrize(('make', 'seed'), [
    (cam_config, 0), (hsc_config, 0), (seg_config, 0), (seg_config, None)])
def test_a_resumed_run_equals_an_uninterrupted_one(make, seed, shared_voc,
                                                   tmp_path):
    """Dropout in the second stage draws random numbers of the model.

    Prototypes of HSC are among the tensors that must be equal. Without a
    seed in the config a run draws its own.
    """
    pseudo = tmp_path / 'pseudo'
    shutil.copytree(shared_voc / 'SegmentationClass', pseudo)
    config = make(shared_voc, tmp_path / 'config.py', iters=6)
    text = re.sub(r"pseudo_dir='[^']*'", f"pseudo_dir='{pseudo}'",
                  config.read_text())
    config.write_text(text)
    changes = {'train_cfg.val_interval': 2, 'randomness': dict(seed=seed)}
    whole, expected = _train(config, tmp_path / 'whole', **changes)
    half = tmp_path / 'half'
    half.mkdir()
    shutil.copy(tmp_path / 'whole' / 'iter_4.pth', half)
    (half / 'last_checkpoint').write_text(str(half / 'iter_4.pth'))
    resumed, found = _train(config, half, resume=True, **changes)
    assert sorted(found) == [4, 5]
    assert {i: expected[i] for i in found} == found
    for (name, one), other in zip(whole.model.state_dict().items(),
                                  resumed.model.state_dict().values()):
        assert torch.equal(one, other), name


@pytest.mark.slow
def test_a_validation_that_a_kill_cut_short_is_done_first(shared_voc,
                                                           tmp_path):
    config = cam_config(shared_voc, tmp_path / 'config.py', iters=4)
    changes = {'train_cfg.val_interval': 2}
    _train(config, tmp_path / 'whole', **changes)
    assert (tmp_path / 'whole' / 'last_validation').read_text() == '4'
    changes['default_hooks.checkpoint.save_best'] = 'seed/mIoU_best'
    for validated, iterations in ((None, [4]), ('2', [4]), ('4', [])):
        half = tmp_path / f'validated_{validated}'
        half.mkdir()
        shutil.copy(tmp_path / 'whole' / 'iter_4.pth', half)
        if validated:
            (half / 'last_validation').write_text(validated)
        counter = _Validations()
        _train(config, half, resume=True, hook=counter, **changes)
        assert counter.iterations == iterations
        assert [path.name for path in half.glob('best_*.pth')] == [
            'best_seed_mIoU_best_iter_4.pth'] * bool(iterations)


def test_a_second_run_does_not_overwrite_the_first(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'config.py', iters=2)
    _train(config, tmp_path / 'run')
    before = (tmp_path / 'run' / 'iter_2.pth').read_bytes()
    with pytest.raises(FileExistsError, match=r'found iter_2\.pth'):
        _train(config, tmp_path / 'run')
    assert (tmp_path / 'run' / 'iter_2.pth').read_bytes() == before
    _train(config, tmp_path / 'run',
           **{'default_hooks.startup_check.allow_overwrite': True})


def _resnet(checkpoint, depth=18, prefix=None):
    from hsc_mm.registry import MODELS
    init_default_scope('mmseg')
    init_cfg = dict(type='Pretrained', checkpoint=str(checkpoint))
    if prefix:
        init_cfg['prefix'] = prefix
    return MODELS.build(
        dict(type='ResNet', depth=depth, base_channels=8, stem_channels=8,
             init_cfg=init_cfg))


def test_weights_must_fit_the_backbone(tmp_path):
    path = tmp_path / 'weights.pth'
    state = _resnet(path).state_dict()
    torch.save(dict(state_dict=dict(state, **{'fc.bias': torch.ones(3)})),
               path)
    check_pretrained(_resnet(path))
    with pytest.raises(ValueError, match=r'weights\.pth.*is missing'):
        check_pretrained(_resnet(path, depth=34))
    state['conv1.weight'] = torch.ones(8, 1, 7, 7)
    torch.save({f'module.backbone.{k}': v for k, v in state.items()}, path)
    with pytest.raises(ValueError, match=r'conv1\.weight has shape '
                       r'\(8, 1, 7, 7\), expected \(8, 3, 7, 7\)'):
        check_pretrained(_resnet(path, prefix='backbone'))
