"""A training of the pipeline that leaves no checkpoint."""
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmseg.models import EncoderDecoder

from hsc_mm.models.segmentors import CAMSegmentor
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


@pytest.mark.parametrize(('hook', 'fits'), [
    (dict(out_dir='elsewhere'), False), (None, False), (dict(), False),
    (dict(type='CheckpointHook', by_epoch=False, save_last=False), False),
    (dict(type='CheckpointHook', by_epoch=False, save_last=False,
          interval=3), False),
    (dict(type='CheckpointHook', by_epoch=False, save_last=False,
          interval=5), True), (dict(type='CheckpointHook'), True)])
def test_what_keeps_no_checkpoint_is_refused_before_the_training(hook, fits):
    cfg = Config(dict(
        model=dict(type='hsc_mm.CAMSegmentor'), train_cfg=dict(
            max_iters=10), default_hooks=dict(checkpoint=hook)))
    ctx = SimpleNamespace(config=lambda _: cfg, dataset=lambda *_: None)
    if fits:
        training.TrainCAM().check(ctx)
        return
    with pytest.raises(ValueError, match=r'default_hooks\.checkpoint of .*in '
                       'the work folder'):
        training.TrainCAM().check(ctx)
    cfg.custom_hooks = [dict(type='CheckpointHook')]
    if not hook:
        training.TrainCAM().check(ctx)


@pytest.mark.parametrize(('kind', 'fits'), [
    ('hsc_mm.CAMSegmentor', True), (CAMSegmentor, True),
    (EncoderDecoder, False)])
def test_a_model_may_be_named_by_its_class(kind, fits):
    """As configs in mmengine's python style name it."""
    cfg = Config(dict(model=dict(type='x'), default_hooks=dict(
        checkpoint=dict(type='CheckpointHook'))))
    cfg.model.type = kind
    ctx = SimpleNamespace(config=lambda _: cfg, dataset=lambda *_: None)
    if fits:
        training.TrainCAM().check(ctx)
        return
    with pytest.raises(ValueError, match=r'found model\.type .EncoderDecoder'):
        training.TrainCAM().check(ctx)
