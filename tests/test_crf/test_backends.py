"""Backends of the full-image CRF against a matrix of all pairs of pixels."""
import cv2
import numpy as np
import pytest

from hsc_mm.crf import DenseCRF, build_crf, has_pydensecrf
from hsc_mm.crf import exact as exact_module

ALL_BACKENDS = ('exact', 'reduced', pytest.param(
    'pydensecrf',
    marks=pytest.mark.skipif(
        not has_pydensecrf(), reason='pydensecrf is not installed')))


def draw(height, width, labels, seed=0):
    """Coloured regions with texture, and noisy probabilities of them."""
    rng = np.random.default_rng(seed)
    region = cv2.resize(
        rng.random((labels, 4, 5)).transpose(1, 2, 0), (width, height),
        interpolation=cv2.INTER_CUBIC).reshape(height, width, labels)
    region = region.argmax(2)
    palette = rng.integers(40, 216, (labels, 3))
    image = palette[region] + rng.normal(0, 12, (height, width, 3))
    prob = rng.random((labels, height, width)) * 0.5
    for label in range(labels):
        prob[label] += (region == label) * 0.3
    return (prob.clip(0, 1).astype(np.float32),
            image.clip(0, 255).astype(np.uint8))


def dense(prob, image, numbers):
    """Mean field with one full matrix for each kernel, in float64."""
    labels, height, width = prob.shape
    y, x = np.mgrid[:height, :width]
    place = np.stack([x, y], 2).reshape(-1, 2).astype(np.float64)
    colour = image.reshape(-1, 3).astype(np.float64)
    total = 0
    for weight, feature in (
        (numbers.gaussian_weight, place / numbers.gaussian_sxy),
        (numbers.bilateral_weight,
         np.concatenate([place / numbers.bilateral_sxy,
                         colour / numbers.bilateral_srgb], 1))):
        distance = ((feature[:, None] - feature[None])**2).sum(2)
        kernel = np.exp(-distance / 2)
        norm = 1 / np.sqrt(kernel.sum(1) + 1e-20)
        total = total + weight * norm[:, None] * kernel * norm
    energy = -np.log(np.maximum(prob.astype(np.float64), 1e-5))
    energy = energy.reshape(labels, -1)

    def normalise(score):
        value = np.exp(score - score.max(0))
        return value / value.sum(0)

    found = normalise(-energy)
    for _ in range(numbers.steps):
        found = normalise(-energy + found @ total)
    return found.reshape(prob.shape)


@pytest.mark.parametrize('size', [(13, 13), (9, 22), (1, 30)])
@pytest.mark.parametrize('labels', [1, 2, 5])
@pytest.mark.parametrize('preset', ['pseudo_label', 'segmentation'])
def test_exact_equals_all_pairs(size, labels, preset):
    prob, image = draw(*size, labels)
    crf = DenseCRF(preset, 'exact', device='cpu')
    expected = dense(prob, image, crf.numbers)
    found = crf(prob, image)
    assert found.dtype == np.float32 and found.shape == prob.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
