"""Pipelines killed at random moments end as undisturbed ones do."""
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny_configs import ROOT, cam_config, seg_config

from hsc_mm.utils import read_json

#: How often, over all cases; HSC_MM_KILLS changes it.
KILLS = int(os.environ.get('HSC_MM_KILLS', 40))
_SHORT = ['default_hooks.checkpoint.interval=1',
          'default_hooks.checkpoint.max_keep_ckpts=1']


def start(folder: Path) -> subprocess.Popen:
    """Start, or resume, the pipeline of a folder in a session of its own."""
    with open(folder / 'output.txt', 'a') as output:
        return subprocess.Popen(
            [sys.executable, ROOT / 'tools' / 'pipeline.py', 'cam.py',
             'seg.py', '--work-dir', folder, '--cam-options', *_SHORT,
             '--seg-options', *_SHORT],
            cwd=folder.parent, stdout=output, stderr=output,
            start_new_session=True, env=dict(os.environ, OMP_NUM_THREADS='1'))


def results(folder: Path) -> dict:
    """Return what a finished pipeline left: weights, files, scores."""
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for name in ('pseudo_labels', 'eval/masks')
        for path in (folder / name).rglob('*.png')
    }
    assert found
    for stage in ('cam', 'seg'):
        path, = (folder / stage).glob('iter_*.pth')
        state = torch.load(path, weights_only=False)['state_dict']
        found.update({f'{stage} {k}': v.numpy().tobytes()
                      for k, v in state.items()})
    found['rows'] = read_json(folder / 'summary.json')['rows']
    return found


@pytest.fixture(scope='module')
def place(tmp_path_factory, shared_voc):
    """A folder with the configs of both stages, HSC the first."""
    folder = tmp_path_factory.mktemp('kills')
    cam_config(shared_voc, folder / 'cam.py', 5, 'hsc_r50_voc')
    seg_config(shared_voc, folder / 'seg.py', 5)
    return folder


@pytest.fixture(scope='module')
def undisturbed(place):
    """Results and duration of a pipeline that nothing stopped."""
    folder = place / 'whole'
    folder.mkdir()
    begin = time.monotonic()
    assert start(folder).wait() == 0, (folder / 'output.txt').read_text()
    return results(folder), time.monotonic() - begin


@pytest.mark.campaign
def test_what_is_killed_and_resumed_equals_what_was_not(place, undisturbed):
    expected, duration = undisturbed
    draw = random.Random(0)
    kills = number = 0
    while kills < KILLS:
        folder = place / f'killed{number}'
        folder.mkdir()
        number += 1
        while True:
            process = start(folder)
            # A run that resumes has less to do, so most kills come early.
            limit = draw.uniform(0.5, duration * draw.uniform(0.1, 0.7))
            try:
                process.wait(limit if kills < KILLS else None)
                break
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                kills += 1
        said = (folder / 'output.txt').read_text()
        assert process.returncode == 0, said[-3000:]
        assert results(folder) == expected, folder
    print(f'{kills} kills of {number} pipelines')
