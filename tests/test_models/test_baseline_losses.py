"""SEAM and EPS against slow transcriptions of their formulas."""
import plain_baselines
import pytest
import torch
import torch.nn.functional as F

from hsc_mm.functional.equivariance import max_norm
from hsc_mm.functional.refinement import source_cam
from hsc_mm.functional.supervision import (
    min_pooling_loss,
    saliency_loss,
    saliency_prediction,
)
from hsc_mm.models import PixelCorrelation, Targets, View
from hsc_mm.models.losses import (
    EquivarianceCrossLoss,
    EquivarianceLoss,
    MinPoolingLoss,
    SaliencyLoss,
)
from hsc_mm.models.views import AuxMap

KINDS = ('random', 'zero', 'negative', 'one_class', 'one_image')


def draw(kind='random', size1=(9, 11), size2=(6, 5)):
    """Return raw and refined CAMs of two views, and labels."""
    generator = torch.Generator().manual_seed(3)
    batch = 1 if kind == 'one_image' else 3
    classes = 1 if kind == 'one_class' else 4
    maps = []
    for size in (size1, size2) * 2:
        cam = torch.randn(batch, classes + 1, *size, generator=generator)
        if kind == 'zero':
            cam = cam * 0
        elif kind == 'negative':
            cam = -cam.abs() - 0.1
        maps.append(cam.requires_grad_())
    label = (torch.rand(batch, classes, generator=generator) < 0.6).float()
    label[0, 0] = 1
    return maps, label


def apply(loss, cams, label, refined=(None, None), sizes=((9, 9), (9, 9)),
          **maps):
    """Return a loss of raw and refined CAMs; sizes are those of the views."""
    views = [
        View(torch.zeros(1, 3, *size), (), cam, cam,
             None if one is None else lambda one=one: one)
        for cam, one, size in zip(cams, refined, sizes)
    ]
    maps = {name: AuxMap(list(range(len(label))), data)
            for name, data in maps.items()}
    return loss(views, Targets(label, maps))


def compare(found, expected, leaves):
    """Compare values and gradients."""
    assert found.item() == pytest.approx(
        expected.item(), rel=1e-5, abs=1e-7)
    for one, other in zip(
            torch.autograd.grad(found, leaves, allow_unused=True),
            torch.autograd.grad(expected, leaves, allow_unused=True)):
        assert (one is None) == (other is None)
        if one is not None:
            assert one.isfinite().all()
            limit = 1e-5 * max(other.abs().max().item(), 1e-6)
            assert (one - other).abs().max().item() <= limit


@pytest.mark.parametrize('kind', KINDS)
def test_max_norm(kind):
    maps, _ = draw(kind)
    found, expected = max_norm(maps[0]), plain_baselines.max_norm(maps[0])
    assert (found - expected).abs().max() < 1e-6
    slow = torch.zeros_like(found)
    for b, image in enumerate(maps[0].tolist()):
        for c, channel in enumerate(image):
            flat = [max(v, 0.0) for row in channel for v in row]
            low, high = min(flat), max(flat)
            slow[b, c] = torch.tensor([
                max(v - low - 1e-5, 0.0) / (high - low + 1e-5) for v in flat
            ]).view(slow[b, c].shape)
    assert (found - slow).abs().max() < 1e-6


@pytest.mark.parametrize('kind', KINDS)
def test_equivariance(kind):
    maps, label = draw(kind)
    compare(
        apply(EquivarianceLoss(loss_weight=0.5), maps[:2], label),
        0.5 * plain_baselines.er_loss(*maps[:2], label), maps[:2])


def test_equivariance_by_hand():
    """Ramps that are each other's mirror images, at one size."""
    ramp = torch.linspace(0, 1, 5).expand(1, 2, 3, 5).contiguous()
    mirrored = (ramp, ramp.flip(3))
    found = apply(EquivarianceLoss(), mirrored, torch.ones(1, 1))
    values = [max(v - 1e-5, 0.0) / (1 + 1e-5) for v in (0, .25, .5, .75, 1)]
    expected = sum(abs(a - b) for a, b in zip(values, values[::-1])) / 5
    assert found.item() == pytest.approx(expected, rel=1e-5)
    assert apply(EquivarianceLoss(), mirrored, torch.zeros(1, 1)) == 0


