"""Refiners against plain loops, at the edges, and what they refuse."""
import json
import math
import pickle
import statistics
from functools import partial

import numpy as np
import pytest
import torch
from mmengine.config import Config

from hsc_mm.crf import build_crf, cam_probability
from hsc_mm.functional.refinement import pixel_affinity
from hsc_mm.pseudo_labels.chain import LabelChain, usual_threshold
from hsc_mm.pseudo_labels.refiners import (
    PAR,
    AttentionAffinity,
    CRFRefiner,
    Refiner,
    build_refiner,
)
from hsc_mm.pseudo_labels.refiners.attention import activated_boxes
from hsc_mm.pseudo_labels.rules import LabelRule, ThresholdRule
from hsc_mm.pseudo_labels.soft_cam import SoftCAM
from hsc_mm.registry import LABEL_RULES, REFINERS

CONFIGS = [
    dict(type='hsc_mm.PAR', dilations=(1, 3), steps=2),
    dict(type='hsc_mm.CRFRefiner', alpha=4,
         crf=dict(backend='reduced', steps=2)),
    dict(type='hsc_mm.AttentionAffinity'),
]


def draw(size=(6, 7), classes=(2, 5), grid=(2, 3), seed=0, **changes):
    """A soft CAM with an image and attention, all of it random."""
    rng = np.random.default_rng(seed)
    n = grid[0] * grid[1]
    attention = rng.random((n, n)).astype(np.float32)
    return SoftCAM(
        'cat_1',
        rng.random((len(classes), *size)).astype(np.float32),
        np.array(classes, dtype=np.int64), np.zeros(6),
        rng.integers(0, 256, (*size, 3), dtype=np.uint8),
        attention=attention / attention.sum(1, keepdims=True),
        grid=grid)._replace(**changes)


