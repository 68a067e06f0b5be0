"""A training that breaks is stopped, and leaves no broken checkpoint."""
import pytest
import torch
from tiny_configs import cam_config

from hsc_mm.cli import common, train
from hsc_mm.engine import hooks
from hsc_mm.utils.health import read_health


def _train(monkeypatch, config, *options):
    monkeypatch.setattr('sys.argv', ['train', str(config), *options])
    return common.run(train.main)


def test_an_exploding_rate_ends_with_the_iteration_and_the_remedy(
        shared_voc, tmp_path, monkeypatch, capsys):
    config = cam_config(shared_voc, tmp_path / 'cam.py', iters=8)
    status = _train(
        monkeypatch, config, '--work-dir', str(tmp_path / 'w'),
        '--cfg-options', 'optim_wrapper.optimizer.lr=1e30',
        'default_hooks.checkpoint.interval=1')
    assert status != 0
    said = capsys.readouterr().err
    assert 'expected finite losses, found ' in said
    assert 'optim_wrapper.clip_grad.max_norm=10' in said
    assert 'Traceback' not in said
    health = read_health(tmp_path / 'w')
    assert 'expected finite losses, found ' in health['findings'][-1]['text']
    assert health['finished'] is False
    assert health['start']['random']
    for path in (tmp_path / 'w').glob('iter_*.pth'):
        loaded = torch.load(path, weights_only=False)
        assert all(torch.isfinite(one).all() for one in
                   loaded['state_dict'].values()), path


class _Hub:

    def __init__(self, value):
        self.value = value

    def get_scalar(self, name):
        assert name == 'train/decode.loss_cls'
        return self

    def current(self):
        return self.value


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_the_broken_term_is_named(value, tmp_path):
    runner = type('Runner', (), dict(
        iter=6, message_hub=_Hub(value), work_dir=str(tmp_path)))
    outputs = {'decode.loss_cls': None, 'grad_norm': None}
    with pytest.raises(ValueError, match='iteration 7: expected finite '
                       f'losses, found decode.loss_cls {value}'):
        hooks.FiniteLossHook().after_train_iter(runner, 6, outputs=outputs)
    runner.message_hub = _Hub(0.5)
    hooks.FiniteLossHook().after_train_iter(runner, 6, outputs=outputs)


def test_any_rank_says_what_stopped_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr('mmengine.dist.get_rank', lambda group=None: 1)
    monkeypatch.setattr('mmengine.dist.utils.get_rank', lambda group=None: 1)
    runner = type('Runner', (), dict(
        iter=6, message_hub=_Hub(float('nan')), work_dir=str(tmp_path)))
    for _ in range(2):  # another rank may have said the same
        with pytest.raises(ValueError, match='iteration 7'):
            hooks.FiniteLossHook().after_train_iter(
                runner, 6, outputs={'decode.loss_cls': None})
    found, = read_health(tmp_path)['findings']
    assert found['kind'] == 'broken'
