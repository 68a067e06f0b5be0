"""Checkpoints of a runner load, of both families, and no others do."""
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import _load_checkpoint
from toy_runner import toy_runner

from hsc_mm.utils.checkpoints import load


def test_a_runner_resumes_its_own_checkpoint(tmp_path):
    toy_runner(tmp_path).train()
    path = str(tmp_path / 'epoch_1.pth')
    again = toy_runner(tmp_path, 2, load_from=path, resume=True)
    again.train()
    assert again.iter == 4
    assert len(again.message_hub.get_scalar('train/loss').data[0]) == 4
    state = load(path)
    assert state['message_hub']['log_scalars']['train/loss'].mean() >= 0
    assert state['meta']['dataset_meta']['more'].deep.x == 1


@pytest.mark.parametrize('core', [b'numpy._core', b'numpy.core'])
def test_checkpoints_of_either_numpy_load(tmp_path, core):
    history = HistoryBuffer([1., 2.], [1, 1])
    state = dict(
        weight=torch.ones(1),
        history=history,
        scalars=[np.float64(.5), np.float32(.5), np.int64(7), np.bool_(True)],
        arrays=[np.arange(3, dtype=d) for d in ('u4', 'i8', 'f4', 'f2')])
    # The legacy format keeps names as plain text, which can be replaced.
    path = tmp_path / 'a.pth'
    torch.save(state, path, _use_new_zipfile_serialization=False)
    text = path.read_bytes().replace(b'numpy._core', b'numpy.core')
    assert text.count(b'numpy.core') >= 2
    path.write_bytes(text.replace(b'numpy.core', core))
    loaded = load(path)
    assert loaded['history'].mean() == 1.5
    assert loaded['scalars'] == state['scalars']
    for ours, theirs in zip(loaded['arrays'], state['arrays'], strict=True):
        np.testing.assert_array_equal(ours, theirs)


class Evil:

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


@pytest.mark.parametrize('attack', ['touch', 'attribute'])
def test_a_malicious_checkpoint_is_still_refused(tmp_path, attack):
    victim = tmp_path / 'victim'
    evil = Evil(Path.touch, victim) if attack == 'touch' else Evil(
        getattr, HistoryBuffer, '__init__')
    path = str(tmp_path / 'evil.pth')
    torch.save(dict(state_dict=evil), path)
    for one in (load, _load_checkpoint):
        with pytest.raises(ValueError, match='would run code'):
            one(path)
    assert not victim.exists()
