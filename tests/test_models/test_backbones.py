"""Every leaf of the CAM stage on its own kind of backbone, made small."""
import math
import shutil
from fnmatch import fnmatch

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.structures import SegDataSample
from tiny_backbones import TINY, tiny_config
from tiny_configs import ROOT

LEAVES = sorted(p.stem for p in (ROOT / 'configs').glob('hsc_*_voc.py'))


def test_no_leaf_is_left_out():
    assert len(LEAVES) >= 15
    assert sorted(TINY) == LEAVES


def test_leaves_are_short():
    for name in LEAVES:
        lines = (ROOT / 'configs' / f'{name}.py').read_text().splitlines()
        assert len(lines) <= 15, name


class _Recorder(Hook):
    """Keep the losses, and which parameters they did not reach."""

    def __init__(self):
        self.losses = {}
        self.idle = None

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        self.losses[batch_idx] = {k: v.item() for k, v in outputs.items()}
        # An optimiser remembers every parameter that had a gradient.
        reached = runner.optim_wrapper.optimizer.state
        self.idle = [
            name for name, p in runner.model.named_parameters()
            if p.requires_grad and p not in reached
        ]


def train(name, voc, folder):
    """Train two iterations, or what is left of them in a work folder."""
    cfg = tiny_config(name, voc)
    cfg.update(
        work_dir=str(folder), resume=(folder / 'last_checkpoint').exists(),
        log_level='ERROR', experiment_name=str(folder).replace('/', '_'))
    for split in ('val', 'test'):
        cfg.update({f'{split}_{k}': None
                    for k in ('dataloader', 'cfg', 'evaluator')})
    cfg.default_hooks.checkpoint.interval = 1
    runner = Runner.from_cfg(cfg)
    recorder = _Recorder()
    runner.register_hook(recorder)
    runner.train()
    return runner, recorder


@pytest.mark.slow
@pytest.mark.parametrize('name', LEAVES)
def test_a_leaf_trains_predicts_and_resumes(name, shared_voc, tmp_path):
    runner, seen = train(name, shared_voc, tmp_path / 'whole')
    assert sorted(seen.losses) == [0, 1]
    for losses in seen.losses.values():
        for level in ('roi', 'class', 'pixel'):
            assert f'decode.loss_{level}' in losses
        assert all(math.isfinite(value) for value in losses.values())
    # Ranks must be told that no loss reaches some parameters: norms of
    # features that PCM alone looks at, of which no weights are known.
    patterns = []
    if runner.cfg.get('find_unused_parameters', False):
        patterns = runner.cfg.default_hooks.startup_check.may_lack
        assert seen.idle
    for full in seen.idle:
        inside = full.removeprefix('backbone.')
        assert any(fnmatch(inside, pattern) for pattern in patterns), full

    half = tmp_path / 'half'
    half.mkdir()
    shutil.copy(tmp_path / 'whole' / 'iter_1.pth', half)
    (half / 'last_checkpoint').write_text(str(half / 'iter_1.pth'))
    resumed, again = train(name, shared_voc, half)
    assert again.losses == {1: seen.losses[1]}
    for (key, one), other in zip(runner.model.state_dict().items(),
                                 resumed.model.state_dict().values()):
        assert torch.equal(one, other), key

    # A size that is a multiple of nothing.
    sample = SegDataSample(
        metainfo=dict(ori_shape=(131, 83), img_shape=(117, 79)))
    sample.gt_label = torch.ones(2)
    image = torch.randint(0, 255, (3, 117, 79), dtype=torch.uint8)
    found = runner.model.eval().test_step(
        dict(inputs=[image], data_samples=[sample]))[0]
    assert found.seg_logits.data.shape == (3, 131, 83)
    assert torch.isfinite(found.seg_logits.data).all()
