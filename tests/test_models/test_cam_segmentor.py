import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from sampling import cam_at_pixels
from tiny_configs import BACKBONE

from hsc_mm.models import CAMSegmentor, View, ViewLoss
from hsc_mm.registry import MODELS

SMALL = dict(
    type='hsc_mm.CAMSegmentor',
    backbone=dict(BACKBONE, norm_eval=True),
    decode_head=dict(type='hsc_mm.CAMHead', in_channels=64, num_classes=4),
    test_cfg=dict(bg_threshold=0.3, use_image_labels=True, score_thr=0.5))


def build(**kwargs) -> CAMSegmentor:
    """Build a small network of stride 8 with three foreground classes."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
    cfg = copy.deepcopy(SMALL)
    for key, value in kwargs.items():
        cfg[key] = dict(cfg[key], **value) if isinstance(
            cfg.get(key), dict) else value
    model = MODELS.build(cfg)
    model.init_weights()
    return model.eval()


def sample(label=(1, 0, 1), size=(40, 48), **meta) -> SegDataSample:
    """Build a sample with image labels."""
    one = SegDataSample(metainfo=dict(ori_shape=size, img_shape=size, **meta))
    one.gt_label = torch.tensor(label, dtype=torch.float32)
    return one


def test_a_view_has_pixels():
    with pytest.raises(ValueError, match=r'model\.second_view: expected an '
                       'integer >= 1, found 0'):
        build(second_view=(24, 0))


def test_loss_is_the_mean_over_views():
    torch.manual_seed(1)
    images = torch.randn(2, 3, 40, 48)
    samples = [sample((1, 0, 1)), sample((0, 1, 0))]
    model = build(second_view=(24, 32))
    losses = model(images, samples, mode='loss')
    assert list(losses) == ['decode.loss_cls']
    label = torch.stack([s.gt_label for s in samples])
    expected = 0
    for view in (images,
                 F.interpolate(
                     images, (24, 32), mode='bilinear', align_corners=True)):
        feat = model.backbone(view)[-1]
        cam = F.conv2d(feat, model.decode_head.classifier.weight)
        expected += F.multilabel_soft_margin_loss(
            cam.mean(dim=(2, 3))[:, 1:], label) / 2
    assert losses['decode.loss_cls'].item() == pytest.approx(
        expected.item(), rel=1e-5)
    losses['decode.loss_cls'].backward()
    grad = model.decode_head.classifier.weight.grad
    assert grad[0].abs().sum() == 0  # background is not trained by plain CAM
    assert grad[1:].abs().sum() > 0


def test_prediction_comes_back_to_the_loaded_image():
    images = torch.randn(1, 3, 40, 48)
    model = build()
    with torch.no_grad():
        plain = model.predict(images, [sample()])[0]
        larger = model.predict(images, [sample(size=(80, 96))])[0]
        flipped = model.predict(
            images.flip(3),
            [sample(flip=True, flip_direction='horizontal')])[0]
    assert plain.seg_logits.data.shape == (4, 40, 48)
    assert plain.pred_sem_seg.data.shape == (1, 40, 48)
    assert larger.pred_sem_seg.data.shape == (1, 80, 96)
    assert plain.metainfo['bg_threshold'] == 0.3
    # The network is not symmetric, so only the frame is compared here.
    assert flipped.activation.data.shape == plain.activation.data.shape
    assert not plain.seg_logits.data[2].any()  # class 2 is not in the image


def test_a_flip_of_the_activation_is_undone():
    """Of an input whose first and last pixels positions look at."""
    model = build()
    size = (33, 41)
    activation = torch.rand(2, 3, 5, 6)
    scores = torch.rand(2, 3)
    plain = model.postprocess_result(
        activation, scores, [sample(size=size), sample(size=size)], size)
    for direction, axis in (('horizontal', 3), ('vertical', 2)):
        turned = model.postprocess_result(
            activation.flip(axis), scores,
            [sample(size=size, flip=True, flip_direction=direction)
             for _ in range(2)], size)
        for one, other in zip(plain, turned):
            assert torch.allclose(one.activation.data, other.activation.data,
                                  atol=1e-6)


def test_padding_is_cut_off():
    model = build()
    activation = torch.rand(1, 3, 6, 7)
    padded = model.postprocess_result(
        activation, torch.rand(1, 3),
        [sample(size=(40, 48), img_padding_size=(0, 8, 0, 8))], (48, 56))[0]
    whole = cam_at_pixels(activation[0].numpy(), (48, 56), stride=8)
    assert np.allclose(padded.activation.data, whole[:, :40, :48], atol=1e-6)


def test_classifier_chooses_when_labels_must_not():
    model = build(test_cfg=dict(use_image_labels=False))
    one = sample()
    del one.gt_label
    found = model.predict(torch.randn(1, 3, 40, 48), [one])[0]
    assert found.metainfo['use_image_labels'] is False
    with pytest.raises(ValueError, match='use_image_labels=True'):
        build().predict(torch.randn(1, 3, 40, 48), [one])
    assert len(build(test_cfg=dict(use_image_labels=False)).predict(
        torch.randn(2, 3, 40, 48))) == 2


def test_softmax_activation():
    model = build(decode_head=dict(activation='softmax'))
    cam = model(torch.randn(1, 3, 40, 48), mode='tensor')
    activation, scores = model.decode_head.predict_by_view(
        View(None, (), cam, cam))
    assert torch.allclose(activation, cam.softmax(1)[:, 1:])
    assert scores.shape == (1, 3)


def test_tta_sums_views_before_normalising():
    init_default_scope('mmseg')
    tta = MODELS.build(dict(type='hsc_mm.CAMTTAModel', module=build()))
    views = tta.module.postprocess_result(
        torch.rand(3, 3, 5, 6), torch.rand(3, 3),
        [sample() for _ in range(3)], (40, 48))
    maps = [view.activation.data.clone() for view in views]
    merged = tta.merge_preds([views])[0]
    total = sum(maps)
    expected = total / (total.amax((1, 2), keepdim=True) + 1e-5)
    assert torch.allclose(merged.seg_logits.data[1], expected[0], atol=1e-6)
    assert not merged.seg_logits.data[2].any()
    assert merged.gt_label.tolist() == [1, 0, 1]


@pytest.mark.parametrize(('head', 'test_cfg', 'expected'), [
    (dict(), dict(), 'max'),
    (dict(refiner=True, seed_from='raw'), dict(), 'max'),
    (dict(seed_from='refined'), dict(), 'max'),  # and nothing refines
    (dict(refiner=True, seed_from='refined'), dict(), 'min-max'),
    (dict(refiner=True, seed_from='refined'), dict(normalize='max'), 'max'),
    (dict(), dict(normalize='min-max'), 'min-max'),
])
def test_what_seeds_are_made_of_normalises_them(head, test_cfg, expected):
    if head.pop('refiner', False):
        head['refiner'] = dict(
            type='hsc_mm.PixelCorrelation', in_channels=(16, 32),
            in_index=(1, 2))
    model = build(decode_head=head, test_cfg=test_cfg)
    assert model.normalization == expected
    one = sample((1, 1, 1))
    total = 1 + torch.rand(3, 40, 48)
    one.set_data(dict(activation=PixelData(data=total),
                      cls_scores=torch.rand(3)))
    model.finish(one, views=4)
    low = total.amin((1, 2), True) if expected == 'min-max' else 0
    wanted = (total - low) / (total.amax((1, 2), True) - low)
    assert torch.allclose(one.seg_logits.data[1:], wanted, atol=1e-4)


def test_tta_keeps_the_normalisation_of_its_model():
    """mmengine's runner passes the config's variable of that name."""
    init_default_scope('mmseg')
    own = dict(type='SegDataPreProcessor', mean=[9.] * 3, std=[7.] * 3)
    other = dict(type='SegDataPreProcessor', mean=[1.] * 3, std=[1.] * 3)
    module = dict(SMALL, data_preprocessor=own)
    tta = MODELS.build(
        dict(type='hsc_mm.CAMTTAModel', module=module,
             data_preprocessor=other))
    assert tta.module.data_preprocessor.mean.flatten().tolist() == [9.] * 3
    tta = MODELS.build(
        dict(type='hsc_mm.CAMTTAModel', module=dict(SMALL),
             data_preprocessor=other))
    assert tta.module.data_preprocessor.mean.flatten().tolist() == [1.] * 3


@pytest.mark.parametrize(('change', 'message'), [
    (dict(decode_head=dict(activation='tanh')), 'activation: expected'),
    (dict(decode_head=dict(num_classes=1)), 'num_classes: expected'),
    (dict(test_cfg=dict(normalize='sum')), r'normalize of test_cfg.*"sum"'),
])
def test_wrong_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        build(**change)


def test_heads_of_masks_are_refused():
    head = dict(type='FCNHead', in_channels=64, channels=4, num_classes=4)
    with pytest.raises(ValueError, match=r'decode_head\.type.*found FCNHead'):
        MODELS.build(dict(copy.deepcopy(SMALL), decode_head=head))


def test_wrong_channels_classes_and_test_cfg():
    with pytest.raises(ValueError, match='expected 32, found 64 channels'):
        build(decode_head=dict(in_channels=32))(torch.randn(1, 3, 32, 32))
    with pytest.raises(ValueError, match=r'expected 3 .*found 4'):
        build()(torch.randn(1, 3, 32, 32), [sample((1, 0))], mode='loss')
    with pytest.raises(ValueError, match='expected the key "bg_threshold"'):
        CAMSegmentor(
            backbone=dict(type='mmseg.ResNet', depth=18),
            decode_head=dict(
                type='hsc_mm.CAMHead', in_channels=512, num_classes=4),
            test_cfg=dict(use_image_labels=True))


def test_one_class():
    model = build(decode_head=dict(num_classes=2))
    loss = model(torch.randn(1, 3, 32, 32), [sample((1, ))], mode='loss')
    assert torch.isfinite(loss['decode.loss_cls'])


class _Attended(ViewLoss):
    """Uses the attention between patches, as a stranger's loss would."""
    needs = ('attention', )

    def forward(self, views, targets):
        self.seen = views[0].attention
        return self.seen.square().mean()


