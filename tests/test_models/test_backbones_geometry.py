"""Where the positions of each backbone lie, and images of any size."""
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from tiny_backbones import (
    ALIKE,
    TINY,
    load_leaf,
    tiny_backbone,
    tiny_config,
    tiny_head,
)
from tiny_configs import ROOT, fill_prototypes, save_weights, untrained
from torch import nn

from hsc_mm.inference import seeds, use_tta
from hsc_mm.inference.models import fold_batch_norm
from hsc_mm.models import CAMSegmentor
from hsc_mm.pseudo_labels.cams import MultiScaleCAM, iterate_cams
from hsc_mm.pseudo_labels.views import ViewBatch, plan_batches, view_loader
from hsc_mm.registry import MODELS

# One leaf for each backbone.
NETWORKS = [name for name in sorted(TINY) if '_eps_' not in name]


def even_kernels(backbone: nn.Module) -> None:
    """Let convolutions weigh all their pixels alike, and nothing cancel."""
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            weight = module.weight.mean((2, 3), True).abs()
            fan_in = module.weight[0].numel()
            module.weight.data = (weight / weight.mean() / fan_in).expand_as(
                module.weight).contiguous()


def pixels_seen(name: str, at: int, cells: int) -> float:
    """Return the centre of the pixels that a position depends on, (x + y) / 2.

    Squared gradients are the weights.
    """
    stride = TINY[name][0]
    total = 0
    for seed in range(2):
        backbone = tiny_backbone(name, seed)
        even_kernels(backbone)
        # Small numbers: those cut off at 6 would have no gradient.
        image = torch.rand(1, 3, cells * stride, cells * stride) * 1e-4
        image.requires_grad_()
        feat = backbone(image)[-1]
        assert feat.shape[2:] == (cells, cells)
        (feat[0, :, at, at] @ torch.rand(feat.shape[1])).backward()
        energy = image.grad.square().sum((0, 1))
        total = total + energy / energy.sum()
    place = torch.arange(cells * stride)
    return ((total.sum(0) + total.sum(1)) @ place.float() / 4).item()


def test_every_config_of_hsc_is_looked_at():
    assert sorted([*TINY, *ALIKE]) == sorted(
        path.stem for path in (ROOT / 'configs').glob('hsc_*.py'))


@pytest.mark.parametrize('name', sorted([*TINY, *ALIKE]))
def test_the_contrast_takes_place_on_16_by_16(name):
    """As in the release, whatever the stride of the network."""
    cfg = tiny_head(name)
    model = MODELS.build(cfg.model).train()
    grids, stride = [], TINY[ALIKE.get(name, name)][0]
    for level in model.decode_head.losses['contrast'].levels.values():
        level.register_forward_pre_hook(lambda _, args: grids.extend(
            tuple(maps.shape[2:]) for maps in (
                *args[0].pixel_weights, *args[0].embeddings['pixel'])))
    one = SegDataSample(gt_label=torch.ones(model.num_classes - 1))
    one.gt_saliency = PixelData(data=torch.rand(1, 4 * stride, 4 * stride))
    model.loss(torch.rand(2, 3, 4 * stride, 4 * stride), [one, one])
    assert grids == [(16, 16)] * 12  # two views, three levels


@pytest.mark.parametrize('name', sorted(TINY))
def test_all_learn_by_one_recipe(name):
    """Gradients are clipped, embeddings learn as the backbone does."""
    cfg = tiny_head(name)
    model = MODELS.build(cfg.model)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    assert wrapper.clip_grad_kwargs == dict(max_norm=10.0)
    rates = {id(p): group['lr'] for group in wrapper.optimizer.param_groups
             for p in group['params']}
    base = wrapper.optimizer.defaults['lr']
    head = model.decode_head
    assert {rates[id(p)] for p in head.embeddings.parameters()} == {base}
    for module in (head.classifier, head.refiner):
        for parameter in module.parameters():
            assert rates[id(parameter)] == pytest.approx(10 * base)
    assert head.losses['contrast'].warmup == 0.2


@pytest.mark.parametrize('name', NETWORKS)
def test_positions_lie_where_align_corners_says(name):
    """At pixel s * i, or at the centre of the patch of s pixels."""
    head = load_leaf(name).model.decode_head
    stride = TINY[name][0]
    found = pixels_seen(name, at=4, cells=9) / stride - 4
    patch_centre = (stride - 1) / 2 / stride
    expected = 0 if head.get('align_corners', True) else patch_centre
    assert found == pytest.approx(expected, abs=0.1)
    # ... which leaves no doubt which of the two it is.
    assert patch_centre > 0.4


@pytest.mark.parametrize('name', NETWORKS)
def test_sizes_fit_the_patches(name):
    cfg = load_leaf(name)
    if cfg.model.decode_head.get('align_corners', True):
        return
    stride = TINY[name][0]
    crop = [step.size for step in cfg.train_dataloader.dataset.pipeline
            if step.type == 'hsc_mm.CropPad']
    divisor = cfg.model.data_preprocessor.test_cfg.size_divisor
    for size in (*crop[0], *cfg.model.second_view, divisor):
        assert size % stride == 0


