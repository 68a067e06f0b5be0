"""The CAM head with the losses of all methods, on random feature maps."""
import copy

import pytest
import torch
from methods import build_contrast, head_config, make_views
from mmengine.config import Config
from mmengine.model import BaseModule
from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import load_state_dict
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from hsc_mm.engine.fitting import first_problem
from hsc_mm.models import (
    CAMHead,
    HierarchicalContrast,
    ROIContrast,
    Targets,
    ViewLoss,
)
from hsc_mm.models.heads.version1 import use_present_names
from hsc_mm.models.losses import loss_dict

CHANNELS = (6, 8, 10)
METHODS = ('seam', 'eps', 'hsc')
FULL = dict(
    activation='relu', in_channels=10, num_classes=4,
    embeddings=dict(region=dict(channels=7), pixel=dict(channels=5)),
    refiner=dict(type='hsc_mm.PixelCorrelation', in_channels=(6, 8),
                 in_index=(0, 1), reduced=(4, 4), embed_channels=6),
    losses=dict(cls=dict(type='hsc_mm.ClassificationLoss')))
PARTS = ('er', 'ecr', 'min', 'sal')
CONTRAST = {'loss_roi', 'loss_class', 'loss_pixel'}


def config(methods=METHODS, **changes):
    cfg = Config(dict(head=head_config(*methods, **copy.deepcopy(FULL))))
    cfg.merge_from_dict(dict(head=changes))
    return cfg.head


def without(*names):
    return dict(losses=dict.fromkeys(names))


def levels(**changes):
    return dict(losses=dict(contrast=dict(levels=changes)))


def build(methods=METHODS, kind=CAMHead, **changes):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    head = kind(**config(methods, **changes))
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
    for level in head.losses['contrast'].levels.values():
        for bank in level.bank:
            bank.commit()


def gradient_of(head, losses, names):
    """Absolute gradient sums of the parts of the head."""
    head.zero_grad()
    sum(losses[name] for name in names).backward(retain_graph=True)
    return {
        name: sum(p.grad.abs().sum().item() for p in part.parameters()
                  if p.grad is not None)
        for name, part in (('classifier', head.classifier),
                           ('refiner', head.refiner),
                           *head.embeddings.items())
    }


def test_all_losses_are_there_finite_and_positive():
    head = build()
    for step in range(2):
        losses = head.loss(*draw(seed=step))
        commit(head)
    assert set(losses) == {
        'loss_cls', *(f'loss_{part}' for part in PARTS)} | CONTRAST
    for name, loss in losses.items():
        assert loss.shape == ()
        assert loss.isfinite()
        assert loss > 0, name


@pytest.mark.parametrize('part', PARTS)
def test_a_part_is_switched_off_alone(part):
    whole = build().loss(*draw())
    losses = build(**without(part)).loss(*draw())
    del whole[f'loss_{part}']
    assert {k: v.item() for k, v in losses.items()} == pytest.approx(
        {k: v.item() for k, v in whole.items()})


def test_a_refiner_that_no_loss_trains_is_told(monkeypatch):
    said = []
    monkeypatch.setattr(loss_dict, 'print_log', lambda *a: said.append(a[0]))
    for part in ('ecr', 'min'):
        build(**without(part))
    build(('eps', 'hsc'), refiner=None)
    assert not said
    build(losses=dict(er=None, ecr=None, min=None))
    assert 'Refined CAMs come from random weights' in said[0]


def test_what_no_level_needs_is_not_built():
    head = build(**levels(roi=None, cls=None))
    assert list(head.embeddings) == ['pixel']
    assert CONTRAST & set(head.loss(*draw())) == {'loss_pixel'}
    head = build(**levels(pixel=None), seed_from='refined')
    assert list(head.embeddings) == ['region']
    assert CONTRAST & set(head.loss(*draw())) == {'loss_roi', 'loss_class'}
    head = build(**levels(roi=None))
    assert sorted(head.embeddings) == ['pixel', 'region']
    head = build(**without('contrast'), seed_from='refined')
    assert not head.embeddings
    assert not CONTRAST & set(head.loss(*draw()))


