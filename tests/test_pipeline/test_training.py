"""A training of the pipeline that leaves no checkpoint."""
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from hsc_mm.pipeline.steps import training


@pytest.mark.parametrize(('hook', 'said'), [
    (dict(out_dir='elsewhere'), r'there: set .*checkpoint\.out_dir=None\.'),
    (dict(save_last=False), r'keep its last one: .*without save_last=False'),
    (None, r'keep its last one: .*SafeCheckpointHook')])
def test_what_keeps_a_checkpoint_is_said(tmp_path, monkeypatch, hook, said):
    monkeypatch.setattr(training, 'run_tool', lambda *args: None)
    ctx = SimpleNamespace(root=tmp_path, dump=lambda cfg, name: name)
    with pytest.raises(ValueError, match=rf'cam: expected the .*{said}'):
        training.TrainCAM()._train(
            Config(dict(default_hooks=dict(checkpoint=hook))), ctx, False)