@pytest.mark.parametrize('keeps', [True, False])
@pytest.mark.parametrize('rows', [1, 7, 100, 10000])
def test_blocks_of_any_size_give_the_same(rows, keeps, dtype, monkeypatch):
    prob, image = draw(16, 21, 3)
    n, size = 16 * 21, 4 if dtype == 'float32' else 8
    if keeps:
        memory = max(n * n * size, 16 * rows * n * size)
    else:
        memory = min(rows * n * size, n * n * size // 2)
    seen = []
    product = exact_module.torch.mm

    def spy(left, right, out):
        seen.append(out.numel() * size)
        return product(left, right, out=out)

    monkeypatch.setattr(exact_module.torch, 'mm', spy)
    crf = DenseCRF(
        backend=dict(type='exact', memory_mb=memory / 1e6, dtype=dtype),
        device='cpu')
    found = crf(prob, image)
    assert max(seen) <= memory
    if keeps:
        assert sum(seen) <= memory
    np.testing.assert_allclose(
        found, dense(prob, image, crf.numbers), rtol=0, atol=1e-5)


def test_exact_stays_exact_where_colours_are_extreme():
    """Black and white, a narrow kernel: large squares, small differences."""
    prob, image = draw(12, 15, 2)
    image[:, :7] = 255 - image[:, :7] // 60
    image[:, 7:] = image[:, 7:] // 60
    crf = DenseCRF('segmentation', 'exact', device='cpu', steps=3)
    np.testing.assert_allclose(
        crf(prob, image), dense(prob, image, crf.numbers), rtol=0, atol=1e-5)


def test_the_separable_gaussian_is_the_full_one():
    torch = exact_module.torch
    smooth = exact_module.make_gaussian(
        7, 11, 3, torch.device('cpu'), torch.float64)
    found = smooth(torch.eye(77, dtype=torch.float64)).numpy()
    y, x = np.divmod(np.arange(77), 11)
    full = np.exp(-((x[:, None] - x)**2 + (y[:, None] - y)**2) / 18)
    norm = 1 / np.sqrt(full.sum(1))
    np.testing.assert_allclose(
        found, norm[:, None] * full * norm, rtol=0, atol=1e-12)


def test_reduced_is_exact_where_each_pixel_is_a_group():
    prob, image = draw(10, 12, 3)
    crf = DenseCRF(
        backend=dict(type='reduced', max_cells=999),
        bilateral_sxy=2,
        bilateral_srgb=1)
    expected = dense(prob, image, crf.numbers)
    np.testing.assert_allclose(crf(prob, image), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize('max_cells', [1, 8, 100])
def test_reduced_keeps_to_its_most_groups(max_cells):
    from hsc_mm.crf.reduced import group_pixels
    _, image = draw(30, 40, 3)
    group, features, count = group_pixels(image, 80, 13, max_cells)
    assert len(count) <= max_cells and count.sum() == 1200
    assert (np.bincount(group) == count).all()
    y, x = np.divmod(np.arange(1200), 40)
    inside = group == 0
    expected = [x[inside].mean() / 80, y[inside].mean() / 80]
    expected += list(image.reshape(-1, 3)[inside].mean(0) / 13)
    np.testing.assert_allclose(features[0], expected, rtol=1e-5)


@pytest.mark.parametrize('backend', ['reduced', ALL_BACKENDS[2]])
def test_labels_agree_with_exact_ones(backend):
    prob, image = draw(60, 80, 3)
    expected = DenseCRF(backend='exact', device='cpu')(prob, image)
    crf = build_crf(dict(backend=backend))
    found = crf(prob, image)
    assert found.dtype == np.float32 and found.shape == prob.shape
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-4)
    assert (found.argmax(0) == expected.argmax(0)).mean() >= 0.97
    assert (found.argmax(0) != prob.argmax(0)).mean() > 0.05


@pytest.mark.parametrize('backend', ALL_BACKENDS)
def test_inputs_stay_as_they_are(backend):
    prob, image = draw(9, 14, 2)
    before = prob.copy(), image.copy()
    crf = DenseCRF(backend=backend)
    first = crf(prob, image)
    assert (prob == before[0]).all() and (image == before[1]).all()
    # Any memory layout and precision.
    second = crf(np.asfortranarray(prob).astype(np.float64),
                 np.asfortranarray(image))
    np.testing.assert_allclose(first, second, atol=1e-5)


@pytest.mark.parametrize('backend', ALL_BACKENDS)
def test_no_step_is_the_unary_and_one_label_is_certain(backend):
    prob, image = draw(9, 14, 3)
    found = DenseCRF(backend=backend, steps=0)(prob, image)
    clipped = prob.clip(1e-5)
    np.testing.assert_allclose(found, clipped / clipped.sum(0), atol=1e-5)
    alone = DenseCRF(backend=backend)(prob[:1], image)
    np.testing.assert_allclose(alone, 1, atol=1e-5)
