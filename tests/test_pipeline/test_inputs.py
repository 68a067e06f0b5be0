"""What a training depends on."""
import pytest
from tiny_configs import cam_config

from hsc_mm.inference import load_config
from hsc_mm.pipeline.inputs import stage_inputs


def test_a_start_from_another_checkpoint_is_another_training(
        tmp_path, shared_voc):
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py'))
    assert 'start' not in stage_inputs(cfg, 'train')
    cfg.load_from = str(tmp_path / 'start.pth')
    with pytest.raises(FileNotFoundError, match=r'cam\.py.*start\.pth'):
        stage_inputs(cfg, 'train')
    (tmp_path / 'start.pth').write_bytes(b'one')
    first = stage_inputs(cfg, 'train')
    (tmp_path / 'start.pth').write_bytes(b'another')
    second = stage_inputs(cfg, 'train')
    assert first['start'] != second['start']
    assert 'start' not in stage_inputs(cfg, 'test')
    cfg.load_from = 'https://host/start.pth'
    assert 'start' not in stage_inputs(cfg, 'train')
