"""The three levels against two slow transcriptions of their formulas."""
import plain_clean
import plain_crf
import plain_hsc
import pytest
import torch
from methods import build_contrast, make_views
from plain_clean import random_inputs

from hsc_mm.functional.contrast_maps import contrast_cam
from hsc_mm.models import Targets

LEVELS = ('roi', 'cls', 'pixel')
NAMES = dict(roi='roi', cls='class', pixel='pixel')
TOPS = dict(top=20, bank_top=6)  # fewer than the 90 positions of a batch
SWITCHES = dict(
    roi=('within', 'cross', 'prototype'),
    cls=('within', 'cross'),
    pixel=('within', 'cross_prototype', 'cross_label', 'memory'))


def build(recipe='clean', classes=4, mask_refiner=None, **levels):
    torch.manual_seed(7)
    levels = dict(cls=TOPS) | levels
    if levels.get('pixel', {}) is not None:  # as the slow loops weight it
        levels['pixel'] = dict(loss_weight=0.1) | levels.get('pixel', {})
    return build_contrast(
        classes + 1, 7, 6, recipe=recipe, mask_refiner=mask_refiner,
        levels=levels)


def run(model, data):
    """Return r_hat and the losses of given masks."""
    cams = [contrast_cam(one) for one in data['refined']]
    label = torch.cat(
        [torch.ones_like(data['label'][:, :1]), data['label']], 1)
    embeddings = dict(pixel=data['pixels'], region=data['regions'])
    losses = model.contrast(cams, data['masks'], embeddings, label)
    return cams, losses


def commit(model):
    for level in model.levels.values():
        for bank in level.bank:
            bank.commit()


def close(found, expected, limit=1e-5):
    """Compare relative to the largest number."""
    found, expected = found.double(), expected.double()
    assert found.isfinite().all()
    error = (found - expected).abs().max()
    assert error <= limit * max(expected.abs().max(), 1e-6)


def gradients(loss, data, name):
    which = data['pixels' if name == 'pixel' else 'regions']
    grads = torch.autograd.grad(
        loss, which, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(one) if grad is None else grad
            for one, grad in zip(which, grads)]


def plain_release(name, data, banks):
    cams = [plain_hsc.contrast_cam(one) for one in data['refined']]
    if name == 'roi':
        return plain_hsc.roi_loss(*data['regions'], *data['masks'], banks)
    if name == 'cls':
        return plain_hsc.class_loss(*data['regions'], *cams, data['label'],
                                    banks)
    return plain_hsc.pixel_loss(*data['pixels'], *cams, *data['masks'], banks)


@pytest.mark.parametrize('fill', [None, 0, 1])
@pytest.mark.parametrize('name', LEVELS)
def test_release_equals_the_plain_reference(name, fill, monkeypatch):
    """Three steps; in the second, masks are all of one kind."""
    monkeypatch.setattr(plain_hsc, 'TOP_CLASS', TOPS['top'])
    monkeypatch.setattr(plain_hsc, 'TOP_BANK', TOPS['bank_top'])
    model = build('release')
    plain = {
        f'{key}{view + 1}': model.levels[level].bank[view].rows.clone()
        for level, key in zip(LEVELS, ('roi', 'class', 'pixel'))
        for view in range(2)
    }
    for step in range(3):
        data = random_inputs(step, grid=(6, 6) if step == 1 else (6, 5))
        if step == 1 and fill is not None:
            data['masks'] = [torch.full_like(m, fill) for m in data['masks']]
        _, losses = run(model, data)
        expected = plain_release(name, data, plain)
        close(losses[NAMES[name]], expected)
        for grad, other in zip(
                gradients(losses[NAMES[name]], data, name),
                gradients(expected, data, name)):
            close(grad, other)
        commit(model)
        key = dict(cls='class').get(name, name)
        for view in range(2):
            close(model.levels[name].bank[view].rows,
                  plain[f'{key}{view + 1}'])


