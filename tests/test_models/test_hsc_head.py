"""The head of HSC on random feature maps."""
import copy

import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch.utils._python_dispatch import TorchDispatchMode

from hsc_mm.models import HSCHead, RefinedCAMHead
from hsc_mm.models.contrast.objective import HierarchicalContrast

CHANNELS = (6, 8, 10)
FULL = dict(
    in_channels=10, num_classes=4, region_channels=7, pixel_channels=5,
    pcm=dict(type='hsc_mm.PixelCorrelation', in_channels=(6, 8),
             in_index=(0, 1), reduced=(4, 4), embed_channels=6),
    loss_er=dict(type='hsc_mm.EquivarianceLoss'),
    loss_ecr=dict(type='hsc_mm.EquivarianceCrossLoss'),
    loss_min=dict(type='hsc_mm.MinPoolingLoss'),
    loss_sal=dict(type='hsc_mm.SaliencyLoss'))
PARTS = dict(loss_er='loss_er', loss_ecr='loss_ecr', loss_min='loss_min',
             loss_sal='loss_sal')
CONTRAST = {'loss_roi', 'loss_class', 'loss_pixel'}


def build(**kwargs):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    head = HSCHead(**copy.deepcopy({**FULL, **kwargs}))
    head.init_weights()
    with torch.no_grad():  # CAMs of a trained network are not all tiny
        head.classifier.weight.mul_(30)
    return head.train()


def draw(batch=3, seed=0):
    """Two views: 9 x 11 and 6 x 5, of images eight times as large."""
    generator = torch.Generator().manual_seed(seed)
    views = []
    for height, width in ((9, 11), (6, 5)):
        feats = tuple(
            torch.randn(batch, wide, height, width,
                        generator=generator).relu() for wide in CHANNELS)
        image = torch.randn(batch, 3, height * 8, width * 8,
                            generator=generator)
        views.append((feats, image))
    samples = []
    for label in ((1, 0, 1), (0, 1, 0), (1, 1, 0))[:batch]:
        one = SegDataSample(
            metainfo=dict(num_labels=sum(label), img_path='one.jpg'))
        one.gt_label = torch.tensor(label, dtype=torch.float32)
        one.gt_saliency = PixelData(
            data=torch.rand(1, 20, 24, generator=generator))
        samples.append(one)
    return views, samples


def commit(head):
    for banks in head.contrast.banks.values():
        for bank in banks:
            bank.commit()


def gradient_of(head, losses, names):
    """Absolute gradient sums of the parts of the head."""
    head.zero_grad()
    sum(losses[name] for name in names).backward(retain_graph=True)
    return {
        name: sum(p.grad.abs().sum().item() for p in part.parameters()
                  if p.grad is not None)
        for name, part in head.named_children()
        if name in ('classifier', 'pcm', 'pixel_projector',
                    'region_projector')
    }


def test_all_losses_are_there_finite_and_positive():
    head = build()
    for step in range(2):
        losses = head.loss(*draw(seed=step))
        commit(head)
    assert set(losses) == {'loss_cls', *PARTS} | CONTRAST
    for name, loss in losses.items():
        assert loss.shape == ()
        assert loss.isfinite()
        assert loss > 0, name


@pytest.mark.parametrize('part', PARTS)
def test_a_part_is_switched_off_alone(part):
    whole = build().loss(*draw())
    losses = build(**{part: None}).loss(*draw())
    del whole[PARTS[part]]
    assert {k: v.item() for k, v in losses.items()} == pytest.approx(
        {k: v.item() for k, v in whole.items()})


def test_what_no_level_needs_is_not_built():
    head = build(contrast=dict(loss_roi=None, loss_class=None))
    assert head.region_projector is None
    assert CONTRAST & set(head.loss(*draw())) == {'loss_pixel'}
    head = build(contrast=dict(loss_pixel=None))
    assert head.pixel_projector is None
    assert CONTRAST & set(head.loss(*draw())) == {'loss_roi', 'loss_class'}
    head = build(contrast=dict(loss_roi=None))
    assert head.region_projector is not None
    head = build(contrast=dict.fromkeys(CONTRAST))
    assert head.pixel_projector is head.region_projector is None
    assert not CONTRAST & set(head.loss(*draw()))


