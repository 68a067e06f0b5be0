"""CAMs of several scales and flips against two independent ways."""
import copy

import cv2
import mmcv
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import init_default_scope
from sampling import cam_at_pixels, image_at_pixels
from tiny_configs import (
    cam_config,
    fill_prototypes,
    prototype_config,
    save_weights,
    untrained,
)
from torch import nn

from hsc_mm.inference import load_config, seeds, use_tta
from hsc_mm.inference.models import fold_batch_norm, make_fast
from hsc_mm.pseudo_labels.cams import MultiScaleCAM, iterate_cams
from hsc_mm.pseudo_labels.view_pipeline import ViewPipeline
from hsc_mm.pseudo_labels.views import (
    Failure,
    ViewBatch,
    plan_batches,
    view_loader,
)
from hsc_mm.registry import MODELS
from hsc_mm.utils import read_image

SCALES = (0.5, 1.0, 1.5, 2.0)


@pytest.fixture(scope='module')
def stage(tmp_path_factory, shared_voc):
    """A config with four scales and flip, and a model of random weights."""
    folder = tmp_path_factory.mktemp('scales')
    cfg = load_config(cam_config(shared_voc, folder / 'cam.py'))
    cfg.tta_pipeline[1].transforms[0] = [
        dict(type='Resize', scale_factor=s, keep_ratio=True) for s in SCALES
    ]
    model = untrained(cfg)
    model.init_weights()
    with torch.no_grad():
        model.decode_head.classifier.weight.mul_(20)
    return cfg, str(save_weights(model, folder / 'model.pth')), model.eval()


def engine(cfg: Config, checkpoint: str, batch_size: int = 3, **kwargs):
    """Return the CAMs of the training images by their ids."""
    dataset = seeds.seed_dataset(cfg, 'train')
    model = seeds.build_model(cfg, checkpoint, 'cpu')
    shapes = [(48, 64) if i % 2 else (56, 40) for i in range(len(dataset))]
    loader, pipeline = view_loader(
        dataset, cfg, plan_batches(shapes, batch_size), 0)
    run = MultiScaleCAM(model, pipeline.flips, **kwargs)
    return {soft.img_id: soft for soft in iterate_cams(run, loader)}


def shaken(backbone: nn.Module) -> nn.Module:
    """Give batch norms statistics and weights of their own."""
    torch.manual_seed(1)
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    backbone.eval()
    return backbone


def test_a_fast_model_computes_the_same(stage):
    cfg = use_tta(stage[0])
    model = seeds.build_model(cfg, stage[1], 'cpu')
    shaken(model.module.backbone)
    fast = make_fast(copy.deepcopy(model))
    assert isinstance(fast.module.backbone.bn1, nn.Identity)
    assert isinstance(model.module.backbone.bn1, nn.BatchNorm2d)
    view = torch.randint(0, 255, (2, 3, 48, 64), dtype=torch.uint8)
    batch = ViewBatch(['x', 'y'], (48, 64), [view], torch.ones(2, 2), None)
    flips = (None, 'horizontal')
    for one, other in zip(
            MultiScaleCAM(model, flips)(batch),
            MultiScaleCAM(fast, flips)(batch)):
        assert np.abs(one.cam - other.cam).max() < 1e-5


def test_norms_before_convolutions_are_left_alone():

    class PreActivation(nn.Module):

        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 3, 1)
            self.bn1 = nn.BatchNorm2d(3)

        def forward(self, image):
            return self.conv1(self.bn1(image).relu())

    backbone = shaken(PreActivation())
    assert fold_batch_norm(backbone) is backbone


def through_tta(cfg: Config, checkpoint: str) -> dict:
    """Return the samples that mmseg's mechanism gives."""
    dataset = seeds.seed_dataset(cfg, 'train')
    model = seeds.build_model(cfg, checkpoint, 'cpu')
    return {
        s.metainfo['img_id']: s
        for s in seeds.iterate_seeds(model, seeds.seed_loader(dataset, 0))
    }