@pytest.mark.parametrize('skip_first', [False, True])
@pytest.mark.parametrize('kind', KINDS)
def test_equivariance_across_raw_and_refined(kind, skip_first):
    maps, label = draw(kind)
    found = apply(EquivarianceCrossLoss(skip_first=skip_first), maps[:2],
                  label, maps[2:])
    expected = plain_baselines.ecr_loss(*maps, label, quirk=skip_first)
    assert torch.autograd.grad(
        found, maps[0], retain_graph=True, allow_unused=True) == (None, )
    compare(found, expected, maps[2:])


def test_skip_first_is_another_loss():
    maps, label = draw()
    found = [apply(EquivarianceCrossLoss(skip_first=skip), maps[:2], label,
                   maps[2:]).item() for skip in (False, True)]
    assert abs(found[0] - found[1]) > 1e-3


@pytest.mark.parametrize('kind', KINDS)
def test_min_pooling(kind):
    maps, label = draw(kind)
    compare(apply(MinPoolingLoss(), maps[:1], label, maps[2:3]),
            plain_baselines.min_pool_loss(maps[2], label), maps[2:3])


def test_min_pooling_by_hand_and_on_three_positions():
    cam = torch.zeros(1, 3, 2, 4)
    cam[0, 1] = torch.tensor([[4., 3, 2, 1], [5, 6, 7, 8]])
    cam[0, 2] = 100
    label = torch.tensor([[1., 0]])
    found = apply(MinPoolingLoss(), [cam], label, [cam])
    assert found.item() == pytest.approx(1.5)
    small = cam[:, :, :1, :3]
    found = apply(MinPoolingLoss(2.0), [small], label, [small])
    assert found.item() == 4.0


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize(('tau', 'alpha'), [(0.5, 0.5), (0.2, 0.9), (0, 0)])
def test_saliency(kind, tau, alpha):
    maps, label = draw(kind)
    cam = (maps[0] * 4).detach().requires_grad_()
    saliency = torch.rand(
        len(label), 1, 23, 31, generator=torch.Generator().manual_seed(0))
    expected, predicted = plain_baselines.eps_loss(cam, saliency, label, tau,
                                                   alpha)
    small = F.interpolate(saliency, size=cam.shape[2:])
    found = saliency_prediction(cam, small, label, tau, alpha)
    assert (found - predicted).abs().max() < 1e-6
    compare(
        apply(SaliencyLoss(threshold=tau, alpha=alpha), [cam], label,
              sizes=[(23, 31)], saliency=saliency),
        expected, [cam])


@pytest.mark.parametrize('on_refined', [False, True])
def test_saliency_of_two_views(on_refined):
    """The map of view 2 is resized as the image is, then to the CAM."""
    maps, label = draw(size2=(4, 5))
    saliency = torch.rand(
        len(label), 1, 45, 55, generator=torch.Generator().manual_seed(0))
    small = F.interpolate(
        saliency, (16, 20), mode='bilinear', align_corners=True)
    expected = sum(
        plain_baselines.eps_loss(cam, one, label)[0] / 2
        for cams in (maps[:2], maps[2:])[:1 + on_refined]
        for cam, one in zip(cams, (saliency, small)))
    found = apply(
        SaliencyLoss(refined=on_refined), maps[:2], label, maps[2:],
        sizes=((45, 55), (16, 20)), saliency=saliency)
    compare(found, expected, maps[:4 if on_refined else 2])


def refiner(**kwargs):
    torch.manual_seed(1)
    pcm = PixelCorrelation(
        in_channels=(6, 8), in_index=(0, 2), reduced=(4, 5),
        embed_channels=7, **kwargs)
    pcm.init_weights()
    return pcm


@pytest.mark.parametrize('kind', KINDS)
def test_pixel_correlation_equals_the_slow_one(kind):
    maps, label = draw(kind)
    cam, pcm = maps[0], refiner()
    generator = torch.Generator().manual_seed(5)
    shape = (len(label), 6, *cam.shape[2:])
    four = torch.randn(shape, generator=generator).requires_grad_()
    five = torch.randn(len(label), 8, *cam.shape[2:], generator=generator)
    image = torch.randn(len(label), 3, 33, 40, generator=generator)
    found = pcm(cam, (four, None, five), image)
    expected = plain_baselines.pcm(cam, four, five, image,
                                   *(one.weight for one in pcm.reduce),
                                   pcm.embed.weight)
    assert (found - expected).abs().max() < 1e-5
    assert found.isfinite().all()
    target = torch.randn(found.shape, generator=generator)
    weights = list(pcm.parameters())
    for one, other in zip(
            torch.autograd.grad((found * target).sum(), weights,
                                retain_graph=True),
            torch.autograd.grad((expected * target).sum(), weights)):
        assert (one - other).abs().max() <= 1e-4 * max(
            other.abs().max().item(), 0.1)
    # Neither the CAM nor the backbone learns from it.
    assert torch.autograd.grad(
        found.sum(), [cam, four], allow_unused=True) == (None, None)


