"""What a test takes of a config that also says how to train."""
import logging

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EarlyStoppingHook, Hook
from mmengine.registry import HOOKS, init_default_scope
from mmengine.runner import BaseLoop
from tiny_configs import cam_config

from hsc_mm.engine.runner import build_runner
from hsc_mm.registry import MODELS

STOPPING = dict(type='EarlyStoppingHook', monitor='seed/mIoU')


@HOOKS.register_module()
class Reader(Hook):
    """A user's hook that looks at the training data when a run begins."""

    def before_run(self, runner):
        assert len(runner.train_dataloader.dataset)


def _runner(voc, folder, hook, classes=('background', 'cat', 'dog'),
            **changes):
    cfg = Config.fromfile(cam_config(voc, folder / 'cam.py', 2))
    init_default_scope('mmseg')
    path = folder / 'weights.pth'
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict(),
                    meta=dict(dataset_meta=dict(classes=classes))), path)
    cfg.update(work_dir=str(folder / 'run'), log_level='ERROR',
               load_from=str(path), custom_hooks=[hook],
               experiment_name=f'{folder.name}_runner')
    cfg.merge_from_dict(changes)
    return build_runner(cfg)


@pytest.mark.parametrize('hook', [STOPPING, dict(type='Reader')])
@pytest.mark.parametrize('task', ['val', 'test'])
def test_hooks_of_a_training_hide_no_other_classes(shared_voc, tmp_path,
                                                   task, hook):
    runner = _runner(shared_voc, tmp_path, hook, ('background', 'ox', 'elk'))
    with pytest.raises(ValueError, match=r'weights\.pth: .*(ox|classes)'):
        getattr(runner, task)()
    assert runner.task == task


def test_a_test_of_a_training_that_may_stop_needs_no_training_data(
        shared_voc, tmp_path):
    runner = _runner(shared_voc, tmp_path, STOPPING, **{
        'train_dataloader.dataset.data_root': str(tmp_path / 'gone'),
        'model.test_cfg.use_image_labels': False})
    assert 'seed/mIoU' in runner.test()
    assert not isinstance(runner._train_loop, BaseLoop)
    assert any(isinstance(one, EarlyStoppingHook) for one in runner.hooks)


def test_a_training_begins_from_weights_of_other_classes(
        shared_voc, tmp_path):
    runner = _runner(shared_voc, tmp_path, STOPPING, ('background', 'a', 'b'))
    runner.train()
    assert runner.task == 'train'
    assert runner.iter == 2


@pytest.mark.slow
def test_two_runs_of_a_process_write_their_own_curves(shared_voc, tmp_path):
    found = []
    for name in ('one', 'two'):
        (tmp_path / name).mkdir()
        runner = _runner(shared_voc, tmp_path / name, STOPPING)
        runner.train()
        path, = (tmp_path / name).rglob('vis_data/scalars.json')
        found.append(path.read_text().splitlines())
        assert (path.parent / 'config.py').is_file()
    assert len(found[0]) == len(found[1])


def test_a_log_on_a_full_disk_ends_a_run_and_is_named(
        shared_voc, tmp_path, monkeypatch):
    runner = _runner(shared_voc, tmp_path, STOPPING)
    file = next(one for one in runner.logger.handlers
                if isinstance(one, logging.FileHandler))
    monkeypatch.setattr(file, 'stream', open('/dev/full', 'w'))
    with pytest.raises(OSError, match='No space left on device') as found:
        runner.logger.error('a line')
    assert found.value.filename == file.baseFilename
    assert file.baseFilename.startswith(runner.log_dir)


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_half_precision_asks_for_a_gpu(shared_voc, tmp_path):
    runner = _runner(shared_voc, tmp_path, STOPPING,
                     optim_wrapper=dict(type='AmpOptimWrapper'))
    with pytest.raises(ValueError, match='type AmpOptimWrapper: expected a '
                       r'GPU.* found none.*optim_wrapper\.type=OptimWrapper'):
        runner.train()


@pytest.mark.parametrize(('gone', 'others'), [
    ('val_dataloader', 'val_cfg, val_evaluator'),
    ('test_evaluator', 'test_dataloader, test_cfg'),
    ('optim_wrapper', 'train_dataloader, train_cfg')])
def test_a_loop_has_all_its_parts_or_none(shared_voc, tmp_path, gone, others):
    with pytest.raises(ValueError, match=rf'of .*cam\.py: expected all of '
                       f'them, or None for each, found {gone} None') as found:
        _runner(shared_voc, tmp_path, STOPPING, **{gone: None})
    assert all(name in str(found.value) for name in others.split(', '))
