"""Images of N bands: weights for three begin the first convolution."""
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import load_state_dict
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from tiny_configs import cam_config, hsc_config
from torch import nn

from hsc_mm.engine.fitting import check_pretrained
from hsc_mm.engine.widening import widen, widen_when_loaded
from hsc_mm.registry import MODELS


@pytest.mark.parametrize('channels', [1, 2, 4, 5, 6, 12])
def test_bands_that_repeat_the_colours_have_their_features(channels):
    torch.manual_seed(0)
    weight = torch.randn(4, 3, 3, 3, dtype=torch.float64)
    wide = widen(weight, channels)
    assert wide.shape == (4, channels, 3, 3)
    image = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    if channels < 3:  # a grey picture
        image = image[:, :1].expand(-1, 3, -1, -1)
    repeated = image[:, torch.arange(channels) % 3]
    torch.testing.assert_close(
        nn.functional.conv2d(repeated, wide),
        nn.functional.conv2d(image, weight))


def _backbone(shared_voc, path, **options):
    cfg = Config.fromfile(cam_config(shared_voc, path))
    init_default_scope('mmseg')
    backbone = MODELS.build(dict(cfg.model.backbone, **options))
    backbone.eval()
    return backbone


def test_pretrained_weights_begin_a_backbone_of_five_bands(
        shared_voc, tmp_path):
    three = _backbone(shared_voc, tmp_path / 'a.py')
    path = tmp_path / 'weights.pth'
    torch.save(three.state_dict(), path)
    init = dict(type='Pretrained', checkpoint=str(path))
    five = _backbone(shared_voc, tmp_path / 'b.py', in_channels=5,
                     init_cfg=init)
    check_pretrained(five)
    widen_when_loaded(five)
    five.init_weights()
    image = torch.randn(2, 3, 32, 32)
    for one, other in zip(five(image[:, [0, 1, 2, 0, 1]]), three(image)):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    # Its own checkpoint is loaded as it is.
    state = {k: torch.randn_like(v) if v.is_floating_point() else v
             for k, v in five.state_dict().items()}
    load_state_dict(five, state, strict=True)
    for key, value in five.state_dict().items():
        assert torch.equal(value, state[key])


def test_the_cam_stage_learns_from_five_bands(shared_voc, tmp_path):
    cfg = Config.fromfile(hsc_config(shared_voc, tmp_path / 'cam.py'))
    init_default_scope('mmseg')
    cfg.model.backbone.in_channels = 5
    cfg.model.data_preprocessor.update(mean=[127.5], std=[127.5])
    cfg.model.decode_head.refiner.image_channels = 5
    model = MODELS.build(cfg.model)
    samples = [SegDataSample(metainfo=dict(
        img_shape=(32, 32), ori_shape=(32, 32))) for _ in range(2)]
    for sample in samples:
        sample.gt_label = torch.tensor([1., 0.])
        sample.gt_saliency = PixelData(data=torch.ones(1, 32, 32))
    inputs = [torch.randint(0, 256, (5, 32, 32), dtype=torch.uint8)
              for _ in samples]
    batch = model.data_preprocessor(
        dict(inputs=inputs, data_samples=samples), training=True)
    losses = model(**batch, mode='loss')
    total = sum(v for k, v in losses.items() if 'loss' in k)
    total.backward()
    stem = next(m for m in model.backbone.modules()
                if isinstance(m, nn.Conv2d))
    assert torch.isfinite(total) and stem.weight.grad.shape[1] == 5


@pytest.mark.parametrize(('numbers', 'kept'), [
    (1, [1, 1, 1]), (2, [1, 1, 1]), (3, [1, 2, 3]), (5, [1, 2, 3])])
def test_the_head_knows_the_statistics_of_bands_that_colours_show(
        shared_voc, tmp_path, numbers, kept):
    cfg = Config.fromfile(cam_config(shared_voc, tmp_path / 'cam.py'))
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model)
    # Not every version of mmseg takes as many.
    values = torch.arange(1., numbers + 1).view(-1, 1, 1)
    model.data_preprocessor.mean = values
    model.data_preprocessor.std = 2 * values
    model._tell_statistics()
    assert model.decode_head.image_mean.flatten().tolist() == kept
    assert model.decode_head.image_std.flatten().tolist() == [
        2 * value for value in kept]


def test_colours_of_images_that_are_not_normalised(shared_voc, tmp_path):
    cfg = Config.fromfile(cam_config(shared_voc, tmp_path / 'cam.py'))
    init_default_scope('mmseg')
    cfg.model.data_preprocessor.update(mean=None, std=None)
    model = MODELS.build(cfg.model)
    image = torch.rand(2, 3, 32, 32) * 255
    view = model.decode_head(model.extract_feat(image), image)
    torch.testing.assert_close(view.colours, image)
