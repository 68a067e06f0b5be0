"""Configs of docs/tracking.md: what each tool is given, offline."""
import os
import re
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import VISUALIZERS

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / 'docs' / 'tracking.md').read_text('utf-8')
BLOCKS = re.findall(r'```python\n(.*?)```', PAGE, re.S)
TOOLS = {re.search(r"type='(?!Local)(\w+)VisBackend'", one)[1].lower(): one
         for one in BLOCKS}


def test_the_page_has_a_short_config_for_each_tool():
    assert sorted(TOOLS) == ['mlflow', 'tensorboard', 'wandb']
    for text in TOOLS.values():
        assert len(text.splitlines()) <= 4
        assert "dict(type='LocalVisBackend')" in text


@pytest.fixture
def track(tmp_path, monkeypatch):
    """Log a config, a loss and a picture with the config of a tool."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('WANDB_SILENT', 'true')

    def call(name):
        pytest.importorskip(name)
        path = tmp_path / 'config.py'
        path.write_text(TOOLS[name].replace(
            "'hsc_r50_voc.py'", repr(str(ROOT / 'configs/hsc_r50_voc.py'))))
        cfg = Config.fromfile(path)
        cfg.work_dir = str(tmp_path / 'run')
        os.makedirs(cfg.work_dir)
        init_default_scope('mmseg')
        cfg.visualizer.update(name=name, save_dir=cfg.work_dir)
        visualizer = VISUALIZERS.build(cfg.visualizer)
        visualizer.add_config(cfg)
        visualizer.add_scalars({'loss': 0.25}, step=3)
        if name != 'mlflow':  # the page says why
            visualizer.add_image('cam', np.zeros((4, 4, 3), np.uint8), step=3)
        visualizer.close()
        assert list(Path(cfg.work_dir).rglob('scalars.json'))
        return Path(cfg.work_dir)

    return call


def test_tensorboard(track):
    folder = track('tensorboard')
    from tensorboard.backend.event_processing import event_accumulator
    path, = folder.rglob('events.out.*')
    events = event_accumulator.EventAccumulator(str(path)).Reload()
    loss, = events.Scalars('loss')
    assert (loss.step, loss.value) == (3, 0.25)
    assert events.Tags()['images'] == ['cam']


def test_mlflow(track, tmp_path):
    track('mlflow')
    import mlflow
    mlflow.set_tracking_uri(f'sqlite:///{tmp_path}/mlflow.db')
    run, = mlflow.search_runs(
        experiment_names=['hsc'], output_format='list')
    assert run.data.metrics == {'loss': 0.25}
    assert run.data.params['randomness.seed'] == '0'


def test_wandb(track):
    folder = track('wandb')
    path, = folder.rglob('*.wandb')
    assert path.stat().st_size
    assert 'offline-run' in str(path)
