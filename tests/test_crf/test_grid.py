"""The batched CRF against exact mean field of one mask over all classes."""
import math

import pytest
import torch

from hsc_mm.functional.grid_crf import crf_from_labels, pairwise_matrix
from hsc_mm.models import LabelCRF

GAUSSIAN, BILATERAL = (3, 3), (50, 5, 10)


def slow_matrix(image, gaussian=GAUSSIAN, bilateral=BILATERAL):
    """Sum of the normalised kernels of one image (3, h, w), in float64."""
    height, width = image.shape[1:]
    place = [(x, y) for y in range(height) for x in range(width)]
    first = [[x / gaussian[0], y / gaussian[0]] for x, y in place]
    second = [[x / bilateral[0], y / bilateral[0]] +
              [image[c, y, x].item() / bilateral[1] for c in range(3)]
              for x, y in place]
    total = torch.zeros(len(place), len(place), dtype=torch.float64)
    for weight, features in ((gaussian[1], first), (bilateral[2], second)):
        kernel = [[
            math.exp(-sum((a - b)**2 for a, b in zip(f, g)) / 2)
            for g in features
        ] for f in features]
        norm = [1 / math.sqrt(sum(row) + 1e-20) for row in kernel]
        for i, row in enumerate(kernel):
            for j, value in enumerate(row):
                total[i, j] += weight * norm[i] * value * norm[j]
    return total


def slow_crf(mask, matrix, classes, gt_prob=0.7, steps=10):
    """Mean field of one mask (h, w): labels, and how sure they are."""
    flat = mask.flatten().tolist()
    unary = torch.full((classes, len(flat)),
                       -math.log((1 - gt_prob) / max(classes - 1, 1)),
                       dtype=torch.float64)
    for i, label in enumerate(flat):
        unary[label, i] = -math.log(gt_prob)
    prob = (-unary).softmax(0)
    for _ in range(steps):
        message = torch.zeros_like(prob)
        for i in range(len(flat)):
            message[:, i] = (prob * matrix[i]).sum(1)
        prob = (message - unary).softmax(0)
    top = prob.topk(2, dim=0).values
    return prob.argmax(0).view(mask.shape), (top[0] - top[1]).view(mask.shape)


