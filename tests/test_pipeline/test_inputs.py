"""What a training depends on."""
import shutil

import pytest
from tiny_configs import cam_config, seg_config

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


def test_copied_data_are_the_same_training(tmp_path, shared_voc):
    copy = tmp_path / 'copy'
    shutil.copytree(shared_voc, copy, copy_function=shutil.copyfile)
    first, second = (
        load_config(cam_config(root, tmp_path / f'cam{i}.py'))
        for i, root in enumerate([shared_voc, copy]))
    assert f"'{copy}'" in second.pretty_text
    for split in ('train', 'test'):
        assert stage_inputs(first, split) == stage_inputs(second, split)
    image = next((copy / 'JPEGImages').iterdir())
    image.write_bytes(image.read_bytes() + b'0')
    assert stage_inputs(first, 'train') != stage_inputs(second, 'train')


def test_other_pretrained_weights_are_another_training(tmp_path, shared_voc):
    cfg = load_config(cam_config(shared_voc, tmp_path / 'cam.py'))
    weights = tmp_path / 'weights.pth'
    cfg.model.backbone.init_cfg = dict(
        type='Pretrained', checkpoint=str(weights))
    found = [stage_inputs(cfg, 'train').get('start')]
    for content in (b'one', b'another'):
        weights.write_bytes(content)
        found.append(stage_inputs(cfg, 'train')['start'])
    assert found[0] is None
    assert found[1] != found[2]
    assert 'start' not in stage_inputs(cfg, 'test')


def test_another_trusted_mask_is_another_training(tmp_path, shared_voc):
    cfg = load_config(seg_config(shared_voc, tmp_path / 'seg.py'))
    assert 'trusted' not in stage_inputs(cfg, 'train')
    step = cfg.train_dataloader.dataset.pipeline[2]
    assert step.type == 'hsc_mm.LoadPseudoLabel'
    step.trusted_dir = str(tmp_path / 'trusted')
    with pytest.raises(FileNotFoundError, match='trusted_dir'):
        stage_inputs(cfg, 'train')
    found = []
    for name in ('img_01', 'sub/img_02'):
        path = tmp_path / 'trusted' / f'{name}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'mask')
        found.append(stage_inputs(cfg, 'train')['trusted'])
    assert found[0] != found[1]
    assert 'trusted' not in stage_inputs(cfg, 'test')
