"""Several ranks: shares of the work, and one that ends before the others."""
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from tiny_configs import ROOT, cam_config

from hsc_mm.cli.errors import explain
from hsc_mm.cli.make_pseudo_labels import ranked
from hsc_mm.utils import read_json

TORCHRUN = [sys.executable, '-m', 'torch.distributed.run', '--standalone',
            '--nproc_per_node', '2', '-m', 'hsc_mm']


def test_ranks_share_a_part_of_pseudo_labels(monkeypatch):
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'):
        monkeypatch.delenv(name, raising=False)
    assert ranked((2, 3), 'cpu') == ((2, 3), 'cpu')
    shares = []
    for part in (1, 2):
        for rank in range(3):
            monkeypatch.setenv('RANK', str(rank))
            monkeypatch.setenv('LOCAL_RANK', str(rank))
            monkeypatch.setenv('WORLD_SIZE', '3')
            shares.append(ranked((part, 2), 'cpu')[0])
    assert shares == [(i, 6) for i in range(1, 7)]


@pytest.mark.parametrize('said', [
    '[../gloo/transport/tcp/pair.cc:547] Connection closed by peer [::1]:1',
    'Timed out waiting 600000ms for recv operation to complete'])
def test_a_rank_that_is_gone_is_said(said):
    text, status = explain(RuntimeError(said))
    assert status == 1
    assert 'another rank has ended' in text


def _run(*argv, **kwargs):
    return subprocess.run(
        [*map(str, argv)], capture_output=True, text=True, timeout=500,
        env=dict(os.environ, PYTHONPATH=str(ROOT)), **kwargs)


@pytest.mark.campaign
def test_two_ranks_on_a_cpu(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'cam.py', 2)
    done = _run(*TORCHRUN, 'train', config, '--launcher', 'pytorch',
                '--work-dir', tmp_path / 'w')
    assert done.returncode == 0, done.stderr[-3000:]
    weights = tmp_path / 'w' / 'iter_2.pth'
    scores, labels = [], []
    for number, start in ((1, [sys.executable, '-m', 'hsc_mm']),
                          (2, TORCHRUN)):
        launcher = ['--launcher', 'pytorch'] if number == 2 else []
        done = _run(*start, 'test', config, weights, *launcher,
                    '--work-dir', tmp_path / f't{number}', '--out',
                    tmp_path / f'm{number}', '--show-dir',
                    tmp_path / f's{number}', '--cfg-options',
                    f'test_evaluator.out_json={tmp_path}/{number}.json')
        assert done.returncode == 0, done.stderr[-3000:]
        scores.append(read_json(tmp_path / f'{number}.json'))
        done = _run(*start, 'make_pseudo_labels', config, weights, '--out',
                    tmp_path / f'p{number}', '--no-tta', '--batch-size', 1)
        assert done.returncode == 0, done.stderr[-3000:]
        labels.append({p.name: p.read_bytes()
                       for p in (tmp_path / f'p{number}').glob('*.png')})
    assert scores[0]['best'] == scores[1]['best']
    masks = [{p.name: p.read_bytes() for p in (tmp_path / m).glob('*.png')}
             for m in ('m1', 'm2')]
    assert len(masks[0]) == 8
    assert masks[0] == masks[1]
    assert len(labels[0]) == 8
    assert labels[0] == labels[1]
    assert read_json(tmp_path / 'p2' / 'pseudo_labels.json')['complete']


@pytest.mark.campaign
def test_one_rank_killed_ends_the_others(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'cam.py', 4000)
    child = subprocess.Popen(
        [*map(str, [*TORCHRUN, 'train', config, '--launcher', 'pytorch',
                    '--work-dir', tmp_path / 'w'])],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=dict(os.environ, PYTHONPATH=str(ROOT)))
    end = time.monotonic() + 300
    while not list(tmp_path.rglob('iter_*.pth')):
        assert time.monotonic() < end
        time.sleep(0.2)
    ranks = subprocess.run(['pgrep', '-P', str(child.pid)],
                           capture_output=True, text=True).stdout.split()
    os.kill(int(ranks[-1]), signal.SIGKILL)
    said = child.communicate(timeout=120)[1]
    assert child.returncode
    assert re.search(r'error: rank 0: (terminated|another rank has ended)',
                     said), said[-3000:]