def test_without_a_refiner_the_evidence_is_the_activation():
    head = build(('eps', 'hsc'), refiner=None)
    views, samples = draw()
    view = head.forward(*views[0])
    assert view.refined is None
    assert torch.equal(view.evidence, view.cam.relu())
    assert CONTRAST <= set(head.loss(views, samples))


@pytest.mark.parametrize('pcm', [True, False])
@pytest.mark.parametrize(('methods', 'settings', 'softmax'), [
    (('hsc', ), dict(), False),
    (('hsc', ), dict(activation='softmax'), True),
    (('hsc', ), dict(activation='softmax', refine_from='logits'), False),
    (('hsc', 'hsc_release'), dict(activation='softmax'), False),
    (('hsc', 'hsc_release'),
     dict(activation='softmax', refine_from='activation'), True),
])
def test_masks_are_made_of_what_makes_the_seeds(monkeypatch, methods,
                                                settings, softmax, pcm):
    head = build(methods, **settings, **({} if pcm else dict(refiner=None)))
    seen = []
    contrast = HierarchicalContrast.forward
    monkeypatch.setattr(
        HierarchicalContrast, 'forward',
        lambda self, views, *rest: seen.extend(
            view.evidence for view in views) or contrast(self, views, *rest))
    views, samples = draw()
    assert CONTRAST <= set(head.loss(views, samples))
    assert len(seen) == 2
    for one, view in zip(seen, views, strict=True):
        cam = head.classifier(view[0][-1])
        if softmax:
            cam = cam.exp() / cam.exp().sum(1, keepdim=True)
        if pcm:
            cam = head.refiner(cam, *view)
        # Without a PCM the background is not looked at.
        assert torch.allclose(one[:, 1:].relu(), cam[:, 1:].relu(), rtol=1e-4)


@pytest.mark.parametrize('refined', [False, True])
def test_gradients_reach_what_a_loss_trains(refined):
    """The contrast gives nothing to CAMs: masks have no gradient."""
    head = build(losses=dict(sal=dict(refined=refined)))
    head.loss(*draw())
    commit(head)
    losses = head.loss(*draw(seed=1))
    expected = dict(
        loss_cls={'classifier'}, loss_er={'classifier'},
        loss_ecr={'refiner'}, loss_min={'refiner'},
        loss_sal={'classifier', *['refiner'][:refined]}, loss_roi={'region'},
        loss_class={'region'}, loss_pixel={'pixel'})
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
    norm = head.embeddings['region'][1]
    assert head.training and not norm.training
    before = norm.running_mean.clone()
    head.loss(*draw())
    assert torch.equal(norm.running_mean, before)
    head = build(embeddings=dict(region=dict(norm_eval=False)))
    norm = head.embeddings['region'][1]
    assert norm.training
    head.loss(*draw())
    assert not torch.equal(norm.running_mean, before)
    assert not head.eval().embeddings['region'][1].training


@pytest.mark.parametrize('seed_from', ['raw', 'refined'])
def test_prediction_computes_no_embedding(seed_from):
    head = build(seed_from=seed_from).eval()
    for part in head.embeddings.values():
        part.register_forward_pre_hook(lambda *_: pytest.fail('computed'))
    views, _ = draw()
    with torch.no_grad():
        activation, scores = head.predict(*views[0])
        cam = head.classifier(views[0][0][-1])
        refined = head.refiner(cam, *views[0])
    expected = cam if seed_from == 'raw' else refined
    assert torch.allclose(activation, expected[:, 1:].relu())
    assert torch.allclose(scores, cam[:, 1:].mean((2, 3)).sigmoid())


def test_evaluation_moves_no_prototype():
    head = build().eval()
    head.loss(*draw())
    commit(head)
    assert not any(
        bank.seen.any() for level in head.losses['contrast'].levels.values()
        for bank in level.bank)


