"""Pictures that a network is too coarse for do not end the others."""
import cv2
import numpy as np
import pytest
from conftest import run_here
from mmengine.config import Config
from tiny_configs import cam_config, seg_config

CONVNEXT = dict(
    type='mmpretrain.ConvNeXt',
    arch=dict(depths=[1, 1, 1, 1], channels=[8, 16, 32, 64]),
    out_indices=[0, 1, 2, 3], gap_before_final_norm=False)
UNET = dict(
    type='UNet', base_channels=4, num_stages=3, strides=(1, 1, 1),
    enc_num_convs=(1, 1, 1), dec_num_convs=(1, 1), downsamples=(True, True),
    enc_dilations=(1, 1, 1), dec_dilations=(1, 1))


def change(config, backbone, **head):
    cfg = Config.fromfile(config)
    cfg.model.backbone = dict(backbone)
    cfg.model.decode_head.update(head)
    cfg.train_cfg.update(max_iters=2, val_interval=100)
    cfg.dump(str(config))
    return config


def train(config, folder):
    found = run_here('train', config, '--work-dir', folder)
    assert found.returncode == 0, found.stderr
    return folder / 'iter_2.pth'


@pytest.fixture(scope='module')
def coarse(shared_voc, tmp_path_factory):
    """A CAM stage on a network that takes 32 pixels a side or more."""
    root = tmp_path_factory.mktemp('coarse')
    config = change(cam_config(shared_voc, root / 'c.py'), CONVNEXT)
    return config, train(config, root / 'w')


def draw(folder):
    rng = np.random.default_rng(0)
    folder.mkdir()
    for name, shape in (('good', (40, 48)), ('strip', (12, 48))):
        cv2.imwrite(str(folder / f'{name}.png'), rng.integers(
            0, 255, (*shape, 3), dtype=np.uint8))
    return folder


def test_predict_lists_them(coarse, tmp_path):
    found = run_here('predict', draw(tmp_path / 'p'), '--config', coarse[0],
                     '--checkpoint', coarse[1], '--out', tmp_path / 'o')
    assert found.returncode == 1
    assert 'strip: expected a picture that ConvNeXt can take, found 48 x 12 ' \
        'pixels' in found.stderr
    assert (tmp_path / 'o/good.mask.png').is_file()
    assert not (tmp_path / 'o/strip.mask.png').exists()


def test_so_it_does_with_a_segmentor(shared_voc, tmp_path):
    config = change(seg_config(shared_voc, tmp_path / 's.py'), CONVNEXT)
    cfg = Config.fromfile(config)
    cfg.model.decode_head.update(c1_in_channels=8, in_channels=64)
    cfg.train_dataloader.dataset.pipeline[2].pseudo_dir = str(
        shared_voc / 'SegmentationClass')
    cfg.dump(str(config))
    weights = train(config, tmp_path / 'w')
    found = run_here('predict', draw(tmp_path / 'p'), '--config', config,
                     '--checkpoint', weights, '--out', tmp_path / 'o')
    assert found.returncode == 1
    assert 'strip: expected a picture that EncoderDecoder can take' in \
        found.stderr
    assert (tmp_path / 'o/good.mask.png').is_file()
    found = run_here('test', config, weights, '--work-dir', tmp_path / 't',
                     '--cfg-options', 'model.test_cfg.mode=slide',
                     'model.test_cfg.crop_size=(16,16)',
                     'model.test_cfg.stride=(16,16)')
    assert found.returncode == 1
    assert 'refuses a picture of this size' in found.stderr


def test_pseudo_labels_list_them(coarse, tmp_path):
    found = run_here('make_pseudo_labels', *coarse, '--out', tmp_path / 'o',
                     '--threshold', '0.3', '--cfg-options',
                     'tta_pipeline.1.transforms.0.0.scale_factor=1.0',
                     'tta_pipeline.1.transforms.0.1.scale_factor=0.7')
    assert found.returncode == 1  # 56 x 40 becomes 39 x 28
    assert 'failed: img_00: expected a picture that ConvNeXt' in found.stdout
    assert (tmp_path / 'o/img_01.png').is_file()
    assert not (tmp_path / 'o/img_00.png').exists()


def test_a_test_and_a_training_name_them(coarse, shared_voc, tmp_path):
    found = run_here('test', *coarse, '--tta', '--work-dir', tmp_path / 't')
    assert found.returncode == 1
    assert 'img_00.jpg: expected a picture that ConvNeXt' in found.stderr
    config = change(cam_config(shared_voc, tmp_path / 'c.py'), CONVNEXT)
    found = run_here('train', config, '--work-dir', tmp_path / 'w',
                     '--cfg-options', 'model.second_view=(24,24)')
    assert found.returncode == 1
    assert 'found 24 x 24 pixels' in found.stderr
    assert 'model.second_view' in found.stderr


def test_networks_that_want_multiples_make_pseudo_labels(shared_voc,
                                                         tmp_path):
    config = change(cam_config(shared_voc, tmp_path / 'c.py'), UNET,
                    in_channels=4)
    weights = train(config, tmp_path / 'w')
    found = run_here('make_pseudo_labels', config, weights, '--out',
                     tmp_path / 'o', '--threshold', '0.3')
    assert found.returncode == 0, found.stderr
    folder = tmp_path / 'p'
    folder.mkdir()
    cv2.imwrite(str(folder / 'odd.png'), np.zeros((41, 43, 3), np.uint8))
    found = run_here('predict', folder, '--config', config, '--checkpoint',
                     weights, '--out', tmp_path / 'q')
    assert 'size_divisor=N' in found.stderr


def test_a_network_of_timm_ends_at_none_of_them(shared_voc, tmp_path):
    pytest.importorskip('timm')
    config = change(
        cam_config(shared_voc, tmp_path / 'c.py'),
        dict(type='hsc_mm.TIMMBackbone', model_name='test_vit',
             features_only=True, dynamic_img_size=True))
    cfg = Config.fromfile(config)
    cfg.model.decode_head.update(in_channels=64, in_index=-1)
    cfg.dump(str(config))
    found = run_here('train', config, '--work-dir', tmp_path / 'w',
                     '--cfg-options', *(f'val_{part}=None' for part in (
                         'dataloader', 'cfg', 'evaluator')))
    assert found.returncode == 0, found.stderr
    weights = tmp_path / 'w/iter_2.pth'
    pictures = draw(tmp_path / 'p')
    cv2.imwrite(str(pictures / 'good.png'), np.zeros((32, 48, 3), np.uint8))
    found = run_here('predict', pictures, '--config', config, '--checkpoint',
                     weights, '--out', tmp_path / 'o')
    assert found.returncode == 1
    assert 'strip: backbone test_vit: expected images whose sides are ' \
        'multiples of 16, found 12 x 48' in found.stderr
    assert (tmp_path / 'o/good.mask.png').is_file()
