"""--resume of a config that begins from another checkpoint."""
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from tiny_configs import cam_config

from hsc_mm.inference.configs import resume_from_work_dir


def _train(config, work_dir, iters, start=None, resume=False, named=False):
    cfg = Config.fromfile(config)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = work_dir.name + str(iters)
    cfg.load_from = str(start) if start else None
    cfg.train_cfg.update(max_iters=iters, val_interval=iters)
    if resume:
        resume_from_work_dir(cfg, named)
    runner = Runner.from_cfg(cfg)
    first = []
    step = runner.model.train_step
    runner.model.train_step = lambda *args, **kwargs: first.append(
        runner.iter) or step(*args, **kwargs)
    runner.train()
    return first, runner.model.state_dict()


@pytest.fixture(scope='module')
def begun(shared_voc, tmp_path_factory):
    folder = tmp_path_factory.mktemp('begun')
    config = cam_config(shared_voc, folder / 'cam.py')
    _train(config, folder / 'start', 2)
    return config, folder, folder / 'start' / 'iter_2.pth'


@pytest.mark.slow
def test_it_resumes_from_its_own_checkpoint(begun):
    config, folder, start = begun
    whole = _train(config, folder / 'whole', 4, start)
    assert whole[0] == [0, 1, 2, 3]
    half = folder / 'half'
    _train(config, half, 4, start)
    for name in ('iter_4.pth', 'last_checkpoint'):
        (half / name).unlink()
    (half / 'last_checkpoint').write_text(str(half / 'iter_2.pth'))
    again = _train(config, half, 4, start, resume=True)
    assert again[0] == [2, 3]
    assert all(torch.equal(one, again[1][name])
               for name, one in whole[1].items())


def test_without_a_checkpoint_it_begins_as_it_did(begun):
    config, folder, start = begun
    first, _ = _train(config, folder / 'early', 2, start, resume=True)
    assert first == [0, 1]


def test_a_checkpoint_that_the_user_names_is_resumed_from(begun):
    config, folder, start = begun
    first, _ = _train(
        config, folder / 'named', 4, start, resume=True, named=True)
    assert first == [2, 3]