def plain_loop(cfg: Config, model: nn.Module, path: str,
               label: np.ndarray) -> np.ndarray:
    """Loop over scales and flips, one image at a time."""
    image = read_image(path)
    total = 0
    for scale in SCALES:
        resized = mmcv.imrescale(image, scale)[..., ::-1]
        for flip in (False, True):
            one = resized[:, ::-1] if flip else resized
            pre = cfg.model.data_preprocessor
            one = (one - np.array(pre.mean)) / np.array(pre.std)
            one = torch.from_numpy(one.transpose(2, 0, 1)[None]).float()
            with torch.no_grad():
                feat = model.backbone(one)[-1]
                cam = F.conv2d(feat, model.decode_head.classifier.weight)
            cam = cam[0, 1:].clamp(min=0).numpy()
            cam = cam_at_pixels(cam, one.shape[2:], stride=8)
            cam = image_at_pixels(cam, image.shape[:2])
            total = total + (cam[:, :, ::-1] if flip else cam)
    peak = total.max(axis=(1, 2), keepdims=True)
    return (total / (peak + 1e-5))[label > 0]


@pytest.mark.parametrize('batch_size', [1, 3])
def test_equals_the_tta_model_and_a_plain_loop(stage, batch_size):
    cfg, checkpoint, model = stage
    cfg = use_tta(cfg)
    theirs = through_tta(cfg, checkpoint)
    ours = engine(cfg, checkpoint, batch_size)
    assert ours.keys() == theirs.keys()
    assert len(ours) == 8
    for img_id, soft in ours.items():
        sample = theirs[img_id]
        assert sample.metainfo['views'] == 8
        logits = sample.seg_logits.data[1:].numpy()
        label = sample.gt_label.numpy()
        assert list(soft.classes) == list(np.flatnonzero(label) + 1)
        assert np.abs(soft.cam - logits[label > 0]).max() < 1e-5
        assert np.abs(soft.scores - sample.cls_scores.numpy()).max() < 1e-5
        loop = plain_loop(stage[0], model, sample.metainfo['img_path'], label)
        assert np.abs(soft.cam - loop).max() < 1e-5
        assert loop.max() > 0.9


@pytest.mark.parametrize('change', [
    dict(test_cfg=dict(use_image_labels=False, score_thr=0.5)),
    dict(test_cfg=dict(normalize='min-max')),
    dict(decode_head=dict(activation='softmax', align_corners=False)),
    dict(channels_last=True),
    dict(data_preprocessor=dict(test_cfg=dict(size_divisor=32))),
])
def test_equals_the_tta_model_with_other_settings(stage, change):
    cfg = copy.deepcopy(stage[0])
    cfg.merge_from_dict(dict(model=change))
    cfg = use_tta(cfg)
    theirs, ours = through_tta(cfg, stage[1]), engine(cfg, stage[1])
    for img_id, soft in ours.items():
        logits = theirs[img_id].seg_logits.data[1:].numpy()
        assert np.abs(soft.cam - logits[soft.classes - 1]).max() < 1e-5
        absent = np.delete(logits, soft.classes - 1, axis=0)
        assert not absent.any()


@pytest.fixture(scope='module')
def prototypes(tmp_path_factory, shared_voc):
    """A config whose seeds come from prototypes, and random weights."""
    folder = tmp_path_factory.mktemp('prototypes')
    cfg = load_config(prototype_config(shared_voc, folder / 'hsc.py'))
    model = untrained(cfg)
    fill_prototypes(model)
    with torch.no_grad():  # the normalisation magnifies rounding near zero
        model.decode_head.classifier.weight.mul_(10)
    return cfg, str(save_weights(model, folder / 'hsc.pth')), model.eval()


@pytest.mark.parametrize('change', [
    dict(), dict(test_cfg=dict(use_image_labels=False, score_thr=0.5))])
def test_seeds_from_prototypes_equal_the_tta_model(prototypes, change):
    cfg = copy.deepcopy(prototypes[0])
    cfg.merge_from_dict(dict(model=change))
    cfg = use_tta(cfg)
    theirs = through_tta(cfg, prototypes[1])
    for img_id, soft in engine(cfg, prototypes[1]).items():
        sample = theirs[img_id]
        logits = sample.seg_logits.data[1:].numpy()
        assert np.abs(soft.cam - logits[soft.classes - 1]).max() < 1e-5
        assert not np.delete(logits, soft.classes - 1, axis=0).any()
        # Two CAMs, then the mean similarity of three classes.
        maps = sample.activation.data
        assert len(maps) == 5 and -1 <= maps[2:].min() <= maps[2:].max() <= 1