def slow_par(soft, dilations, steps, sharpness=0.3, position=0.01):
    """PAR of all maps, one pixel and one neighbour after the other."""
    height, width = soft.image.shape[:2]
    image = soft.image.astype(float)
    ring = [(dy * d, dx * d) for d in dilations for dy in (-1, 0, 1)
            for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
    far = [math.hypot(*step) for step in ring]
    spread = statistics.stdev(far) + 1e-8
    place = [math.exp(-(one / spread / sharpness)**2) for one in far]
    place = [one / sum(place) for one in place]
    weights = {}
    for y in range(height):
        for x in range(width):
            near = [(min(max(y + dy, 0), height - 1),
                     min(max(x + dx, 0), width - 1)) for dy, dx in ring]
            score = [0.0] * len(ring)
            for c in range(3):
                values = [image[j, i, c] for j, i in near]
                sigma = statistics.stdev(values) + 1e-8
                for k, value in enumerate(values):
                    ratio = abs(value - image[y, x, c]) / sigma / sharpness
                    score[k] -= ratio**2 / 3
            top = max(score)
            colour = [math.exp(one - top) for one in score]
            weights[y, x] = [
                (j, i, (a / sum(colour) + position * b) / (1 + position))
                for (j, i), a, b in zip(near, colour, place, strict=True)
            ]
    maps = soft.cam if soft.background is None else np.concatenate(
        [soft.cam, soft.background[None]])
    maps = maps.astype(float)
    for _ in range(steps):
        after = np.zeros_like(maps)
        for (y, x), near in weights.items():
            for j, i, weight in near:
                after[:, y, x] += weight * maps[:, j, i]
        maps = after
    return maps


@pytest.mark.parametrize('dilations', [(1, ), (1, 2, 8)])
@pytest.mark.parametrize('size', [(6, 7), (1, 5), (1, 1)])
def test_par_equals_plain_loops(size, dilations):
    soft = draw(size)
    for background in (None, soft.cam[0] * 0.5):
        given = soft._replace(background=background)
        found = PAR(dilations, steps=3)(given)
        expected = slow_par(given, dilations, 3)
        np.testing.assert_allclose(found.cam, expected[:2], atol=1e-5)
        if background is None:
            assert found.background is None
        else:
            np.testing.assert_allclose(
                found.background, expected[2], atol=1e-5)


def test_par_follows_edges_and_leaves_what_is_the_same_everywhere():
    image = np.zeros((12, 16, 3), np.uint8)
    image[:, 8:] = 200
    cam = np.zeros((2, 12, 16), np.float32)
    cam[0, 2:10, 2:6] = 1
    cam[1] = 0.3
    soft = draw((12, 16), image=image, cam=cam)
    found = PAR((1, 2, 4), steps=10)(soft)
    # It fills its half and does not cross the edge.
    assert found.cam[0, 5, 7] > 0.1
    assert found.cam[0, :, 9:].max() < 0.02
    np.testing.assert_allclose(found.cam[1], 0.3, atol=1e-5)
    assert found.cam.max() <= 1 and found.cam.dtype == np.float32


def test_the_weights_of_par_sum_to_one_on_a_constant_image_too():
    image = torch.full((2, 3, 5, 4), 7.)
    image[1] = torch.rand(3, 5, 4)
    weights = pixel_affinity(image, (1, 2))
    assert weights.shape == (2, 16, 5, 4)
    torch.testing.assert_close(weights.sum(1), torch.ones(2, 5, 4))
    # All colours alike: the position alone tells neighbours apart.
    place = pixel_affinity(image, (1, 2), sharpness=3)[0, :, 2, 2]
    assert place[1] > place[0] > place[8]


def slow_attention(soft, threshold=0.4, rounds=3, power=2):
    """CLIP-ES's affinity on every map, on the grid of the patches."""
    h, w = soft.grid
    n, (height, width) = h * w, soft.cam.shape[1:]
    matrix = soft.attention.astype(float).tolist()
    for _ in range(rounds):
        for j in range(n):
            total = sum(matrix[i][j] for i in range(n))
            for i in range(n):
                matrix[i][j] /= total
        for i in range(n):
            total = sum(matrix[i])
            matrix[i] = [value / total for value in matrix[i]]
    matrix = [[(matrix[i][j] + matrix[j][i]) / 2 for j in range(n)]
              for i in range(n)]
    result = matrix
    for _ in range(power - 1):
        result = [[sum(result[i][k] * matrix[k][j] for k in range(n))
                   for j in range(n)] for i in range(n)]
    found = []
    for cam in soft.cam:
        small = np.zeros((h, w))
        for y in range(h):
            for x in range(w):
                small[y, x] = cam[y * height // h:-(-(y + 1) * height // h),
                                  x * width // w:-(-(x + 1) * width // w)
                                  ].mean()
        inside = slow_boxes(small, threshold)
        out = np.array([
            sum(result[i][j] * small.flat[j] for j in range(n)
                if inside.flat[j]) for i in range(n)
        ])
        found.append(((out - out.min()) / (out.max() - out.min())
                      ).reshape(h, w))
    return np.stack(found)


def slow_boxes(cam, threshold):
    """Boxes around the regions above the threshold, by flood filling."""
    left = {(y, x) for y, x in np.ndindex(cam.shape)
            if cam[y, x] > threshold * cam.max()}
    inside = np.zeros(cam.shape, bool)
    while left:
        stack = [left.pop()]
        region = list(stack)
        while stack:
            y, x = stack.pop()
            for place in [(y + dy, x + dx) for dy in (-1, 0, 1)
                          for dx in (-1, 0, 1)]:
                if place in left:
                    left.remove(place)
                    stack.append(place)
                    region.append(place)
        ys, xs = zip(*region, strict=True)
        inside[min(ys):max(ys) + 1, min(xs):max(xs) + 1] = True
    return inside


@pytest.mark.parametrize('grid', [(2, 3), (4, 4), (1, 5)])
@pytest.mark.parametrize('power', [1, 2, 3])
def test_attention_affinity_equals_plain_loops(grid, power):
    # Three pixels to a patch, so that the patches are seen in the result.
    soft = draw((3 * grid[0], 3 * grid[1]), grid=grid, seed=3)
    found = AttentionAffinity(power=power)(soft)
    expected = slow_attention(soft, power=power)
    np.testing.assert_allclose(
        found.cam[:, 1::3, 1::3], expected, atol=1e-5)
    assert found.cam.shape == soft.cam.shape and found.background is None


@pytest.mark.parametrize('seed', range(4))
def test_boxes_equal_flood_filling(seed):
    cam = np.random.default_rng(seed).random((7, 9)).astype(np.float32)**3
    for threshold in (0, 0.3, 0.7, 0.99):
        found = activated_boxes(cam, threshold)
        assert (found == slow_boxes(cam, threshold)).all()


def test_attention_of_one_patch_or_without_difference():
    soft = draw((4, 5), grid=(1, 1))
    np.testing.assert_allclose(AttentionAffinity()(soft).cam, 1, atol=1e-6)
    uniform = draw(attention=np.full((6, 6), 1 / 6, np.float32))
    np.testing.assert_allclose(AttentionAffinity()(uniform).cam, 1, atol=1e-6)
    blank = draw((4, 6), cam=np.zeros((1, 4, 6), np.float32),
                 classes=np.array([2]))
    assert (AttentionAffinity()(blank).cam == 0).all()


def test_the_crf_refiner_is_the_crf_with_its_background():
    soft = draw((9, 8))
    crf = dict(backend='reduced', steps=3, preset='segmentation')
    found = CRFRefiner(alpha=3, crf=crf)(soft)
    expected = build_crf(crf)(cam_probability(soft.cam, 3), soft.image)
    np.testing.assert_array_equal(found.background, expected[0])
    np.testing.assert_array_equal(found.cam, expected[1:])
    # A background from before takes the place of alpha's.
    given = soft._replace(background=np.full((9, 8), 0.9, np.float32))
    found = CRFRefiner(alpha=3, crf=crf)(given)
    prob = np.concatenate([given.background[None], soft.cam])
    expected = build_crf(crf)(prob, soft.image)
    np.testing.assert_array_equal(found.background, expected[0])


@pytest.mark.parametrize('cfg', CONFIGS, ids=lambda cfg: cfg['type'])
def test_every_refiner_keeps_what_it_is_given(cfg):
    refine = build_refiner(cfg)
    again = pickle.loads(pickle.dumps(refine))
    for classes in ((), (3, ), (2, 5)):
        for size in ((6, 7), (1, 1)):
            soft = draw(size, classes)
            before = pickle.dumps(soft)
            found = refine(soft)
            assert pickle.dumps(soft) == before
            assert found.cam.shape == soft.cam.shape
            assert found.cam.dtype == np.float32
            assert np.isfinite(found.cam).all()
            if classes:
                assert found.cam.min() >= 0 and found.cam.max() <= 1 + 1e-6
            for name in ('img_id', 'classes', 'scores', 'image', 'grid'):
                assert getattr(found, name) is getattr(soft, name)
            np.testing.assert_array_equal(again(soft).cam, found.cam)
    constant = draw((6, 7), image=np.full((6, 7, 3), 90, np.uint8))
    assert np.isfinite(refine(constant).cam).all()


@pytest.mark.parametrize('cfg', CONFIGS, ids=lambda cfg: cfg['type'])
def test_an_identity_is_json_and_tells_settings_apart(cfg):
    identity = build_refiner(cfg).identity()
    assert json.loads(json.dumps(identity)) == identity
    assert identity == build_refiner(cfg).identity()
    other = build_refiner(dict(type=cfg['type'])).identity()
    assert identity['type'] == other['type']
    if len(cfg) > 1:
        assert identity != other


@pytest.mark.parametrize('rule', [
    dict(type='hsc_mm.ThresholdRule', threshold=0),
    dict(type='hsc_mm.BandRule', low=0.1, high=0.2),
    dict(type='hsc_mm.AgreementRule', refiners=[
        dict(type='hsc_mm.CRFRefiner', alpha=a) for a in (4, 24)])])
def test_an_image_without_a_class_is_background(rule):
    nothing = SoftCAM('x', np.zeros((0, 5, 6), np.float32),
                      np.zeros(0, np.int64), None)
    made = LabelChain(CONFIGS, rule, soft='also')(nothing)
    assert made.mask.shape == (5, 6)
    assert not made.mask.any()
    assert made.cam.shape == (0, 5, 6)


def test_a_chain_of_refiners():
    soft = draw((8, 9), grid=(2, 3))
    for cfg in (CONFIGS[2], CONFIGS[0], CONFIGS[1]):
        soft = build_refiner(cfg)(soft)
    total = soft.background + soft.cam.sum(0)
    np.testing.assert_allclose(total, 1, atol=1e-5)


PAR_, CRF_, ATTENTION = CONFIGS
AGREE = dict(type='hsc_mm.AgreementRule')


@pytest.mark.parametrize(('refiners', 'rule', 'reads'), [
    ([], None, True),
    ([PAR_], None, True),
    ([PAR_, CRF_], None, False),
    ([CRF_, PAR_], None, False),
    ([CRF_, ATTENTION], None, True),
    ([], dict(type='BandRule', low=0.3, high=0.6), False),
    ([], dict(AGREE, refiners=[CRF_, dict(CRF_, alpha=24)]), False),
    ([], dict(AGREE, refiners=[CRF_, PAR_]), True),
    ([CRF_], dict(AGREE, refiners=[PAR_, PAR_]), False),
])
def test_a_threshold_counts_where_no_background_is_read(refiners, rule,
                                                        reads):
    soft = draw((8, 9), grid=(2, 3))
    low, high = (LabelChain(refiners, rule, at) for at in (0.05, 0.95))
    assert low.reads_threshold is high.reads_threshold is reads
    assert (low(soft).mask != high(soft).mask).any() == reads
    assert not LabelChain(refiners, rule, soft='only').reads_threshold


def test_a_rule_that_is_given_the_threshold_reads_it(monkeypatch):
    monkeypatch.setattr(LABEL_RULES, '_module_dict',
                        dict(LABEL_RULES.module_dict))

    @LABEL_RULES.register_module()
    class Wrapped(LabelRule):

        def __init__(self, threshold):
            self.inner = ThresholdRule(threshold)

        def label(self, soft):
            return self.inner(soft)

        def identity(self):
            return dict(type='Wrapped')

    rule = dict(type='Wrapped')
    assert LabelChain([], rule).reads_threshold
    cfg = Config(dict(model={}, pseudo_label=dict(
        rule=rule, threshold='auto')))
    assert usual_threshold(cfg) == 'auto'


def test_a_stranger_registers_a_refiner(monkeypatch):
    monkeypatch.setattr(REFINERS, '_module_dict', dict(REFINERS.module_dict))

    @REFINERS.register_module()
    class Half(Refiner):
        needs = ()

        def refine(self, soft):
            return soft._replace(cam=soft.cam / 2)

        def identity(self):
            return dict(type='Half')

    soft = draw(image=None, attention=None)
    for name in ('Half', 'hsc_mm.Half', Half):
        found = build_refiner(dict(type=name))(soft)
        np.testing.assert_array_equal(found.cam, soft.cam / 2)
    half = Half()
    assert build_refiner(half) is half


@pytest.mark.parametrize(('cfg', 'words'), [
    (dict(type='hsc_mm.PAMR'), r"hsc_mm\.PAR.*found 'hsc_mm\.PAMR'"),
    (dict(steps=3), 'found None'),
    (dict(type='hsc_mm.PAR', iterations=3), r"rejects .*\['iterations'\]"),
    (dict(type='hsc_mm.PAR', steps=0), 'steps of PAR.*integer > 0, found 0'),
    (dict(type='hsc_mm.PAR', steps=True), 'steps of PAR.*found True'),
    (dict(type='hsc_mm.PAR', dilations=()), 'dilations of PAR.*none'),
    (dict(type='hsc_mm.PAR', dilations=(1, 0)), 'dilations of PAR.*found 0'),
    (dict(type='hsc_mm.PAR', sharpness=0), 'sharpness of PAR.*> 0, found 0'),
    (dict(type='hsc_mm.PAR', position_weight=-1),
     'position_weight of PAR.*>= 0, found -1'),
    (dict(type='hsc_mm.CRFRefiner', alpha=math.nan), 'alpha .*found nan'),
    (dict(type='hsc_mm.CRFRefiner', crf='voc'), "preset .*found 'voc'"),
    (dict(type='hsc_mm.AttentionAffinity', box_threshold=1),
     'box_threshold of AttentionAffinity.*>= 0 and < 1, found 1'),
    (dict(type='hsc_mm.AttentionAffinity', power=1.5), 'power .*found 1.5'),
])
def test_bad_settings_are_named(cfg, words):
    with pytest.raises(ValueError, match=words):
        build_refiner(cfg)


@pytest.mark.parametrize(('refine', 'change', 'words'), [
    (PAR(), dict(image=None), 'cat_1: PAR: expected the image'),
    (PAR(), dict(image=np.zeros((6, 6, 3), np.uint8)),
     r'PAR: expected an image of uint8 \(6, 7, 3\), found uint8 \(6, 6, 3\)'),
    (PAR(), dict(image=np.zeros((6, 7, 3))), 'PAR: .*found float64'),
    (PAR(), dict(cam=np.full((2, 6, 7), 3.)), 'cam in .*found 3.0 to 3.0'),
    (PAR(), dict(cam=np.full((2, 6, 7), np.nan)), 'cam in .*found nan'),
    (PAR(), dict(cam=np.zeros((3, 6, 7))), r'found \(3, 6, 7\) and'),
    (PAR(), dict(background=np.zeros((6, 6))),
     r'background of the size \(6, 7\) .*found \(6, 6\)'),
    (AttentionAffinity(), dict(attention=None),
     'AttentionAffinity: expected the attention .*hsc_mm.models.attention'),
    (AttentionAffinity(), dict(grid=None), 'expected the attention'),
    (AttentionAffinity(), dict(grid=(2, 2)),
     r'attention of \(4, 4\) for the grid \(2, 2\), found \(6, 6\)'),
])
def test_bad_inputs_are_named(refine, change, words):
    with pytest.raises(ValueError, match=words):
        refine(draw()._replace(**change))


class Own(Refiner):
    """Returns what it is told."""
    needs = ()

    def __init__(self, change):
        self.change = change

    def refine(self, soft):
        return self.change(soft)

    def identity(self):
        return {}


@pytest.mark.parametrize(('change', 'words'), [
    (lambda soft: None, 'a SoftCAM .*found None'),
    (lambda soft: soft.cam, 'a SoftCAM .*found ndarray'),
    (lambda soft: soft._replace(cam=None), 'ndarray .*found None'),
    (lambda soft: soft._replace(cam=list(soft.cam)), 'found list'),
    (lambda soft: soft._replace(cam=torch.from_numpy(soft.cam)),
     r'found Tensor of torch.float32 \(2, 6, 7\)'),
    (lambda soft: soft._replace(cam=soft.cam.astype(object)), 'of object'),
    (lambda soft: soft._replace(cam=soft.cam + 0j), 'of complex'),
    (lambda soft: soft._replace(cam=soft.cam[0]), r'found .* \(6, 7\)'),
    (lambda soft: soft._replace(cam=soft.cam[:1]), r'found .* \(1, 6, 7\)'),
    (lambda soft: soft._replace(cam=soft.cam * np.nan), 'found nan to'),
    (lambda soft: soft._replace(cam=soft.cam - 2),
     r'\[0, 1\], found -\S+ to -'),
    (lambda soft: soft._replace(cam=soft.cam * 255), r'\[0, 1\], found .* to'),
    (lambda soft: soft._replace(background=[[0.5] * 7] * 6),
     'background .*found list'),
    (lambda soft: soft._replace(background=soft.cam), 'background .*2, 6, 7'),
    (lambda soft: soft._replace(background=soft.cam[0] * np.inf),
     'finite maps .*found a background'),
    (lambda soft: soft._replace(classes=soft.classes[::-1]),
     r'classes \[2 5\] .*found \[5 2\]'),
    (lambda soft: soft._replace(classes=None), 'classes .*found None'),
])
def test_what_a_refiner_returns_is_named(change, words):
    with pytest.raises(ValueError, match=f'cat_1: Own: expected.*{words}'):
        Own(change)(draw())


def test_maps_of_other_numbers_and_rounded_ones_are_taken():
    cam = draw().cam
    for found in (cam.astype(np.float16), cam > 0.5, cam * 1.0005,
                  (cam > 0.5).astype(np.uint8)):
        refine = Own(partial(SoftCAM._replace, cam=found))
        assert refine(draw()).cam is found


def test_recorded_attention_goes_into_the_affinity():
    from mmpretrain.models.backbones import VisionTransformer

    from hsc_mm.models.attention import record_attention
    vit = VisionTransformer(
        dict(embed_dims=12, num_layers=2, num_heads=3,
             feedforward_channels=16), img_size=32, patch_size=8)
    with record_attention(vit, last=2) as record:
        vit(torch.randn(1, 3, 16, 24))
    soft = draw((6, 9), attention=record.mean()[0].numpy(),
                grid=record.grid)
    assert soft.grid == (2, 3)
    found = AttentionAffinity()(soft)
    np.testing.assert_allclose(
        found.cam[:, 1::3, 1::3], slow_attention(soft), atol=1e-5)
