"""Processes of a run on CPUs: a command leaves those that it joined."""
import socket
import sys

import pytest
import torch
from tiny_configs import cam_config

from hsc_mm.cli import test as test_command
from hsc_mm.cli import train
from hsc_mm.engine.cpu_ranks import leave_ranks

pytestmark = pytest.mark.skipif(
    torch.cuda.is_available(), reason='ranks take GPUs here')


def test_there_may_be_no_other_processes():
    leave_ranks()
    assert not torch.distributed.is_initialized()


def test_training_and_test_leave_the_processes(shared_voc, tmp_path,
                                               monkeypatch):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    for name, value in dict(RANK=0, LOCAL_RANK=0, WORLD_SIZE=1,
                            MASTER_ADDR='127.0.0.1',
                            MASTER_PORT=port).items():
        monkeypatch.setenv(name, str(value))
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