def test_one_view_is_refused_with_the_way_out():
    views, samples = draw()
    for head, owner in ((build(), 'EquivarianceLoss'),
                        (build(**without('er', 'ecr')),
                         'HierarchicalContrast')):
        with pytest.raises(ValueError, match=f'{owner} compares two views, '
                           r'found 1\. Set model\.second_view'):
            head.loss(views[:1], samples)


def test_missing_saliency_is_refused_with_the_way_out():
    views, samples = draw()
    del samples[1].gt_saliency
    with pytest.raises(ValueError, match=r'one\.jpg: a loss needs the map '
                       r'"saliency", found none.*losses=dict\(.*=None\)'):
        build().loss(views, samples)
    assert 'loss_sal' not in build(**without('sal')).loss(views, samples)


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match=r'background .* found 1\.0'):
        build(losses=dict(contrast=dict(background=1.0)))
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
    contrast = build_contrast(5, 7, 6, recipe=recipe)
    maps = [[
        torch.randn(3, wide, *size, requires_grad=True)
        for size in ((9, 11), (6, 5))
    ] for wide in (5, 6, 7)]
    label = torch.tensor([[1., 0, 0, 1], [0, 1, 0, 0], [1, 1, 0, 0]])
    image = torch.rand(3, 3, 48, 40) * 255
    for _ in range(2):
        with _NoWaiting():
            losses = contrast(make_views(*maps, image),
                              Targets(label, max_labels=3))
            sum(losses.values()).backward()
            for level in contrast.levels.values():
                for bank in level.bank:
                    bank.commit()


def test_the_head_tells_the_crf_how_many_labels_there_are(monkeypatch):
    seen = []
    head = build()
    crf = head.losses['contrast'].mask_refiner
    inner = crf.forward
    monkeypatch.setattr(
        crf, 'forward',
        lambda *args: seen.append(args[3]) or inner(*args))
    views, samples = draw()
    head.loss(views, samples)
    commit(head)
    samples[0] = SegDataSample()
    samples[0].gt_label = samples[1].gt_label
    samples[0].gt_saliency = samples[1].gt_saliency
    head.loss(views, samples)
    assert seen == [3, None]


@pytest.mark.parametrize('methods', [METHODS, ('seam', 'eps')])
def test_mixed_precision_stops_before_the_losses(methods):
    """The same views give the very same losses inside autocast."""
    head, again = build(methods), build(methods)
    views, samples = draw()
    made = head.make_views(views)
    for one in (head, again):
        one.make_views = lambda views: made
    whole = head.loss(views, samples)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        half = again.loss(views, samples)
    assert set(half) == set(whole)
    for name, loss in whole.items():
        assert torch.equal(half[name], loss), name


def test_embeddings_are_computed_in_half_precision():
    head, seen = build(), []
    head.embeddings['pixel'].register_forward_hook(
        lambda module, args, result: seen.append(result.dtype))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        head.make_views(draw()[0])
    assert set(seen) == {torch.bfloat16}


def test_losses_of_strangers_see_views_in_full_precision():
    class Own(ViewLoss):
        needs = ('pixel', 'refined')

        def bind(self, num_classes, channels):
            self.conv = nn.Conv2d(channels['pixel'], num_classes, 1)

        def forward(self, views, targets):
            view = views[0]
            score = view.cam.mean((2, 3)) @ targets.with_background.t()
            return score.mean() + (self.conv(view.embedding('pixel'))
                                   * view.refined * view.source).mean()

    head = build(losses=dict(own=dict(type=Own)))
    views, samples = draw()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert head.loss(views, samples)['loss_own'].dtype == torch.float32


class _Decoder(torch.nn.Sequential):
    """An embedding whose channels are the classes, as of a stranger."""

    def __init__(self, in_channels):
        super().__init__()
        self.wide = in_channels

    def bind(self, num_classes):
        self.append(torch.nn.Conv2d(self.wide, num_classes, 1))
        self.channels = num_classes