def test_without_pixel_correlation_the_refined_cam_is_the_raw_one():
    head = build(pcm=None)
    views, samples = draw()
    output = head.forward(*views[0])
    assert torch.equal(output.refined, output.cam)
    assert 'loss_ecr' in head.loss(views, samples)


@pytest.mark.parametrize('pcm', [True, False])
@pytest.mark.parametrize(('settings', 'softmax'), [
    (dict(), False),
    (dict(activation='softmax'), True),
    (dict(activation='softmax', refine_from='logits'), False),
    (dict(activation='softmax', contrast=dict(recipe='release')), False),
    (dict(activation='softmax', contrast=dict(recipe='release'),
          refine_from='activation'), True),
])
def test_masks_are_made_of_what_makes_the_seeds(monkeypatch, settings,
                                                softmax, pcm):
    head = build(**settings, **({} if pcm else dict(pcm=None)))
    seen = []
    contrast = HierarchicalContrast.forward
    monkeypatch.setattr(
        HierarchicalContrast, 'forward',
        lambda self, cams, *rest: seen.extend(cams) or contrast(
            self, cams, *rest))
    views, samples = draw()
    assert CONTRAST <= set(head.loss(views, samples))
    assert len(seen) == 2
    for one, view in zip(seen, views, strict=True):
        cam = head.classifier(view[0][-1])
        if softmax:
            cam = cam.exp() / cam.exp().sum(1, keepdim=True)
        if pcm:
            cam = head.pcm(cam, *view)
        # Without a PCM the background is not looked at.
        assert torch.allclose(one[:, 1:].relu(), cam[:, 1:].relu(), rtol=1e-4)


def test_gradients_reach_what_a_loss_trains():
    """The contrast gives nothing to CAMs: masks have no gradient."""
    head = build()
    head.loss(*draw())
    commit(head)
    losses = head.loss(*draw(seed=1))
    expected = dict(
        loss_cls={'classifier'}, loss_er={'classifier'}, loss_ecr={'pcm'},
        loss_min={'pcm'}, loss_sal={'classifier', 'pcm'},
        loss_roi={'region_projector'}, loss_class={'region_projector'},
        loss_pixel={'pixel_projector'})
    for name, parts in expected.items():
        found = gradient_of(head, losses, [name])
        assert {part for part, grad in found.items() if grad > 0} == parts


def test_contrast_trains_the_features_and_nothing_trains_what_pcm_sees():
    head = build()
    views, samples = draw()
    leaves = [one.requires_grad_() for feats, _ in views for one in feats]
    losses = head.loss(views, samples)
    grads = torch.autograd.grad(
        sum(losses[name] for name in ('loss_roi', 'loss_pixel')), leaves,
        retain_graph=True, allow_unused=True)
    assert [grad is not None for grad in grads] == [False, False, True] * 2
    grads = torch.autograd.grad(
        sum(losses.values()), leaves, allow_unused=True)
    assert [grad is not None for grad in grads] == [False, False, True] * 2
    assert all(grads[i].abs().sum() > 0 for i in (2, 5))


def test_the_norm_layer_keeps_its_statistics():
    head = build()
    norm = head.region_projector[1]
    assert head.training and not norm.training
    before = norm.running_mean.clone()
    head.loss(*draw())
    assert torch.equal(norm.running_mean, before)
    head = build(norm_eval=False)
    norm = head.region_projector[1]
    assert norm.training
    head.loss(*draw())
    assert not torch.equal(norm.running_mean, before)
    assert not head.eval().region_projector[1].training


@pytest.mark.parametrize('seed_from', ['raw', 'refined'])
def test_prediction_computes_no_embedding(seed_from):
    head = build(seed_from=seed_from).eval()
    for part in (head.pixel_projector, head.region_projector):
        part.register_forward_pre_hook(lambda *_: pytest.fail('computed'))
    views, _ = draw()
    with torch.no_grad():
        activation, scores = head.predict(*views[0])
        cam = head.classifier(views[0][0][-1])
        refined = head.pcm(cam, *views[0])
    expected = cam if seed_from == 'raw' else refined
    assert torch.allclose(activation, expected[:, 1:].relu())
    assert torch.allclose(scores, cam[:, 1:].mean((2, 3)).sigmoid())


def test_evaluation_moves_no_prototype():
    head = build().eval()
    head.loss(*draw())
    commit(head)
    assert not any(bank.seen.any() for banks in head.contrast.banks.values()
                   for bank in banks)


