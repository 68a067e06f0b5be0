"""The single stage against plain loops, and in real runs."""
import copy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.structures import SegDataSample
from traces import _Record, fill, tiny, trace

from hsc_mm import functional as hsc
from hsc_mm.functional import IGNORE
from hsc_mm.inference import load_config
from hsc_mm.inference.config_changes import use_tta
from hsc_mm.models import Targets, View
from hsc_mm.registry import MODELS
from projects.single_stage import labels as L
from projects.single_stage.loss import AffinityFromAttention

CONFIG = '../projects/single_stage/configs/single_deit-s_voc-animals'
MASKS = '-segmentation'
SMALL = dict(embed_dims=24, num_layers=3, num_heads=2,
             feedforward_channels=48)


def draw(classes=3, grid=(4, 5), labels=((1, 0, 1), (0, 1, 0)), maps=2):
    """A view of images four times as large as the grid, and its labels."""
    torch.manual_seed(0)
    batch, n = len(labels), grid[0] * grid[1]
    cam = torch.randn(batch, classes + 1, *grid)
    logits = torch.randn(batch, classes + 1, *grid, requires_grad=True)
    attention = torch.rand(batch, maps, n, n).softmax(3).requires_grad_()
    view = View(
        torch.rand(batch, 3, 4 * grid[0], 4 * grid[1]) * 255, (), cam,
        cam.relu(), embed=dict(segmentation=lambda: logits),
        attention=attention)
    return view, torch.tensor(labels).float(), logits


def build(**changes):
    torch.manual_seed(1)
    return AffinityFromAttention(**dict(dict(
        maps=2, radius=2, warmup=0.0, walk_from=0.0, loss_weight=1.0),
        **changes))


def test_no_neck_scales_the_tokens_by_weights_of_another_network():
    for name in (CONFIG, CONFIG + MASKS):
        path = Path(__file__).parent / 'configs' / f'{Path(name).name}.py'
        assert load_config(path).model.neck is None


# Slow references: one image, one pair, one pixel at a time.


def slow_maps(cam, label):
    found = []
    for one, held in zip(cam, label):
        low, high = one.min(), one.max()
        found.append((one - low) / (high - low + 1e-5) if held else one * 0)
    return torch.stack(found)


def slow_near(size, radius):
    places = [(i, j) for i in range(size[0]) for j in range(size[1])]
    return [[max(abs(a - c), abs(b - d)) <= radius for c, d in places]
            for a, b in places]


def slow_pairs(label, radius):
    """One image, (h, w)."""
    near, flat = slow_near(label.shape, radius), label.flatten().tolist()
    found = torch.full((len(flat), len(flat)), IGNORE)
    for i, one in enumerate(flat):
        for j, other in enumerate(flat):
            if near[i][j] and IGNORE not in (one, other):
                found[i, j] = int(one == other)
    return found


def slow_walk(maps, affinity, radius, power, steps):
    """One image, (K, h, w)."""
    near, n = slow_near(maps.shape[1:], radius), len(affinity)
    for _ in range(steps):
        flat, new = maps.flatten(1), torch.zeros(len(maps), n)
        for i in range(n):
            weights = [
                affinity[i, j].item()**power if near[i][j] else 0.0
                for j in range(n)
            ]
            for k in range(len(maps)):
                new[k, i] = sum(w / sum(weights) * flat[k, j].item()
                                for j, w in enumerate(weights))
        maps = new.view_as(maps)
    return maps


def slow_refined(maps, label, image, low, high, size):
    """PAR with a background of each score among the classes held, (K, ...).

    The label is sure where both agree on the background, and where the class
    wins against the higher.
    """
    held = label.nonzero()[:, 0].tolist()
    up = F.interpolate(maps[None], size, mode='bilinear')
    image = F.interpolate(image[None], size, mode='bilinear')
    weight, found = hsc.pixel_affinity(image), []
    for score in (high, low):
        scored = torch.cat([torch.full((1, 1, *size), score), up[:, held]], 1)
        best = hsc.pixel_adaptive(scored, weight).argmax(1)[0]
        found.append(torch.tensor([0] + [k + 1 for k in held])[best])
    sure, rest = found
    return torch.tensor([[
        int(a) if a > 0 else (0 if b == 0 else IGNORE)
        for a, b in zip(*rows)
    ] for rows in zip(sure, rest)])