class _Decoded(ViewLoss):
    needs = ('segmentation', )

    def bind(self, num_classes, channels):
        assert channels == dict(segmentation=num_classes)

    def forward(self, views, targets):
        assert views[0].embedding('segmentation').shape == (3, 4, 9, 11)
        return views[0].embedding('segmentation').logsumexp(1).mean()


def test_an_embedding_that_asks_is_told_the_number_of_classes():
    head = CAMHead(10, 4, losses=dict(mine=dict(type=_Decoded)),
                   embeddings=dict(segmentation=dict(type=_Decoder)))
    loss = head.loss(*draw())['loss_mine']
    loss.backward()
    assert head.embeddings['segmentation'][0].weight.grad.abs().sum() > 0


def test_what_a_subclass_computes_makes_the_seeds_too():
    class Doubled(CAMHead):

        def compute_cam(self, feats, image):
            return 2 * super().compute_cam(feats, image)

    plain, doubled = build(()), build((), Doubled)
    views, samples = draw()
    for name in ('forward', 'predict'):
        one, other = (getattr(head, name)(*views[0])
                      for head in (plain, doubled))
        one, other = ((x.cam if name == 'forward' else x[0])
                      for x in (one, other))
        torch.testing.assert_close(other, 2 * one)
    assert doubled.loss(views, samples) != plain.loss(views, samples)


@pytest.mark.parametrize(('cut', 'found'), [
    (lambda cam: cam[:, 1:], r'\(3, 3, 9, 11\)'),
    (lambda cam: cam[:, :1], r'\(3, 1, 9, 11\)'),
    (lambda cam: cam[:1], r'\(1, 4, 9, 11\)'),
    (lambda cam: cam.mean((2, 3)), r'\(3, 4\)'),
    (lambda cam: [cam], 'list')])
def test_a_cam_has_a_map_of_each_class_and_image(cut, found):
    """One map for all classes would be broadcast, and trained."""

    class Cut(CAMHead):

        def compute_cam(self, feats, image):
            return cut(super().compute_cam(feats, image))

    views, samples = draw()
    head = build((), Cut)
    for run in (lambda: head.loss(views, samples),
                lambda: head.predict(*views[0])):
        with pytest.raises(ValueError, match='compute_cam of Cut: expected a '
                           rf'Tensor \(3, 4, h, w\), found .*{found}'):
            run()


def test_a_subclass_that_overrides_forward_is_not_ignored_at_test_time():
    class Shifted(CAMHead):

        def forward(self, feats, image, attention=None):
            view = super().forward(feats, image, attention)
            view.cam = view.cam + 1
            return view

    views, _ = draw()
    found = build((), Shifted).predict(*views[0])[0]
    cam = build(()).compute_cam(*views[0])
    torch.testing.assert_close(found, (cam + 1)[:, 1:].relu())


@pytest.mark.parametrize(('changes', 'text'), [
    (dict(refiner=None), r'losses\.ecr of CAMHead \(EquivarianceCrossLoss\) '
     r'needs "refined".*refiner=dict.*losses=dict\(ecr=None\)'),
    (dict(embeddings=dict(pixel=None)), r'losses\.contrast of CAMHead '
     r'\(HierarchicalContrast\) needs "pixel".*embeddings=dict\(pixel='),
    (dict(losses=dict.fromkeys(('cls', 'contrast', *PARTS))),
     'losses: expected at least one loss, found none'),
])
def test_needs_that_are_not_met_are_an_error_at_build_time(changes, text):
    with pytest.raises(ValueError, match=text):
        build(**changes)