def test_one_view_is_refused_with_the_way_out():
    views, samples = draw()
    for head in (build(), build(loss_er=None, loss_ecr=None)):
        with pytest.raises(ValueError, match='HSCHead compares two views, '
                           r'found 1\. Set model\.second_view'):
            head.loss(views[:1], samples)


def test_missing_saliency_is_refused_with_the_way_out():
    views, samples = draw()
    del samples[1].gt_saliency
    with pytest.raises(ValueError, match=r'one\.jpg: loss_sal needs a '
                       r'saliency map.*LoadSaliencyMap.*loss_sal=None'):
        build().loss(views, samples)
    assert 'loss_sal' not in build(loss_sal=None).loss(views, samples)


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match=r'recipe .*found "paper"'):
        build(contrast=dict(recipe='paper'))
    with pytest.raises(ValueError, match=r'background .* found 1\.0'):
        build(contrast=dict(background=1.0))
    with pytest.raises(ValueError, match=r'seed_from.*found "both"'):
        build(seed_from='both')
    with pytest.raises(ValueError, match=r'refine_from.*found "cam"'):
        build(refine_from='cam')


class _NoWaiting(TorchDispatchMode):
    """Refuse what makes the host wait for a device."""

    WAITING = ('_local_scalar_dense', 'nonzero', 'masked_select', 'equal',
               'unique', '_unique2', 'is_nonzero', 'item', 'bincount')

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func._schema.name.split('::')[1]
        assert name not in self.WAITING, f'{name} waits for the device'
        if name.startswith('index') and isinstance(args[1], list | tuple):
            assert all(one is None or one.dtype != torch.bool
                       for one in args[1]), 'a mask as an index waits'
        return func(*args, **(kwargs or {}))


def test_the_watch_sees_waiting():
    value = torch.rand(4)
    for wait in (lambda: value[0].item(), lambda: value[value > 0],
                 lambda: bool(value.sum() > 0), value.nonzero):
        with pytest.raises(AssertionError, match='waits'), _NoWaiting():
            wait()


@pytest.mark.parametrize('recipe', ['clean', 'release'])
def test_the_objective_never_waits_for_the_device(recipe):
    torch.manual_seed(0)
    contrast = HierarchicalContrast(5, 7, 6, recipe=recipe)
    maps = [[
        torch.randn(3, wide, *size, requires_grad=True)
        for size in ((9, 11), (6, 5))
    ] for wide in (5, 6, 7)]
    label = torch.tensor([[1., 0, 0, 1], [0, 1, 0, 0], [1, 1, 0, 0]])
    image = torch.rand(3, 3, 48, 40) * 255
    for _ in range(2):
        with _NoWaiting():
            losses = contrast(*maps, label, image, max_labels=3)
            sum(losses.values()).backward()
            for banks in contrast.banks.values():
                for bank in banks:
                    bank.commit()


def test_the_head_tells_the_crf_how_many_labels_there_are(monkeypatch):
    seen = []
    head = build()
    inner = head.contrast.refiner.forward
    monkeypatch.setattr(
        head.contrast.refiner, 'forward',
        lambda *args: seen.append(args[3]) or inner(*args))
    views, samples = draw()
    head.loss(views, samples)
    commit(head)
    samples[0] = SegDataSample()
    samples[0].gt_label = samples[1].gt_label
    samples[0].gt_saliency = samples[1].gt_saliency
    head.loss(views, samples)
    assert seen == [3, None]


@pytest.mark.parametrize('kind', [HSCHead, RefinedCAMHead])
def test_mixed_precision_stops_before_the_losses(kind):
    """The same outputs give the very same losses inside autocast."""
    head, again = (make_head(kind) for _ in range(2))
    views, samples = draw()
    outputs = [head(*view) for view in views]
    for one in (head, again):
        one.forward = lambda feats, image: outputs[feats is views[1][0]]
    whole = head.loss(views, samples)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        half = again.loss(views, samples)
    assert set(half) == set(whole)
    for name, loss in whole.items():
        assert torch.equal(half[name], loss), name


def make_head(kind):
    if kind is HSCHead:
        return build()
    settings = {k: v for k, v in FULL.items()
                if k not in ('region_channels', 'pixel_channels')}
    return kind(**copy.deepcopy(settings)).train()
