"""The networks of configs/hsc_*_voc.py, narrow and shallow."""
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from tiny_configs import ROOT, _shorten
from torch import nn

from hsc_mm.registry import MODELS

_RESNET = dict(base_channels=4, stem_channels=4)
_R38D = dict(base_channels=2)
_VIT = dict(
    arch=dict(
        embed_dims=24, num_layers=12, num_heads=3, feedforward_channels=48))
# Stride of the CAM, and what makes the backbone of the leaf small.
TINY = {
    'hsc_convnext-t_voc': (32, dict(
        arch=dict(depths=[1, 1, 1, 1], channels=[8, 16, 24, 32]))),
    'hsc_deit-s_voc': (16, _VIT),
    'hsc_dinov2-s14_voc': (14, _VIT),
    'hsc_efficientnet-b3_voc': (32, dict(arch='b0')),
    'hsc_lite0_voc': (16, dict(model_name='test_efficientnet')),
    'hsc_mbv2_voc': (16, dict(widen_factor=0.25)),
    'hsc_mit-b1_voc': (16, dict(embed_dims=8, num_layers=[1, 1, 1, 1])),
    'hsc_poolformer-s12_voc': (32, dict(
        arch=dict(
            layers=[1, 1, 1, 1],
            embed_dims=[8, 16, 24, 32],
            mlp_ratios=[2, 2, 2, 2]))),
    'hsc_r101_voc': (16, _RESNET),
    'hsc_r38d_eps_voc': (8, _R38D),
    'hsc_r38d_seam_voc': (8, _R38D),
    'hsc_r50_eps_voc': (16, _RESNET),
    'hsc_r50_voc': (16, _RESNET),
    'hsc_regnetx-3.2gf_voc': (16, dict(
        arch=dict(w0=8, wa=10, wm=2, depth=6, group_w=8, bot_mul=1.0))),
    'hsc_swin-t_voc': (32, dict(
        arch=dict(
            embed_dims=8, depths=[2, 2, 2, 2], num_heads=[1, 2, 4, 8]))),
    'hsc_vit-s_voc': (16, dict(embed_dims=24, num_heads=3)),
}


#: Leaves that differ from one of these in something else.
ALIKE = {
    'hsc_r38d_eps_voc-release': 'hsc_r38d_eps_voc',
    'hsc_r50_coco': 'hsc_r50_voc',
}


def load_leaf(name: str) -> Config:
    """Load a config without the weights of its backbone."""
    init_default_scope('mmseg')
    cfg = Config.fromfile(ROOT / 'configs' / f'{name}.py')
    cfg.model.backbone.init_cfg = None
    return cfg


def tiny_leaf(name: str) -> Config:
    """Load a leaf and make its network small; nothing else is changed."""
    cfg = load_leaf(name)
    cfg.model.backbone.update(TINY[ALIKE.get(name, name)][1])
    return cfg


def tiny_head(name: str) -> Config:
    """Load a small leaf whose head has the channels of its network.

    They are those at the indices that the leaf chose.
    """
    cfg = tiny_leaf(name)
    head = cfg.model.decode_head
    with torch.no_grad():
        maps = tiny_backbone(name)(torch.zeros(1, 3, 64, 64))
    head.in_channels = maps[head.get('in_index', -1)].shape[1]
    for embedding in head.embeddings.values():
        embedding.channels = 8
    head.refiner.in_channels = [
        maps[i].shape[1] for i in head.refiner.in_index
    ]
    return cfg


def tiny_backbone(name: str, seed: int = 0) -> nn.Module:
    """Build the small network of a leaf, with random weights, to test it."""
    torch.manual_seed(seed)
    backbone = MODELS.build(tiny_leaf(name).model.backbone)
    backbone.eval()  # returns nothing in some of mmpretrain's
    return backbone


def tiny_config(name: str, voc: Path, iters: int = 2) -> Config:
    """Put a leaf with a small network on the tiny data set.

    Images are four positions wide.
    """
    cfg = tiny_head(name)
    stride = TINY[name][0]
    cfg.model.decode_head.num_classes = 3
    cfg.model.second_view = (3 * stride, 3 * stride)
    _shorten(cfg, iters)
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.update(
            data_root=str(voc), serialize_data=False)
    for step in cfg.train_dataloader.dataset.pipeline:
        if step.type == 'hsc_mm.RandomLongSideResize':
            step.long_side = (3 * stride, 5 * stride)
        if step.type == 'hsc_mm.CropPad':
            step.size = (4 * stride, 4 * stride)
    cfg.tta_pipeline[1].transforms[0] = cfg.tta_pipeline[1].transforms[0][:2]
    return cfg