def test_reductions_keep_the_scale_of_their_features():
    torch.manual_seed(0)
    pcm = PixelCorrelation(
        in_channels=(512, 96), in_index=(0, 1), reduced=(64, 128))
    pcm.init_weights()
    for conv, channels in zip(pcm.reduce, (512, 96)):
        assert conv.weight.std().item() == pytest.approx(
            (2 / channels)**0.5, rel=0.05)


def test_the_propagated_cam_is_normalised_by_hand():
    cam = torch.tensor([[[9., 9], [9, 9]], [[4, 2], [1, 0]], [[2, 4], [0, 0]]])
    found = source_cam(cam[None])[0]
    peak = (4 - 1e-5) / (4 + 1e-5)
    one = (1 - 1e-5) / (4 + 1e-5)
    expected = torch.tensor([[[1 - peak, 1 - peak], [1 - one, 1]],
                             [[peak, 0], [one, 0]], [[0, peak], [0, 0]]])
    assert (found - expected).abs().max() < 1e-6


def test_feature_maps_of_other_sizes_are_resized():
    pcm, cam = refiner(), draw()[0][0].detach()
    generator = torch.Generator().manual_seed(5)
    four = torch.randn(3, 6, 18, 22, generator=generator)
    five = torch.randn(3, 8, 5, 6, generator=generator)
    image = torch.randn(3, 3, 33, 40, generator=generator)
    parts = [
        F.interpolate(one, size=cam.shape[2:], mode='bilinear',
                      align_corners=True)
        for one in (image, pcm.reduce[0](four).relu(),
                    pcm.reduce[1](five).relu())
    ]
    feature = pcm.embed(torch.cat(parts, 1)).flatten(2)
    feature = feature / (feature.norm(dim=1, keepdim=True) + 1e-5)
    affinity = (feature.transpose(1, 2) @ feature).relu()
    affinity = affinity / (affinity.sum(1, keepdim=True) + 1e-5)
    expected = (source_cam(cam).flatten(2) @ affinity).view_as(cam)
    found = pcm(cam, (four, None, five), image)
    assert (found - expected).abs().max() < 1e-5


def test_wrong_channels_name_expected_and_found():
    pcm, cam = refiner(), torch.rand(1, 3, 4, 4)
    feats = (torch.rand(1, 6, 4, 4), None, torch.rand(1, 9, 4, 4))
    with pytest.raises(ValueError, match=r'expected 8, found 9 channels in '
                       r'feature map 2'):
        pcm(cam, feats, torch.rand(1, 3, 8, 8))
    with pytest.raises(ValueError, match='found 2, 1 and 2'):
        PixelCorrelation(in_channels=(6, 8), in_index=(0, ))
    with pytest.raises(ValueError, match=r'in_channels of PixelCorrelation: '
                       'expected a list, .* found 8'):
        PixelCorrelation(in_channels=8, in_index=0)


def test_min_pooling_without_a_class_is_zero_and_differentiable():
    for cam in draw()[0]:
        loss = min_pooling_loss(cam, torch.zeros(3, 4))
        assert loss.item() == 0
        assert torch.autograd.grad(loss, cam)[0].abs().sum() == 0


def test_saliency_of_an_image_without_class_counts_as_empty():
    maps, label = draw()
    label[1] = 0
    saliency = torch.rand(3, 1, 9, 11)
    found = saliency_loss(maps[0], saliency, label)
    saliency[1] = 0
    assert found == saliency_loss(maps[0], saliency, label)
    saliency[1] = 1
    assert found == saliency_loss(maps[0], saliency, label)
    alone = saliency_loss(maps[0][1:2], saliency[1:2], label[1:2])
    # Its best prediction is background everywhere.
    background = maps[0][1:2].detach().clone()
    background[:, 0] += 50
    best = saliency_loss(background, saliency[1:2], label[1:2])
    assert best.item() == pytest.approx(0, abs=1e-6)
    assert alone > best