def test_from_refined_cams_to_losses_equals_the_plain_objective():
    """Views of two sizes, the CRF included; a step of the release."""
    model = build('release', mask_refiner=dict(type='hsc_mm.LabelCRF'),
                  cls={})
    plain = {
        f'{key}{view + 1}': model.levels[level].bank[view].rows.clone()
        for level, key in zip(LEVELS, ('roi', 'class', 'pixel'))
        for view in range(2)
    }
    first, second = random_inputs(0, grid=(9, 11)), random_inputs(1)
    inputs = [[first[key][0].detach(), second[key][1].detach()]
              for key in ('refined', 'pixels', 'regions')]
    # Half-way between whole numbers: no rounding decides.
    colours = torch.arange(3. * 3 * 30).view(3, 3, 6, 5) % 17 * 3 + 100.5
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    found = model(make_views(*inputs, colours),
                  Targets(second['label'], max_labels=5))
    expected = plain_hsc.objective(
        *inputs[0], *inputs[1], *inputs[2], (colours / 255 - mean) / std,
        second['label'], plain,
        lambda *args: plain_crf.crf_from_labels(*args, exact=True))
    assert (expected['mask1'] != expected['raw_mask1']).any()
    for name, loss in found.items():
        assert loss.item() == pytest.approx(
            expected[f'loss_{name}'].item(), rel=1e-5)


def plain_level(name, data, cams, banks, **switches):
    """Return the loss of the slow loops, and the banks after it."""
    double = {key: [one.double() for one in data[key]]
              for key in ('regions', 'pixels')}
    if name == 'roi':
        return plain_clean.roi_loss(double['regions'], data['masks'], banks,
                                    **switches)
    classes, pixel = zip(
        *(plain_clean.weights(cam, data['label']) for cam in cams))
    if name == 'cls':
        return plain_clean.class_loss(double['regions'], classes,
                                      data['label'], banks, **TOPS,
                                      **switches)
    return plain_clean.pixel_loss(double['pixels'], pixel, data['masks'],
                                  banks, **switches)


def check_clean(name, steps, **changes):
    """Compare losses, gradients and banks after every commit."""
    classes = steps[0]['label'].shape[1]
    model = build(classes=classes, **changes)
    switches = changes.get(name, {})
    banks = [[None] * len(model.levels[name].bank[0].rows) for _ in range(2)]
    for data in steps:
        cams, losses = run(model, data)
        expected, banks = plain_level(
            name, data, cams, banks,
            **{k: v for k, v in switches.items() if k not in TOPS})
        expected = torch.as_tensor(expected)
        close(losses[NAMES[name]], expected)
        found = gradients(losses[NAMES[name]], data, name)
        if expected.requires_grad:
            for grad, other in zip(found, gradients(expected, data, name)):
                close(grad, other)
        else:
            assert all((grad == 0).all() for grad in found)
        commit(model)
        for bank, rows in zip(model.levels[name].bank, banks):
            assert bank.seen.tolist() == [row is not None for row in rows]
            for row, other in zip(bank.rows, rows):
                if other is None:
                    assert (row == 0).all()
                else:
                    close(row, other)


@pytest.mark.parametrize('name', LEVELS)
def test_clean_equals_slow_loops(name):
    check_clean(name, [random_inputs(step) for step in range(3)])


def all_background(data):
    for mask in data['masks']:
        mask.zero_()


def all_foreground(data):
    for mask in data['masks']:
        mask.copy_(data['label'].argmax(1)[:, None, None] + 1)


def unsure_places(data):
    for mask in data['masks']:
        mask[:, ::2, 1:] = -1


def all_unsure(data):
    for mask in data['masks']:
        mask.fill_(-1)


def outside_the_crop(data):
    """Class 1 is in the labels of one image, its CAM is zero."""
    data['label'][:, 0] = 0
    data['label'][:, 1] = 1
    data['label'][0, 0] = 1
    for cam, mask in zip(data['refined'], data['masks']):
        cam[:, 1] = -1
        mask[mask == 1] = 0


CASES = dict(
    all_background=(all_background, {}),
    all_foreground=(all_foreground, {}),
    unsure_places=(unsure_places, {}),
    all_unsure=(all_unsure, {}),
    outside_the_crop=(outside_the_crop, {}),
    batch_of_one=(None, dict(batch=1)),
    one_class=(None, dict(classes=1)),
    two_hundred_classes=(None, dict(classes=200, batch=2, grid=(4, 5))))


@pytest.mark.parametrize('name', LEVELS)
@pytest.mark.parametrize('case', CASES)
def test_degenerate_inputs_equal_slow_loops(name, case):
    change, shape = CASES[case]
    steps = [random_inputs(step, **shape) for step in range(2)]
    for data in steps:
        if change is not None:
            change(data)
        if case == 'two_hundred_classes':
            data['label'][:] = 0
            data['label'][0, [3, 150]] = data['label'][1, 199] = 1
            data['masks'] = [m.clamp(max=1) * 150 for m in data['masks']]
    check_clean(name, steps)