def draw(batch=3, views=2, grid=(6, 5), labels=(0, 1, 4), seed=0):
    """Noisy masks of two halves, on images of two soft colours."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(batch, 3, *grid, generator=generator) * 12
    noise[..., grid[1] // 2:] += 14
    masks = torch.full((batch, views, *grid), labels[0])
    masks[..., grid[1] // 2:] = labels[-1]
    wrong = torch.rand(masks.shape, generator=generator) < 0.3
    other = torch.tensor(labels)[torch.randint(
        len(labels), masks.shape, generator=generator)]
    return torch.where(wrong, other, masks), noise


def compare(masks, image, classes, found, *settings):
    """Labels are equal wherever exact inference is not undecided."""
    changed = 0
    for b in range(len(image)):
        matrix = slow_matrix(image[b])
        for v in range(masks.shape[1]):
            expected, sure = slow_crf(masks[b, v], matrix, classes, *settings)
            decided = sure > 1e-3
            assert decided.float().mean() > 0.9
            assert torch.equal(found[b, v][decided], expected[decided])
            changed += (expected != masks[b, v]).sum().item()
    return changed


def test_the_matrix_equals_the_slow_one():
    _, image = draw(grid=(4, 7))
    found = pairwise_matrix(image)
    for one, colours in zip(found, image):
        expected = slow_matrix(colours)
        assert (one - expected).abs().max() < 1e-5 * expected.max()
        assert (one - one.t()).abs().max() < 1e-5
    found = pairwise_matrix(image, (2, 1), (9, 7, 4))[0]
    expected = slow_matrix(image[0], (2, 1), (9, 7, 4))
    assert (found - expected).abs().max() < 1e-5 * expected.max()


def test_distances_are_not_differences_of_large_numbers():
    """Sums of squares and a product, which TF32 rounds, would cancel."""
    torch.manual_seed(0)
    image = 250 + torch.rand(1, 3, 6, 7)
    found = pairwise_matrix(image, (3, 0), (50, .05, 1))[0]
    y, x = torch.meshgrid(torch.arange(6.), torch.arange(7.), indexing='ij')
    feature = torch.cat([torch.stack([x, y]) / 50, image[0] / .05]).flatten(
        1).double().t()
    kernel = (-(feature[:, None] - feature).square().sum(2) / 2).exp()
    norm = kernel.sum(1).rsqrt()
    expected = norm[:, None] * kernel * norm
    assert (found - expected).abs().max() < 2e-4


@pytest.mark.parametrize('grid', [(6, 5), (4, 9), (1, 8)])
@pytest.mark.parametrize('classes', [5, 21])
def test_labels_equal_exact_inference_over_all_classes(grid, classes):
    masks, image = draw(grid=grid)
    found = crf_from_labels(masks, pairwise_matrix(image), classes)
    assert found.dtype == torch.int64
    assert compare(masks, image, classes, found) > 0  # it smooths something


@pytest.mark.parametrize('gt_prob', [0.3, 0.7])
@pytest.mark.parametrize('classes', [21, 200])
def test_labels_that_a_mask_does_not_hold_count_each(classes, gt_prob):
    """After one step, before everything is sure, their number decides."""
    masks, image = draw(batch=8, labels=(0, 1, 4))
    found = crf_from_labels(
        masks, pairwise_matrix(image), classes, 3, gt_prob, steps=1)
    compare(masks, image, classes, found, gt_prob, 1)


def test_two_classes_and_two_hundred():
    masks, image = draw(labels=(0, 1))
    found = crf_from_labels(masks, pairwise_matrix(image), 2)
    compare(masks, image, 2, found)
    masks, image = draw(batch=2, labels=(0, 150, 199))
    found = crf_from_labels(masks, pairwise_matrix(image), 200, max_labels=3)
    compare(masks, image, 200, found)


@pytest.mark.parametrize('max_labels', [3, 4, 5, 50])
def test_fewer_channels_change_nothing(max_labels):
    masks, image = draw(batch=4, grid=(7, 8), seed=2)
    pairwise = pairwise_matrix(image)
    expected = crf_from_labels(masks, pairwise, 21)
    found = crf_from_labels(masks, pairwise, 21, max_labels=max_labels)
    assert torch.equal(found, expected)


def test_an_image_of_one_label_keeps_it():
    masks, image = draw()
    for label in (0, 3):
        masks[:] = label
        for limit in (1, None):
            found = crf_from_labels(
                masks, pairwise_matrix(image), 5, max_labels=limit)
            assert (found == label).all()


def test_images_and_views_do_not_see_each_other():
    masks, image = draw(batch=4)
    together = crf_from_labels(masks, pairwise_matrix(image), 5)
    for b in range(4):
        for v in range(2):
            alone = crf_from_labels(masks[b:b + 1, v:v + 1],
                                    pairwise_matrix(image[b:b + 1]), 5)
            assert torch.equal(alone[0, 0], together[b, v])


def test_module_refines_two_views_and_passes_its_settings_on():
    masks, image = draw()
    views = list(masks.unbind(1))
    found = LabelCRF()(views, image, 5, 3)
    expected = crf_from_labels(masks, pairwise_matrix(image), 5)
    assert torch.equal(torch.stack(found, 1), expected)
    settings = dict(gaussian=[2, 1], bilateral=[9, 7, 1], gt_prob=0.9, steps=2)
    found = LabelCRF(**settings)(views, image, 5)
    matrix = slow_matrix(image[1], (2, 1), (9, 7, 1))
    expected, sure = slow_crf(masks[1, 0], matrix, 5, 0.9, 2)
    assert torch.equal(found[0][1][sure > 1e-3], expected[sure > 1e-3])


def test_trust_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r'gt_prob of LabelCRF: .* 1\.2'):
        LabelCRF(gt_prob=1.2)


def test_trust_that_would_turn_labels_round_is_refused():
    masks, image = draw()
    crf = LabelCRF(gt_prob=0.4)
    views = [one.clamp(max=1) for one in masks.unbind(1)]
    with pytest.raises(ValueError, match=r'gt_prob of LabelCRF, with a back'
                       r'ground and 1 classes: .* 0\.5.*found 0\.4'):
        crf(views, image, 2)
    assert len(crf(views, image, 3)) == 2