def test_seeds_from_prototypes_equal_a_plain_computation(prototypes):
    cfg, checkpoint, model = prototypes
    head = model.decode_head
    banks = head.losses['contrast'].levels['pixel'].bank
    samples = through_tta(cfg, checkpoint)  # one scale
    assert len(samples) == 8
    for sample in samples.values():
        pre = cfg.model.data_preprocessor
        image = read_image(sample.metainfo['img_path'])
        image = mmcv.imresize(image, sample.metainfo['img_shape'][::-1])
        one = (image[..., ::-1] - np.array(pre.mean)) / np.array(pre.std)
        one = torch.from_numpy(one.transpose(2, 0, 1)[None]).float()
        with torch.no_grad():
            view = head(model.extract_feat(one), one)
            refined = view.refined[:, 1:].relu()
            unit = F.normalize(view.embedding('pixel'), dim=1)
            unit = unit[0].permute(1, 2, 0)
            near = torch.stack([
                sum(unit @ F.normalize(bank.rows[row], dim=0)
                    for bank in banks) / 2 for row in range(3)])[None]
        size = tuple(image.shape[:2])
        maps, near = (torch.from_numpy(
            cam_at_pixels(part[0].numpy(), size, stride=8))
            for part in (refined, near))
        for number, label in enumerate(sample.gt_label.tolist()):
            shown = sample.seg_logits.data[number + 1].numpy()
            if not label:
                assert not shown.any()
                continue
            low, high = maps[number].min(), maps[number].max()
            cam = ((maps[number] - low - 1e-5).relu() / (high - low + 1e-5))
            held = [0, *(1 + sample.gt_label.nonzero()[:, 0]).tolist()]
            share = (near[held] / 0.1).softmax(0)[held.index(number + 1)]
            expected = image_at_pixels(((cam + share) / 2)[None].numpy(),
                                       sample.metainfo['ori_shape'])[0]
            assert np.abs(shown - expected).max() < 1e-4


def test_one_scale_without_flip(stage):
    cfg = stage[0]
    theirs, ours = through_tta(cfg, stage[1]), engine(cfg, stage[1])
    for img_id, soft in ours.items():
        logits = theirs[img_id].seg_logits.data[1:].numpy()
        assert np.abs(soft.cam - logits[soft.classes - 1]).max() < 1e-5


def test_half_precision_is_near(stage):
    cfg = use_tta(stage[0])
    exact = engine(cfg, stage[1])
    for img_id, soft in engine(cfg, stage[1], amp=True).items():
        error = np.abs(soft.cam - exact[img_id].cam)
        assert 0 < error.max() < 0.15


def test_labels_must_be_there_and_failures_are_told(stage):
    cfg = use_tta(stage[0])
    model = seeds.build_model(cfg, stage[1], 'cpu')
    view = torch.zeros(1, 3, 48, 64, dtype=torch.uint8)
    run = MultiScaleCAM(model)
    with pytest.raises(ValueError, match='use_image_labels=True'):
        run(ViewBatch(['x'], (48, 64), [view], None, None))
    with torch.no_grad():
        model.module.decode_head.classifier.weight.fill_(float('nan'))
    batch = ViewBatch(['x'], (48, 64), [view], torch.ones(1, 2), None)
    told = Failure('y', 'broken')
    found = list(iterate_cams(run, [([batch], [told])]))
    assert found[0] == told
    assert found[1].img_id == 'x'
    assert 'finite' in found[1].reason
    with pytest.raises(ValueError, match=r'makes_cams=True such as hsc_mm\.'):
        MultiScaleCAM(nn.Conv2d(1, 1, 1))


@pytest.mark.parametrize('flip', [
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomFlip', prob=1.0, direction=['horizontal', 'vertical']),
    dict(type='Resize', scale_factor=1.0),
])
def test_a_flip_left_to_chance_is_an_error(flip):
    steps = [
        dict(type='LoadImageFromFile'),
        dict(
            type='TestTimeAug',
            transforms=[[dict(type='RandomFlip', prob=0.0), flip]])
    ]
    with pytest.raises(ValueError, match='tta_pipeline: expected'):
        ViewPipeline(steps)
    with pytest.raises(ValueError, match='LoadImageFromFile in front'):
        ViewPipeline(steps[1:])


def test_batches_hold_equal_sizes_that_are_near():
    rng = np.random.default_rng(0)
    shapes = [(int(s), 1) for s in rng.integers(0, 4, 200)]
    shapes[7] = None
    plan = plan_batches(shapes, 4, window=16)
    assert sorted(p for batch in plan for p in batch) == list(range(200))
    for batch in plan:
        assert len({shapes[p] for p in batch}) == 1
        assert len(batch) <= 4
        assert batch[-1] - batch[0] < 16
        assert batch == [7] or 7 not in batch
    assert sum(len(batch) == 4 for batch in plan) > 20