@pytest.mark.parametrize(('name', 'switch'), [
    (name, switch) for name in LEVELS for switch in SWITCHES[name]
])
def test_one_switch_leaves_exactly_its_term(name, switch):
    """Alone each term equals the loops; without it, the rest remains."""
    alone = {other: other == switch for other in SWITCHES[name]}
    tops = TOPS if name == 'cls' else {}
    steps = [random_inputs(step) for step in range(2)]
    check_clean(name, steps, **{name: alone | tops})
    found = {}
    for key, chosen in dict(
            whole={}, alone=alone, without={switch: False}).items():
        model = build(**{name: chosen | tops})
        run(model, steps[0])
        commit(model)
        found[key] = run(model, steps[1])[1][NAMES[name]].item()
    assert found['alone'] > 1e-4
    assert found['alone'] + found['without'] == pytest.approx(
        found['whole'], rel=1e-5)


@pytest.mark.parametrize('recipe', ['clean', 'release'])
@pytest.mark.parametrize('name', LEVELS)
def test_none_switches_a_level_off_and_leaves_the_others(recipe, name):
    data = random_inputs()
    whole = run(build(recipe), data)[1]
    model = build(recipe, **{name: None})
    for key, level in model.levels.items():
        for bank, other in zip(level.bank, build(recipe).levels[key].bank):
            bank.rows.copy_(other.rows)
    losses = run(model, data)[1]
    del whole[NAMES[name]]
    assert {k: v.item() for k, v in losses.items()} == pytest.approx(
        {k: v.item() for k, v in whole.items()}, rel=1e-6)


def test_a_class_outside_the_crop_is_not_observed():
    """In one view alone it still is."""
    data = random_inputs()
    outside_the_crop(data)
    model = build()
    run(model, data)
    commit(model)
    for name in ('cls', 'pixel'):
        for bank in model.levels[name].bank:
            assert bank.seen.tolist()[:3] == [True, False, True]
    data['refined'][1][:, 1] = random_inputs(5)['refined'][1][:, 1]
    run(model, data)
    commit(model)
    for name in ('cls', 'pixel'):
        assert [bank.seen[1] for bank in model.levels[name].bank] == [
            False, True]
    steps = [random_inputs(step) for step in range(2)]
    for one in steps:
        outside_the_crop(one)
        one['refined'][1][:, 1] = random_inputs(5)['refined'][1][:, 1]
    for name in LEVELS:
        check_clean(name, steps)


def test_nothing_seen_gives_zero_memory_terms():
    model = build(
        roi=dict(within=False, cross=False),
        pixel=dict(within=False, cross_prototype=False,
                   cross_label=False))
    data = random_inputs()
    _, losses = run(model, data)
    sum(losses.values()).backward()
    assert [loss.item() for loss in losses.values()] == [0, 0, 0]
    for one in data['regions'] + data['pixels']:
        assert (one.grad == 0).all()


@pytest.mark.parametrize('recipe', ['clean', 'release'])
@pytest.mark.parametrize('value', ['zero', 'negative', 'constant', 'huge'])
def test_odd_cams_give_finite_numbers_for_ever(recipe, value):
    model = build(recipe, mask_refiner=dict(type='hsc_mm.LabelCRF'))
    image = torch.zeros(3, 3, 12, 10)
    for step in range(3):
        data = random_inputs(step)
        noise = data['refined'][0]
        one = dict(zero=noise * 0, negative=-noise.abs(),
                   constant=noise * 0 + 2, huge=noise * 1e30)[value]
        losses = model(
            make_views([one, one], data['pixels'], data['regions'], image),
            Targets(data['label']))
        sum(losses.values()).backward()
        commit(model)
        for loss in losses.values():
            assert loss.isfinite()
        for grad in data['regions'] + data['pixels']:
            assert grad.grad.isfinite().all()
        for buffer in model.buffers():
            assert buffer.isfinite().all()


@pytest.mark.parametrize('recipe', ['clean', 'release'])
def test_half_precision_and_dead_pixels_stay_finite(recipe):
    """A ReLU that is zero in all channels has no direction."""
    model = build(recipe)
    for _ in range(2):
        data = random_inputs()
        leaves = [one.detach() * 1e4 for one in data['pixels']]
        leaves[0][0], leaves[1][1, :, 2:] = -1, -1
        leaves = [one.half().requires_grad_() for one in leaves]
        data['pixels'] = [one.relu() for one in leaves]
        data['regions'] = [
            (one.detach() * 1e4).half().requires_grad_()
            for one in data['regions']
        ]
        losses = run(model, data)[1]
        sum(losses.values()).backward()
        commit(model)
        for loss in losses.values():
            assert loss.dtype == torch.float32
            assert loss.isfinite()
        for one in leaves + data['regions']:
            assert one.grad.isfinite().all()
