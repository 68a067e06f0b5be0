"""DeepLab v2: its formula, and training in mmseg's EncoderDecoder."""
import pytest
import torch
import torch.nn.functional as F
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from tiny_configs import BACKBONE, second_stage_config, train_and_test

from hsc_mm.models import DeepLabV2Head
from hsc_mm.models.heads import deeplab_v2_head
from hsc_mm.registry import MODELS

NORM = dict(type='BN')


def _slow_conv(x, weight, bias, dilation):
    """Dilated 3x3 convolution, zeros outside, value by value."""
    classes, height, width = len(weight), *x.shape[1:]
    out = torch.zeros(classes, height, width)
    for k in range(classes):
        for i in range(height):
            for j in range(width):
                total = float(bias[k])
                for a in (-1, 0, 1):
                    for b in (-1, 0, 1):
                        y, z = i + a * dilation, j + b * dilation
                        if 0 <= y < height and 0 <= z < width:
                            total += float(
                                x[:, y, z] @ weight[k, :, a + 1, b + 1])
                out[k, i, j] = total
    return out


def test_published_head_is_a_sum_of_dilated_convolutions():
    torch.manual_seed(0)
    head = DeepLabV2Head(2, num_classes=3, dilations=(2, 3),
                         dropout_ratio=0).eval()
    x = torch.randn(2, 2, 5, 6)
    with torch.no_grad():
        found = head([x])
    for image, scores in zip(x, found):
        expected = sum(
            _slow_conv(image, module.conv.weight.detach(),
                       module.conv.bias.detach(), dilation)
            for module, dilation in zip(head.conv_seg, (2, 3)))
        assert torch.allclose(scores, expected, atol=1e-5)


def test_published_head_has_only_classifiers_and_starts_small():
    head = DeepLabV2Head(64, num_classes=21)
    assert {n: tuple(p.shape) for n, p in head.named_parameters()} == {
        f'conv_seg.{i}.conv.{name}': shape
        for i in range(4)
        for name, shape in (('weight', (21, 64, 3, 3)), ('bias', (21, )))
    }
    assert [m.conv.dilation for m in head.conv_seg] == [
        (6, 6), (12, 12), (18, 18), (24, 24)]
    head.init_weights()
    for module in head.conv_seg:
        assert module.conv.weight.std().item() == pytest.approx(0.01, rel=.05)
        assert module.conv.bias.abs().max() == 0


def test_hidden_layer_joins_branches_and_pooled_image():
    torch.manual_seed(0)
    head = DeepLabV2Head(3, 4, num_classes=5, dilations=(1, 2),
                         image_pool=True, norm_cfg=NORM,
                         dropout_ratio=0).eval()
    x = torch.randn(2, 3, 6, 7)

    def layer(module, feat, **kwargs):
        feat = F.conv2d(feat, module.conv.weight, module.conv.bias, **kwargs)
        bn = module.bn
        return F.batch_norm(feat, bn.running_mean, bn.running_var, bn.weight,
                            bn.bias).relu()

    with torch.no_grad():
        pooled = layer(head.image_pool[1], x.mean((2, 3), keepdim=True))
        joined = torch.cat([
            layer(head.aspp[0], x),
            layer(head.aspp[1], x, padding=2, dilation=2),
            pooled.expand(-1, -1, 6, 7)
        ], 1)
        expected = F.conv2d(layer(head.bottleneck, joined),
                            head.conv_seg.weight, head.conv_seg.bias)
        assert torch.allclose(head([x]), expected, atol=1e-5)


@pytest.mark.parametrize(('arguments', 'message'), [
    (dict(dilations=()), r'dilations.*found \(\)'),
    (dict(dilations=(6, 0)), r'dilations.*found \(6, 0\)'),
    (dict(image_pool=True), r'image_pool.*without a hidden layer'),
    (dict(norm_cfg=NORM), r'norm_cfg.*without a hidden layer'),
])
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        DeepLabV2Head(8, num_classes=3, **arguments)


def test_one_image_in_a_training_batch(monkeypatch):
    x = [torch.randn(1, 8, 4, 4)]
    arguments = dict(channels=4, num_classes=3, image_pool=True)
    head = DeepLabV2Head(8, norm_cfg=NORM, **arguments)
    with pytest.raises(ValueError, match=r'two images.*found one.*GN'):
        head(x)
    assert head.eval()(x).shape == (1, 3, 4, 4)
    # What the message proposes.
    for changes in (dict(norm_cfg=dict(type='GN', num_groups=2)),
                    dict(norm_cfg=NORM, image_pool=False)):
        DeepLabV2Head(8, **{**arguments, **changes})(x).sum().backward()
    head.train().image_pool[1].bn.eval()  # frozen
    assert head(x).shape == (1, 3, 4, 4)
    head = DeepLabV2Head(8, norm_cfg=dict(type='SyncBN'), **arguments)
    with pytest.raises(ValueError, match='found one'):
        head(x)
    monkeypatch.setattr(deeplab_v2_head, 'get_world_size', lambda: 2)
    head._check_batch(1)  # the other process has an image too


VARIANTS = {
    'published': dict(channels=None, image_pool=False, norm_cfg=None,
                      dropout_ratio=0),
    'hidden': dict(channels=8, image_pool=True, norm_cfg=NORM),
}


def _model(variant):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='EncoderDecoder',
            data_preprocessor=dict(type='SegDataPreProcessor', std=[50.] * 3,
                                   mean=[100.] * 3, size=(32, 32)),
            backbone=dict(BACKBONE),
            decode_head=dict(
                type='hsc_mm.DeepLabV2Head',
                in_channels=64,
                num_classes=3,
                dilations=(1, 2),
                **VARIANTS[variant]),
            train_cfg=dict(),
            test_cfg=dict(mode='whole')))


@pytest.mark.parametrize('variant', VARIANTS)
def test_loss_reaches_every_parameter_of_the_head(variant):
    model = _model(variant).train()
    samples = []
    for _ in range(2):
        sample = SegDataSample()
        sample.gt_sem_seg = PixelData(data=torch.randint(0, 3, (1, 32, 32)))
        samples.append(sample)
    losses = model.loss(torch.randn(2, 3, 32, 32), samples)
    assert list(losses) == ['decode.loss_ce', 'decode.acc_seg']
    losses['decode.loss_ce'].backward()
    for name, parameter in model.decode_head.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        # ReLU may switch a norm's channel off, not a whole convolution.
        if name.endswith('conv.weight'):
            assert parameter.grad.abs().max() > 0, name


class _Start(Hook):
    """Keep the weights of the head before the first iteration."""

    def before_train(self, runner):
        self.weights = {
            name: value.clone()
            for name, value in runner.model.decode_head.named_parameters()
        }


@pytest.mark.slow
@pytest.mark.parametrize('variant', VARIANTS)
def test_two_iterations_and_prediction(variant, shared_voc, tmp_path):
    config = second_stage_config(
        shared_voc, tmp_path / 'config.py', 'deeplabv2_r101_voc-pseudo',
        dict(backbone=dict(BACKBONE, _delete_=True),
             decode_head=dict(in_channels=64, **VARIANTS[variant])),
        shared_voc / 'SegmentationClass')
    start = _Start()
    runner = train_and_test(config, start)
    for name, value in runner.model.decode_head.named_parameters():
        assert torch.isfinite(value).all(), name
        # A bias in front of a batch norm would be the exception.
        assert not torch.equal(start.weights[name], value), name