def test_losses_see_the_attention_of_a_transformer():
    vit = dict(
        type='mmpretrain.VisionTransformer', img_size=32, patch_size=8,
        out_type='featmap', arch=dict(
            embed_dims=16, num_layers=3, num_heads=2,
            feedforward_channels=16))
    head = dict(type='hsc_mm.CAMHead', in_channels=16, num_classes=4,
                losses=dict(cls=dict(type='hsc_mm.ClassificationLoss'),
                            mine=dict(type=_Attended)))
    init_default_scope('mmseg')
    cfg = copy.deepcopy(SMALL)
    cfg.update(backbone=vit, decode_head=head)
    with pytest.raises(ValueError, match=r'needs "attention".*Set '
                       r'model\.attention=dict\(last='):
        MODELS.build(copy.deepcopy(cfg))
    for heads, maps in ((False, 2), (True, 4)):
        torch.manual_seed(0)
        model = MODELS.build(
            dict(copy.deepcopy(cfg), attention=dict(last=2, heads=heads)))
        losses = model.train().loss(
            torch.randn(2, 3, 32, 32), [sample((1, 0, 1))] * 2)
        assert model.decode_head.losses['mine'].seen.shape == (2, maps, 16, 16)
        losses['decode.loss_mine'].backward()
        grads = [one.attn.qkv.weight.grad for one in model.backbone.layers]
        assert all(grad.abs().sum() > 0 for grad in grads)


@pytest.mark.parametrize('wrap', [
    lambda maps: dict(enumerate(maps)), list, lambda maps: maps[-1]])
def test_a_backbone_may_give_a_dict_a_list_or_one_map(monkeypatch, wrap):
    model, image = build(), torch.rand(1, 3, 40, 48)
    expected = model.extract_feat(image)[-1]
    forward = model.backbone.forward
    monkeypatch.setattr(
        model.backbone, 'forward', lambda inputs: wrap(forward(inputs)))
    assert torch.equal(model.extract_feat(image)[-1], expected)
    losses = model(image, [sample()], mode='loss')
    assert losses['decode.loss_cls'].requires_grad


def test_a_backbone_without_a_return_is_named(monkeypatch):
    model = build()
    monkeypatch.setattr(model.backbone, 'forward', lambda inputs: None)
    with pytest.raises(ValueError, match=r'model\.backbone \(\w+\): expected '
                       r'a tuple of feature maps .*found None'):
        model.extract_feat(torch.rand(1, 3, 40, 48))
