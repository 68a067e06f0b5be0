"""Settings of the contrast as a whole: grid, warm-up, wrong arguments."""
import pytest
import torch
from methods import build_contrast, make_views
from mmengine.logging import MessageHub

from hsc_mm.functional.contrast_maps import (
    contrast_cam,
    foreground_quantiles,
)
from hsc_mm.functional.prototypes import Observation
from hsc_mm.functional.resize import resize_bilinear
from hsc_mm.models import PixelContrast, ROIContrast, Targets


def draw():
    generator = torch.Generator().manual_seed(0)
    sizes = ((6, 8), (4, 4))
    refined, pixels, regions = (
        [torch.randn(2, channels, *size, generator=generator)
         for size in sizes] for channels in (4, 5, 7))
    label = torch.tensor([[1., 0, 1], [0, 1, 0]])
    image = torch.rand(2, 3, 32, 32, generator=generator) * 255
    return refined, pixels, regions, label, image


def losses(inputs, **settings):
    refined, pixels, regions, label, image = inputs
    contrast = build_contrast(4, 7, 5, **settings)
    return contrast(
        make_views(refined, pixels, regions, image), Targets(label))


def test_a_grid_of_its_own_is_resizing_both_views_first():
    refined, pixels, regions, label, image = draw()
    found = losses((refined, pixels, regions, label, image), grid=(9, 9))
    resized = [[resize_bilinear(one, (9, 9)) for one in maps]
               for maps in (refined, pixels, regions)]
    expected = losses((*resized, label, image))
    assert set(found) == {'roi', 'class', 'pixel'}
    for name, loss in expected.items():
        torch.testing.assert_close(found[name], loss)
    assert found['pixel'] != losses(draw())['pixel']


def test_the_contrast_rises_over_the_warm_up():
    inputs = draw()
    # A training of an earlier test may have been stopped early.
    hub = MessageHub.get_instance('warmup')
    hub.update_info('max_iters', 0)
    whole = losses(inputs, warmup=0.4)  # outside of a training
    hub.update_info('max_iters', 100)
    for iteration, share in ((0, 0), (10, 0.25), (40, 1), (99, 1)):
        hub.update_info('iter', iteration)
        found = losses(inputs, warmup=0.4)
        for name, loss in whole.items():
            torch.testing.assert_close(found[name], loss * share)
    hub.update_info('max_iters', 0)  # no training any more


@pytest.mark.parametrize('refiner', [None, dict(type='hsc_mm.LabelCRF')])
def test_two_scores_keep_what_their_masks_agree_on(refiner):
    refined, *_, label, image = draw()
    label = torch.cat([torch.ones(2, 1), label], 1)
    cams = [contrast_cam(resize_bilinear(one, (5, 6))) for one in refined]

    def masks(background):
        contrast = build_contrast(
            4, 7, 5, background=background, background_as='score',
            mask_refiner=refiner)
        return contrast.masks(cams, label, image)

    low, high, both = masks(0.2), masks(0.7), masks((0.2, 0.7))
    for one, other, found in zip(low, high, both):
        assert 0 < (one != other).sum() < one.numel()
        assert found.shape == (2, 5, 6)
        expected = [a if a == b else -1 for a, b in
                    zip(one.flatten().tolist(), other.flatten().tolist())]
        assert found.flatten().tolist() == expected


def quantile_masks(cams, label, image, shares=(0.5, 0.8)):
    contrast = build_contrast(
        4, 7, 5, background=shares, background_as='quantile',
        mask_refiner=None)
    return contrast.masks(cams, label, image)


def test_quantiles_give_the_background_their_share_of_the_batch():
    """Of both views, and of images that hold a class."""
    refined, *_, label, image = draw()
    label = torch.cat([torch.ones(2, 1), label], 1)
    label[1, 1:] = 0
    cams = [contrast_cam(resize_bilinear(one, (20, 20))) for one in refined]
    masks = quantile_masks(cams, label, image)
    held = torch.cat([mask[0].flatten() for mask in masks])
    assert (held == 0).float().mean() == pytest.approx(0.5, abs=0.01)
    assert (held == -1).float().mean() == pytest.approx(0.3, abs=0.01)
    assert all((mask[1] == 0).all() for mask in masks)
    strongest = torch.cat([
        (cam[0, 1:] * label[0, 1:, None, None]).amax(0).flatten()
        for cam in cams])
    assert strongest[held > 0].min() > strongest[held == -1].max()
    assert strongest[held == -1].min() > strongest[held == 0].max()


def test_quantiles_follow_flat_and_peaked_maps():
    refined, *_, label, image = draw()
    label = torch.cat([torch.ones(2, 1), label], 1)
    cams = [contrast_cam(resize_bilinear(one, (20, 20))).clamp(min=0)
            for one in refined]
    first = quantile_masks(cams, label, image)
    for power in (0.2, 4):  # one order, other values
        for one, other in zip(first, quantile_masks(
                [cam**power for cam in cams], label, image)):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize('held', [0, 1, 3])