@pytest.mark.parametrize(('changes', 'text'), [
    (dict(embeddings=3), 'embeddings: expected a dict .*found 3'),
    (dict(losses='cls'), "losses: expected a dict .*found 'cls'"),
    (dict(losses=None), 'losses: expected at least one loss'),
    (dict(losses=dict(cls='hsc_mm.X')), r"losses\.cls: expected dict\(type="
     r"\.\.\.\), found 'hsc_mm\.X'"),
    (dict(in_channels=[8, 16]), r'in_channels of CAMHead: .*found \[8, 16\]'),
    (dict(in_channels=0), 'in_channels of CAMHead: .*found 0'),
])
def test_parts_are_dicts(changes, text):
    with pytest.raises(ValueError, match=text):
        CAMHead(**dict(dict(in_channels=8, num_classes=3), **changes))


def test_embeddings_are_dicts_and_have_the_channels_of_the_head():
    head = build(embeddings=dict(pixel=dict(in_channels=99)))
    wide = head.classifier.in_channels
    assert head.embeddings['pixel'](torch.rand(1, wide, 4, 4)).shape[0] == 1
    with pytest.raises(ValueError, match=r'embeddings\.pixel: expected dict'):
        CAMHead(8, 3, embeddings=dict(pixel='hsc_mm.X'), losses=dict(
            cls=dict(type='hsc_mm.ClassificationLoss'),
            contrast=dict(type='hsc_mm.HierarchicalContrast')))


def test_none_is_no_embedding():
    assert not CAMHead(8, 3, embeddings=None).embeddings


def test_weights_of_version_1_are_found_under_their_old_names():
    head = build()
    head.loss(*draw())
    commit(head)
    old = {}
    for key, value in head.state_dict().items():
        for now, before in (
            ('refiner.', 'pcm.'), ('embeddings.pixel.', 'pixel_projector.'),
            ('embeddings.region.', 'region_projector.'),
            ('losses.contrast.levels.cls.bank.', 'contrast.banks.classes.'),
            ('losses.contrast.levels.roi.bank.', 'contrast.banks.roi.'),
            ('losses.contrast.levels.pixel.bank.', 'contrast.banks.pixel.')):
            if key.startswith(now):
                key = before + key.removeprefix(now)
                break
        old[key] = value
    assert not set(old) & {k for k in head.state_dict() if 'bank' in k}
    wrapped = torch.nn.ModuleDict(dict(decode_head=build()))
    with torch.no_grad():
        for one in wrapped.parameters():
            one.zero_()
    wrapped.load_state_dict({f'decode_head.{k}': v for k, v in old.items()})
    for key, value in head.state_dict().items():
        assert torch.equal(wrapped['decode_head'].state_dict()[key], value)
    load_state_dict(build(), old, strict=True)  # mmengine's


