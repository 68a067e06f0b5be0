"""Checkpoints of a runner load, of both families, and no others do."""
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.runner.checkpoint import _load_checkpoint
from torch import nn

from hsc_mm import compat


class Toy(BaseModel):

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 1)

    def forward(self, inputs, mode='tensor'):
        out = self.fc(torch.stack(inputs)).mean()
        return dict(loss=out**2) if mode == 'loss' else [out.item()]


class Points(torch.utils.data.Dataset):
    metainfo = dict(classes=('a', 'b'), more=ConfigDict(deep=dict(x=1)))

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return dict(inputs=torch.tensor([index, 1.]))


def runner(work_dir, epochs=1, **kwargs):
    loader = dict(
        batch_size=2,
        num_workers=0,
        dataset=Points(),
        sampler=dict(type='DefaultSampler', shuffle=True))
    return Runner(
        model=Toy(),
        work_dir=str(work_dir),
        default_scope='mmengine',
        experiment_name=f'{Path(work_dir).name}-{epochs}-{len(kwargs)}',
        train_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=epochs, val_interval=9),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-2)),
        # Its state names functions, which pickle looks up by getattr.
        param_scheduler=dict(type='OneCycleLR', eta_max=.1, total_steps=9),
        default_hooks=dict(logger=dict(type='LoggerHook', interval=1)),
        log_level='WARNING',
        **kwargs)


def test_a_runner_resumes_its_own_checkpoint(tmp_path):
    runner(tmp_path).train()
    path = str(tmp_path / 'epoch_1.pth')
    again = runner(tmp_path, 2, load_from=path, resume=True)
    again.train()
    assert again.iter == 4
    assert len(again.message_hub.get_scalar('train/loss').data[0]) == 4
    # Without going through mmengine, whose loader may lift the ban itself.
    state = torch.load(path, weights_only=True)
    assert state['message_hub']['log_scalars']['train/loss'].mean() >= 0
    assert state['meta']['dataset_meta']['more'].deep.x == 1


@pytest.mark.parametrize('core', [b'numpy._core', b'numpy.core'])
def test_checkpoints_of_either_numpy_load(tmp_path, core):
    history = HistoryBuffer([1., 2.], [1, 1])
    state = dict(
        history=history,
        scalars=[np.float64(.5), np.float32(.5), np.int64(7), np.bool_(True)],
        arrays=[np.arange(3, dtype=d) for d in ('u4', 'i8', 'f4', 'f2')])
    # The legacy format keeps names as plain text, which can be replaced.
    path = tmp_path / 'a.pth'
    torch.save(state, path, _use_new_zipfile_serialization=False)
    text = path.read_bytes().replace(b'numpy._core', b'numpy.core')
    assert text.count(b'numpy.core') >= 2
    path.write_bytes(text.replace(b'numpy.core', core))
    loaded = torch.load(path, weights_only=True)
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
    # The loader of onedl falls back to trusting the file: not ours to test.
    upstream = compat.check_families() == 'openmmlab'
    for load in [torch.load] + [_load_checkpoint] * upstream:
        with pytest.raises(pickle.UnpicklingError, match='Weights only load'):
            load(path)
    assert not victim.exists()