def redness(size_divisor: int) -> CAMSegmentor:
    """Build DINOv2's leaf so that its CAM is the mean red of each patch."""
    cfg = load_leaf('hsc_dinov2-s14_voc').model
    cfg.backbone.update(
        arch=dict(embed_dims=4, num_layers=1, num_heads=1,
                  feedforward_channels=4),
        out_indices=(0, ), final_norm=False)
    cfg.data_preprocessor.update(mean=[0.] * 3, std=[255.] * 3)
    cfg.data_preprocessor.test_cfg = dict(size_divisor=size_divisor)
    cfg.decode_head = dict(
        type='hsc_mm.CAMHead', in_channels=4, num_classes=2,
        align_corners=cfg.decode_head.align_corners)
    model = MODELS.build(cfg)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.backbone.patch_embed.projection.weight[0, 0] = 1 / 14**2
        model.decode_head.classifier.weight[1, 0] = 1
    return model.eval()


def disc_error(model: CAMSegmentor, x: float, y: float, size) -> float:
    """Return how far the CAM of a disc lies from it, in pixels."""
    rows, columns = np.mgrid[:size[0], :size[1]]
    red = 255 * np.exp(-((rows - y)**2 + (columns - x)**2) / 1500)
    image = np.zeros((3, *size), np.uint8)
    image[2] = red.round()  # pixels are BGR, as read
    batch = ViewBatch(['x'], size, [torch.from_numpy(image)[None]],
                      torch.ones(1, 1), None)
    cam = MultiScaleCAM(model)(batch)[0].cam[0]
    weight = np.where(cam > 0.5, cam, 0)
    centre = np.array([(weight * columns).sum(), (weight * rows).sum()])
    return np.abs(centre / weight.sum() - (x, y)).max()


@pytest.mark.parametrize('size', [(140, 196), (141, 197), (153, 209)])
def test_a_cam_of_patches_lies_on_its_disc(size):
    init_default_scope('mmseg')
    for x, y in ((60, 50), (96, 64), (size[1] - 50, size[0] - 55)):
        assert disc_error(redness(14), x, y, size) < 0.5


def test_without_padding_it_would_not():
    init_default_scope('mmseg')
    assert disc_error(redness(1), 145, 86, (141, 197)) > 3


def cams(cfg: Config, checkpoint: str) -> dict:
    """Return the samples of mmseg's own mechanism, and our engine's CAMs."""
    cfg = use_tta(cfg)
    dataset = seeds.seed_dataset(cfg, 'train')
    model = seeds.build_model(cfg, checkpoint, 'cpu')
    theirs = {
        s.metainfo['img_id']: s
        for s in seeds.iterate_seeds(model, seeds.seed_loader(dataset, 0))
    }
    shapes = [(48, 64) if i % 2 else (56, 40) for i in range(len(dataset))]
    loader, pipeline = view_loader(dataset, cfg, plan_batches(shapes, 4), 0)
    run = MultiScaleCAM(model, pipeline.flips)
    return {
        soft.img_id: (soft, theirs[soft.img_id])
        for soft in iterate_cams(run, loader)
    }


@pytest.mark.slow
@pytest.mark.parametrize(('seed_from', 'least'), [
    ('refined', 0.9), ('prototypes', 0.6)])
@pytest.mark.parametrize('name', [
    'hsc_convnext-t_voc', 'hsc_dinov2-s14_voc', 'hsc_mit-b1_voc',
    'hsc_swin-t_voc'
])
def test_the_fast_engine_equals_tta_at_any_size(name, seed_from, least,
                                                shared_voc, tmp_path):
    """Half of 56 x 40 is a multiple of neither 14 nor 32."""
    cfg = tiny_config(name, shared_voc)
    cfg.model.decode_head.seed_from = seed_from
    model = untrained(cfg)
    with torch.no_grad():
        model.decode_head.classifier.weight.normal_()
    fill_prototypes(model)
    found = cams(cfg, str(save_weights(model, tmp_path / 'model.pth')))
    assert len(found) == 8
    assert max(soft.cam.max() for soft, _ in found.values()) > least
    for soft, sample in found.values():
        logits = sample.seg_logits.data[1:].numpy()
        assert np.abs(soft.cam - logits[soft.classes - 1]).max() < 1e-5


@pytest.mark.parametrize('name', NETWORKS)
def test_batch_norms_fold_or_stay(name):
    """Whichever it is, the maps are the same, at a size of no meaning."""
    backbone = tiny_backbone(name)
    image = torch.randn(1, 3, 77, 91)
    with torch.no_grad():
        for one, other in zip(backbone(image),
                              fold_batch_norm(backbone)(image)):
            assert torch.allclose(one, other, rtol=1e-3, atol=1e-5)