@pytest.mark.parametrize('radius', [0, 1, 2, 9])
def test_labels_of_pairs_equal_plain_loops(radius):
    torch.manual_seed(0)
    label = torch.randint(-1, 3, (2, 3, 5))
    near = L.local_pairs((3, 5), radius)
    assert near.tolist() == slow_near((3, 5), radius)
    found = L.affinity_labels(label, near)
    assert torch.equal(
        found, torch.stack([slow_pairs(one, radius) for one in label]))
    assert torch.equal(found, found.transpose(1, 2))


@pytest.mark.parametrize(('power', 'steps'), [(2, 1), (1, 3), (2, 0)])
def test_the_random_walk_equals_plain_loops(power, steps):
    torch.manual_seed(0)
    maps, affinity = torch.rand(2, 3, 3, 4), torch.rand(2, 12, 12)
    affinity = (affinity + affinity.transpose(1, 2)) / 2
    found = L.random_walk(maps, affinity, L.local_pairs((3, 4), 2), power,
                          steps)
    torch.testing.assert_close(found, torch.stack([
        slow_walk(*one, 2, power, steps) for one in zip(maps, affinity)]))
    flat = L.random_walk(torch.full((2, 1, 3, 4), 0.4), affinity,
                         L.local_pairs((3, 4), 2), power, steps)
    torch.testing.assert_close(flat, torch.full_like(flat, 0.4))


def test_the_affinity_loss_equals_plain_loops():
    torch.manual_seed(0)
    affinity = torch.rand(2, 6, 6, requires_grad=True)
    target = torch.randint(-1, 2, (2, 6, 6))
    sums, counts = {0: 0, 1: 0}, {0: 0, 1: 0}
    for a, t in zip(affinity.flatten(), target.flatten().tolist()):
        if t != IGNORE:
            sums[t] = sums[t] + (1 - a if t else a)
            counts[t] += 1
    expected = (sums[0] / counts[0] + sums[1] / counts[1]) / 2
    found = L.affinity_loss(affinity, target)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*(
        torch.autograd.grad(one, affinity)[0] for one in (found, expected)))
    empty = L.affinity_loss(affinity, torch.full_like(target, IGNORE))
    assert empty == 0
    assert (torch.autograd.grad(empty, affinity)[0] == 0).all()


def test_the_segmentation_loss_equals_plain_loops():
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    target = torch.randint(-1, 3, (2, 4, 4))
    parts = {False: [], True: []}
    for one, label in zip(logits, target):
        for i in range(4):
            for j in range(4):
                k = int(label[i, j])
                if k != IGNORE:
                    parts[k > 0].append(-(
                        one[k, i, j].exp() / one[:, i, j].exp().sum()).log())
    expected = sum(sum(one) / len(one) for one in parts.values()) / 2
    found = L.segmentation_loss(logits, target)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*(
        torch.autograd.grad(one, logits)[0] for one in (found, expected)))
    assert L.segmentation_loss(logits, target.fill_(IGNORE)) == 0


@pytest.mark.parametrize('steps', [0, 1])
def test_refined_labels_equal_those_of_two_backgrounds(steps):
    view, label, _ = draw()
    loss = build(steps=steps, thresholds=(0.25, 0.35))
    affinity = loss.predict_affinity(view)
    pairs, mask = loss.pseudo_labels(view, affinity, label)
    assert mask.shape == (2, 8, 10)
    for number in range(2):
        maps = slow_maps(view.source[number, 1:], label[number])
        plain, walked = (
            slow_refined(one, label[number], view.image[number], 0.25, 0.35,
                         (8, 10))
            for one in (maps, slow_walk(maps, affinity[number], 2, 2, steps)))
        assert torch.equal(mask[number], walked)
        small = plain[1::2, 1::2]  # the centre of each position
        assert torch.equal(pairs[number], slow_pairs(small, 2))
        assert set(walked.unique().tolist()) >= {IGNORE, 0}
    assert (mask > 0).any()