class Colour(nn.Module):
    """A backbone that answers to red, pooled by ones at a stride."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.register_buffer('ones', torch.ones(1, 1, 3, 3))

    def forward(self, image):
        """Return how red it is, (B, 1, h, w)."""
        red = image[:, :1] - image[:, 1:2].clamp(min=0)
        return (F.conv2d(red, self.ones, stride=self.stride, padding=1), )


def colour_model(stride: int) -> nn.Module:
    """Build a segmentor whose CAM is the response to red."""
    init_default_scope('mmseg')
    model = MODELS.build(
        dict(
            type='hsc_mm.CAMSegmentor',
            backbone=dict(type='ResNet', depth=18, base_channels=8),
            decode_head=dict(
                type='hsc_mm.CAMHead', in_channels=1, num_classes=2),
            data_preprocessor=dict(
                type='SegDataPreProcessor',
                mean=[0., 0., 0.],
                std=[255., 255., 255.],
                bgr_to_rgb=True),
            test_cfg=dict(
                bg_threshold=0.3, use_image_labels=True, score_thr=0.5)))
    model.backbone = Colour(stride)
    with torch.no_grad():
        model.decode_head.classifier.weight.fill_(1)
    return model.eval()


def red_disc(x: float, y: float, scales, size=(129, 193)) -> ViewBatch:
    """Draw a smooth red disc, at several scales."""
    rows, columns = np.mgrid[:size[0], :size[1]]
    value = 255 * np.exp(-((rows - y)**2 + (columns - x)**2) / 300)
    image = np.zeros((*size, 3), np.uint8)
    image[..., 2] = value.round()
    views = []
    for scale in scales:
        view = mmcv.imrescale(image, scale)
        views.append(torch.from_numpy(view.transpose(2, 0, 1).copy())[None])
    return ViewBatch(['x'], size, views, torch.ones(1, 1), None)


def centroid(cam: np.ndarray) -> np.ndarray:
    """Return (x, y) of the mean of a map above a half."""
    weight = np.where(cam > 0.5, cam, 0)
    rows, columns = np.indices(cam.shape)
    return np.array([(weight * columns).sum(),
                     (weight * rows).sum()]) / weight.sum()


@pytest.mark.parametrize('size', [(129, 193), (128, 192), (125, 190)])
@pytest.mark.parametrize('stride', [1, 2, 4, 8])
def test_a_cam_lies_where_its_object_lies(stride, size):
    """Whether or not corners of image and map coincide."""
    run = MultiScaleCAM(colour_model(stride), (None, ))
    for x, y in ((96, 64), (60, 50), (140, 81), (67, 71)):
        soft = run(red_disc(x, y, (1.0, ), size))[0]
        assert np.abs(centroid(soft.cam[0]) - (x, y)).max() < 0.15


@pytest.mark.parametrize('size', [(129, 193), (124, 187)])
@pytest.mark.parametrize('stride', [1, 4, 8])
def test_a_shifted_object_shifts_its_cam(stride, size):
    run = MultiScaleCAM(colour_model(stride), (None, 'horizontal'))
    start = centroid(run(red_disc(96, 64, SCALES, size))[0].cam[0])
    assert np.abs(start - (96, 64)).max() < 0.3
    for dx, dy in ((-40, 0), (40, 0), (0, 16), (8, -16), (1, 1)):
        disc = red_disc(96 + dx, 64 + dy, SCALES, size)
        moved = centroid(run(disc)[0].cam[0])
        assert np.abs(moved - start - (dx, dy)).max() < 0.4


def test_a_flipped_image_has_the_flipped_cam(stage):
    cfg, checkpoint, _ = stage
    model = seeds.build_model(cfg, checkpoint, 'cpu')
    run = MultiScaleCAM(model, (None, 'horizontal'))
    rng = np.random.default_rng(0)
    image = cv2.resize(
        rng.integers(0, 255, (12, 16, 3), dtype=np.uint8), (64, 48))
    found = []
    for one in (image, image[:, ::-1]):
        views = [
            torch.from_numpy(
                mmcv.imrescale(np.ascontiguousarray(one),
                               s).transpose(2, 0, 1).copy())[None]
            for s in SCALES
        ]
        found.append(
            run(ViewBatch(['x'], (48, 64), views, torch.ones(1, 2),
                          None))[0].cam)
    error = np.abs(found[0] - found[1][..., ::-1])
    assert error.max() < 0.02  # 8-bit rounding of the resized image
    assert error.mean() < 1e-3