class OwnNames(CAMHead):
    """Calls its own modules as version 1 called those of CAMHead."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.pcm = torch.nn.Conv2d(2, 2, 1)
        self.pixel_projector = torch.nn.Conv2d(2, 2, 1)


def test_names_of_version_1_in_a_head_of_ones_own_stay():
    one, other = (torch.nn.ModuleDict(dict(decode_head=OwnNames(8, 3)))
                  for _ in range(2))
    state = one.state_dict()
    other.load_state_dict(dict(state))
    for key, value in other.state_dict().items():
        assert torch.equal(value, state[key])
    renamed = dict(state)
    use_present_names(renamed, 'decode_head.', other.state_dict())
    assert renamed.keys() == state.keys()
    assert first_problem(other, renamed) is None


@pytest.mark.parametrize('negatives', [(0, 1, 2), (1, ), (0, 2)])
@pytest.mark.parametrize('release', [False, True])
def test_images_that_show_no_class(negatives, release):
    head = build(METHODS + ('hsc_release', ) * release)
    for step in range(2):
        views, samples = draw(seed=step)
        for place in negatives:
            samples[place].gt_label = torch.zeros(3)
            samples[place].set_metainfo(dict(num_labels=0))
        losses = head.loss(views, samples)
        commit(head)
        head.zero_grad()
        sum(losses.values()).backward()
        assert len(losses) == 8
        assert all(loss.isfinite() for loss in losses.values())
        grads = [p.grad for p in head.parameters() if p.grad is not None]
        assert all(grad.isfinite().all() for grad in grads)
        assert head.classifier.weight.grad.abs().sum() > 0  # are learned


def test_a_contrast_without_any_class_is_zero_and_differentiable():
    cams, pixels, regions = (
        [torch.randn(2, n, 5, 6).requires_grad_() for _ in range(2)]
        for n in (4, 5, 7))
    found = build_contrast(4, 7, 5)(
        make_views(cams, pixels, regions, torch.rand(2, 3, 40, 48) * 255),
        Targets(torch.zeros(2, 3), max_labels=1))
    # One thing alone, the background, has nothing to be told from.
    for loss in found.values():
        assert loss.item() == pytest.approx(0, abs=1e-6)
    grads = torch.autograd.grad(sum(found.values()), regions + pixels)
    assert all(grad.isfinite().all() for grad in grads)


class Filled(BaseModule):
    """A part whose ``init_cfg`` makes its weights a constant."""
    channels = 8

    def __init__(self, in_channels=8):
        super().__init__(dict(type='Constant', layer='Conv2d', val=3.0))
        self.conv = nn.Conv2d(in_channels, 8, 1, bias=False)

    def forward(self, feature):
        return self.conv(feature)


def test_parts_of_a_head_are_initialised_as_their_init_cfg_says():
    class Own(ViewLoss):
        needs = ('own', )

        def __init__(self):
            super().__init__()
            self.part = Filled()

        def forward(self, views, targets):
            return views[0].embedding('own').mean()

    class Level(ROIContrast):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.part = Filled()

    head = build(embeddings=dict(own=dict(type=Filled)), losses=dict(
        own=dict(type=Own), contrast=dict(levels=dict(
            roi=dict(type=Level)))))
    head.init_weights()
    for part in (head.embeddings['own'], head.losses['own'].part,
                 head.losses['contrast'].levels['roi'].part):
        assert (part.conv.weight == 3).all()


class Drawn(nn.Conv2d):
    """A network that draws its weights anew when mmengine asks, as timm's."""

    def init_weights(self):
        nn.init.zeros_(self.weight)


@pytest.mark.parametrize('place', ['loss', 'embedding', 'refiner', 'head'])
def test_networks_of_other_libraries_in_a_head_keep_their_weights(place):
    class Own(BaseModule):
        channels, needs, needs_maps = 4, (), ()

        def __init__(self, in_channels=4):
            super().__init__()
            self.teacher = Drawn(4, 4, 1)
            self.part = Filled()

    init_default_scope('mmseg')
    head = CAMHead(**config())
    if place == 'head':
        head.teacher, head.part = Drawn(4, 4, 1), Filled()
    elif place == 'refiner':
        head.refiner = Own()
    else:
        (head.losses if place == 'loss' else head.embeddings)['own'] = Own()
    found = dict(head.named_modules())
    name, = (name for name in found if name.endswith('teacher'))
    before = found[name].weight.clone()
    head.init_weights()
    assert torch.equal(found[name].weight, before)
    part = found[name.replace('teacher', 'part')]
    assert (part.conv.weight == 3).all()


def test_a_loss_of_plain_torch_initialises_itself():
    class Own(nn.Module):
        def init_weights(self):
            self.started = True

    init_default_scope('mmseg')
    head = CAMHead(**config())
    head.losses['own'] = Own()
    head.init_weights()
    assert head.losses['own'].started


def test_a_similarity_has_a_map_of_each_class_and_the_background():
    head = build(seed_from='prototypes')
    views, _ = draw()
    contrast = head.losses['contrast']
    whole = contrast.similarity
    contrast.similarity = lambda view: whole(view)[:, 1:]
    with pytest.raises(ValueError, match='similarity of HierarchicalContrast: '
                       'expected a Tensor'):
        head.predict(*views[0])