def test_affinity_is_symmetric_and_its_gradient_reaches_the_attention():
    view, label, logits = draw()
    loss = build()
    found = loss([view], Targets(label))
    affinity = loss.predict_affinity(view)
    torch.testing.assert_close(affinity, affinity.transpose(1, 2))
    for name, leaf in (('affinity', view.attention),
                       ('segmentation', logits)):
        assert 0 < found[name] < 10
        grad, = torch.autograd.grad(found[name], leaf, retain_graph=True)
        assert torch.isfinite(grad).all()
        assert grad.abs().sum() > 0
    # Pseudo labels are no path for gradients.
    assert torch.autograd.grad(found['segmentation'], view.attention,
                               allow_unused=True)[0] is None
    both = loss([view, view], Targets(label))
    for name, value in both.items():
        torch.testing.assert_close(value, found[name])


@pytest.mark.parametrize('label', [(0, 0, 0), (0, 1, 0), (1, 1, 1)])
def test_images_of_no_class_of_one_and_of_all(label):
    view, label, logits = draw(labels=(label, ))
    loss = build()
    _, mask = loss.pseudo_labels(view, loss.predict_affinity(view), label)
    held = {k + 1 for k, one in enumerate(label[0]) if one}
    assert set(mask.unique().tolist()) <= {IGNORE, 0} | held
    if not held:
        assert (mask == 0).all()
    found = loss([view], Targets(label))
    sum(found.values()).backward()
    for grad in (view.attention.grad, logits.grad,
                 loss.affinity.weight.grad):
        assert torch.isfinite(grad).all()


def test_a_head_with_one_class():
    view, label, _ = draw(classes=1, labels=((1, ), (0, )))
    assert all(0 < one < 10
               for one in build()([view], Targets(label)).values())


@pytest.mark.parametrize(('passed', 'counts', 'walks'), [
    (0, False, False), (9, False, False), (10, True, False),
    (29, True, False), (30, True, True)])
def test_terms_and_walk_begin_when_they_are_told(passed, counts, walks):
    view, label, _ = draw()
    loss = build(warmup=0.1, walk_from=0.3)
    plain = build(steps=0).pseudo_labels(
        view, loss.predict_affinity(view), label)[1]
    hub = MessageHub.get_current_instance()
    try:
        hub.update_info('max_iters', 100)
        hub.update_info('iter', passed)
        found = loss([view], Targets(label))
        mask = loss.pseudo_labels(
            view, loss.predict_affinity(view), label)[1]
    finally:
        for key in ('max_iters', 'iter'):
            hub.runtime_info.pop(key)
    assert all((one > 0) == counts for one in found.values())
    assert torch.equal(mask, plain) == (not walks)
    sum(found.values()).backward()  # all parts take part in all iterations


def test_bad_arguments_and_parts_that_do_not_fit():
    with pytest.raises(ValueError, match='thresholds of AffinityFromAtten'):
        build(thresholds=(0.5, 0.3))
    view, label, _ = draw(maps=3)
    with pytest.raises(ValueError, match=r'\(2, 20, 20\).*CAM of \(4, 5\), '
                       r'found \(3, 20, 20\).*Set maps'):
        build()([view], Targets(label))


def model(voc, tmp_path, output=''):
    """A small transformer of a config, weights by their names."""
    init_default_scope('mmseg')
    cfg = small(tiny(CONFIG + output, voc, tmp_path))
    cfg.model.test_cfg.use_image_labels = False
    built = MODELS.build(copy.deepcopy(cfg.model))
    fill(built)
    return built.eval(), cfg


def small(cfg):
    cfg.model.backbone.update(arch=SMALL, drop_path_rate=0.0, patch_size=8)
    head = cfg.model.decode_head
    head.in_channels = 24
    head.embeddings.segmentation.update(hidden=16, dilation=1)
    head.losses.single.update(maps=4)
    return cfg


@torch.no_grad()
def test_the_decoder_segments_and_cams_stay_what_they_are(shared_voc,
                                                          tmp_path):
    cam, _ = model(shared_voc, tmp_path)
    mask, _ = model(shared_voc, tmp_path, MASKS)
    torch.manual_seed(0)
    image = torch.randn(2, 3, 32, 48)
    for one, other in zip(cam.predict_cam(image), mask.predict_cam(image)):
        assert torch.equal(one, other)
    feat = mask.extract_feat(image)[-1]
    logits = mask.decode_head.embeddings['segmentation'](feat)
    logits = F.interpolate(logits, (32, 48), mode='bilinear')
    for samples in (None, [SegDataSample(metainfo=dict(ori_shape=(32, 48)))
                           for _ in image]):
        for one, expected in zip(mask.predict(image, samples), logits):
            torch.testing.assert_close(one.seg_logits.data, expected)
            assert torch.equal(one.pred_sem_seg.data[0], expected.argmax(0))
            assert one.pred_sem_seg.data.unique().numel() > 1