def test_quantiles_are_those_of_torch(held):
    generator = torch.Generator().manual_seed(held)
    cams = [torch.rand(3, 4, *size, generator=generator)
            for size in ((5, 7), (5, 7))]
    label = torch.ones(3, 4)
    label[held:, 1:] = 0
    shares = (0.001, 0.3, 0.5, 0.999)
    found = foreground_quantiles(cams, label, shares)
    if not held:
        assert found.tolist() == [1.0] * 4
        return
    strongest = torch.stack([cam[:held, 1:].amax(1) for cam in cams])
    torch.testing.assert_close(
        found, strongest.flatten().quantile(torch.tensor(shares)))


def test_quantiles_of_a_batch_without_a_class_are_background():
    refined, *_, label, image = draw()
    label = torch.cat([torch.ones(2, 1), torch.zeros_like(label)], 1)
    cams = [contrast_cam(resize_bilinear(one, (5, 6))) for one in refined]
    assert all((mask == 0).all()
               for mask in quantile_masks(cams, label, image))


@pytest.mark.parametrize(('argument', 'value', 'text'), [
    ('background_as', 'share', r'background_as .*"quantile", found "share"'),
    ('weights', 'some', r'weights .* "present" or "all", found "some"'),
    ('grid', 16, r'grid .*\(height, width\), found 16'),
    ('grid', (16, 0), r'grid .*>= 1, found 0'),
    ('warmup', 1.5, r'warmup .*>= 0 and <= 1, found 1\.5'),
    ('levels', dict(roi=None, cls=None, pixel=None), 'levels .* found none'),
    ('background', 1.0, r'background .* score in \(0, 1\), found 1\.0'),
    ('background', (0.2, 1.5), r'score in \(0, 1\), found \(0\.2, 1\.5\)'),
    ('background', (0.1, 0.2, 0.3), r'one score or two, found \(0\.1, 0'),
    ('levels', dict(roi=dict(bank=dict(momentum=0.0))),
     r'momentum .* in \(0, 1\], found 0\.0'),
    ('levels', dict(roi=dict(normalize='height')),
     'normalize .* found "height"'),
    ('levels', dict(cls=dict(top=4, bank_top=8)),
     r'bank_top of ClassContrast: expected .* found 8'),
    ('levels', {'cls': {}, 'class': dict(type='hsc_mm.ClassContrast')},
     'a name for the log of each.*Rename a level'),
])
def test_wrong_arguments_are_named(argument, value, text):
    with pytest.raises(ValueError, match=text):
        build_contrast(4, 7, 5, **{argument: value})


def test_the_release_has_one_score_of_the_background():
    with pytest.raises(ValueError, match=r'one score with weights="all", '
                       r'found score \(0\.1, 0\.2\)'):
        build_contrast(4, 7, 5, recipe='release', background=(0.1, 0.2))
    with pytest.raises(ValueError, match=r'found quantile 0\.4'):
        build_contrast(4, 7, 5, recipe='release', background=0.4,
                       background_as='quantile')


def test_two_levels_of_a_kind_are_two_losses():
    fine = dict(type='hsc_mm.ClassContrast', top=4, bank_top=2)
    found = losses(draw(), levels=dict(fine=fine))
    assert set(found) == {'roi', 'class', 'pixel', 'fine'}


@pytest.mark.parametrize(('cut', 'text'), [
    (lambda seen: [Observation(one.total[:1], one.weight[:1])
                   for one in seen], r'expected an Observation of total '
     r'\(4, 5\) .* found \(1, 5\) and \(1,\)'),
    (lambda seen: seen[:1], 'expected an Observation of each of 2 views, '
     'found 1'),
])
def test_what_a_level_observed_is_looked_at(cut, text):

    class Odd(PixelContrast):

        def compare(self, evidence, banks):
            loss, seen = super().compare(evidence, banks)
            return loss, cut(seen)

    with pytest.raises(ValueError, match=f'compare of Odd: {text}'):
        losses(draw(), levels=dict(odd=dict(type=Odd)))


def test_a_level_may_need_parts_that_are_no_embedding(monkeypatch):
    monkeypatch.setattr(ROIContrast, 'needs', ('refined', 'region'))
    assert set(losses(draw())) == {'roi', 'class', 'pixel'}


def test_a_level_needs_the_embedding_that_it_compares():

    class Other(PixelContrast):
        embedding, needs = 'other', ()

    with pytest.raises(ValueError, match=r'embedding of Other: .*\[.pixel., '
                       r'.region.\], found .other.\. Name it in needs'):
        losses(draw(), levels=dict(other=dict(type=Other)))


@pytest.mark.parametrize('cut', [
    lambda loss, seen: loss, lambda loss, seen: (loss, None),
    lambda loss, seen: (loss, [None, None])])
def test_a_level_returns_its_loss_and_what_it_observed(cut):

    class Alone(PixelContrast):

        def compare(self, evidence, banks):
            return cut(*super().compare(evidence, banks))

    with pytest.raises(ValueError, match='compare of Alone: expected the loss '
                       'and a list of Observations, found'):
        losses(draw(), levels=dict(alone=dict(type=Alone)))
