"""Processes of a run on CPUs: a command leaves those that it joined."""
import socket
import sys

import pytest
import torch
from mmengine.model import revert_sync_batchnorm
from tiny_configs import cam_config
from torch import nn

from hsc_mm.cli import test as test_command
from hsc_mm.cli import train
from hsc_mm.cli.errors import explain
from hsc_mm.engine.cpu_ranks import leave_ranks
from hsc_mm.engine.norms import guard_batch_norms

pytestmark = pytest.mark.skipif(
    torch.cuda.is_available(), reason='ranks take GPUs here')


def test_there_may_be_no_other_processes():
    leave_ranks()
    assert not torch.distributed.is_initialized()


@pytest.fixture
def one_rank(monkeypatch):
    """Say in the environment that this process is the only one of a run."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    for name, value in dict(RANK=0, LOCAL_RANK=0, WORLD_SIZE=1,
                            MASTER_ADDR='127.0.0.1',
                            MASTER_PORT=port).items():
        monkeypatch.setenv(name, str(value))


def test_training_and_test_leave_the_processes(one_rank, shared_voc, tmp_path,
                                               monkeypatch):
    left = []
    destroy = torch.distributed.destroy_process_group
    monkeypatch.setattr(
        torch.distributed, 'destroy_process_group',
        lambda: left.append(torch.distributed.get_backend()) or destroy())
    config = cam_config(shared_voc, tmp_path / 'cam.py', iters=2)
    work_dir = tmp_path / 'w'
    for command, argv in (
            (train, []),
            (test_command, [str(work_dir / 'iter_2.pth')])):
        monkeypatch.setattr(sys, 'argv', [
            'command', str(config), *argv, '--work-dir', str(work_dir),
            '--launcher', 'pytorch'])
        command.main()
        assert not torch.distributed.is_initialized()
    assert left == ['gloo', 'gloo']


def test_sync_bn_is_for_gpus(one_rank):
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.SyncBatchNorm(4))
    guard_batch_norms(model)
    torch.distributed.init_process_group('gloo')
    try:
        with pytest.raises(ValueError, match=r'^1: .* GPU for SyncBN') as at:
            model(torch.ones(2, 3, 4, 4))
        text, status = explain(at.value)
        assert status == 1
        assert 'norm_cfg.type=BN in model.backbone' in text
        plain = revert_sync_batchnorm(model)
        assert plain(torch.ones(2, 3, 4, 4)).shape == (2, 4, 4, 4)
        model.eval()(torch.ones(2, 3, 4, 4))  # frozen norms join nothing
    finally:
        torch.distributed.destroy_process_group()