@pytest.mark.parametrize(('output', 'metric'), [('', 'seed/mIoU'),
                                                (MASKS, 'mIoU')])
def test_scales_and_flips(output, metric, shared_voc, tmp_path):
    _, cfg = model(shared_voc, tmp_path, output)
    runner = Runner.from_cfg(use_tta(cfg))
    assert 0 < runner.test()[metric] < 100


def test_a_decoder_that_is_missing_or_of_other_classes(shared_voc, tmp_path):
    init_default_scope('mmseg')
    cfg = small(tiny(CONFIG + MASKS, shared_voc, tmp_path))
    cfg.model.decode_head.losses.single = None
    with pytest.raises(ValueError, match=r'embeddings\.segmentation, and a '):
        MODELS.build(cfg.model)
    cfg = small(tiny(CONFIG, shared_voc, tmp_path))
    cfg.model.decode_head.embeddings.segmentation = dict(
        type='hsc_mm.PixelEmbedding', channels=5)
    with pytest.raises(ValueError, match='each of the 3 classes, found 5'):
        MODELS.build(cfg.model)


@pytest.mark.slow
@pytest.mark.parametrize('output', ['', MASKS])
def test_three_iterations_and_what_is_scored(output, shared_voc, tmp_path):
    found = trace(CONFIG + output, shared_voc, tmp_path)
    first, *others = found['losses']
    for term in ('affinity', 'segmentation'):
        assert first[f'decode.loss_{term}'] == 0  # warm-up
        assert all(0 < one[f'decode.loss_{term}'] < 10 for one in others)
    assert 0 < found['mIoU'] < 100


def run(cfg):
    """Train, and return the losses by name."""
    runner, record = Runner.from_cfg(cfg), _Record()
    runner.register_hook(record, priority='LOWEST')
    runner.train()
    return {
        name: torch.tensor([one[f'decode.loss_{name}']
                            for one in record.losses])
        for name in ('cls', 'affinity', 'segmentation')
    }


@pytest.mark.slow
def test_the_decoder_learns(shared_voc, tmp_path):
    cfg = small(tiny(CONFIG, shared_voc, tmp_path))
    cfg.train_cfg.max_iters = cfg.param_scheduler[0].end = 30
    cfg.optim_wrapper.optimizer.lr = 1e-3
    losses = run(cfg)
    assert all(one.isfinite().all() for one in losses.values())
    assert (losses['affinity'][3:] > 0).all()
    for name, warmup in (('cls', 0), ('segmentation', 3)):
        values = losses[name][warmup:]
        assert values[-5:].mean() < 0.75 * values[:5].mean(), name


def test_half_precision(shared_voc, tmp_path):
    built, _ = model(shared_voc, tmp_path)
    built.decode_head.losses['single'].warmup = 0.0
    torch.manual_seed(0)
    image, found = torch.randn(2, 3, 32, 48), []
    samples = [SegDataSample(gt_label=torch.tensor([1.0, 0.0]))] * 2
    for half in (False, True):
        with torch.autocast('cpu', dtype=torch.bfloat16, enabled=half):
            found.append(built.loss(image, samples))
    for name, value in found[1].items():
        assert value.dtype == torch.float32
        assert value > 0
        torch.testing.assert_close(value, found[0][name], rtol=0.1, atol=0)


def test_the_affinity_learns_what_belongs_together():
    view, _, _ = draw()
    label = torch.zeros(2, 4, 5, dtype=torch.long)
    label[:, :2], label[:, 2, 2] = 1, IGNORE
    target = L.affinity_labels(label, L.local_pairs((4, 5), 2))
    logits = torch.zeros(2, 2, 20, 20, requires_grad=True)
    loss, found = build(), []
    optimizer = torch.optim.Adam([logits, *loss.parameters()], lr=0.05)
    for _ in range(60):
        view.attention = logits.softmax(dim=3)
        found.append(L.affinity_loss(loss.predict_affinity(view), target))
        optimizer.zero_grad()
        found[-1].backward()
        optimizer.step()
    assert found[-1] < 0.3 * found[0]
