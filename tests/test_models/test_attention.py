"""Attention maps of the transformers of three libraries."""
import math

import pytest
import torch
from mmpretrain.models.backbones import (
    DistilledVisionTransformer,
    VisionTransformer,
)
from mmseg.models.backbones import MixVisionTransformer, ResNet
from mmseg.models.backbones import SwinTransformer as MMSegSwin
from mmseg.models.backbones import VisionTransformer as MMSegViT
from torch import nn

from hsc_mm.models.attention import record_attention

ARCH = dict(embed_dims=12, num_layers=3, num_heads=3, feedforward_channels=16)


def mmpretrain_vit(**kwargs):
    return VisionTransformer(ARCH, img_size=32, patch_size=8, **kwargs)


def dinov2_like():
    return mmpretrain_vit(
        layer_scale_init_value=1e-5, layer_cfgs=dict(act_cfg=dict(
            type='GELU')), pre_norm=True, out_type='featmap')


def deit():
    return DistilledVisionTransformer(ARCH, img_size=32, patch_size=8)


def without_class_token():
    return mmpretrain_vit(with_cls_token=False, out_type='featmap')


def mmseg_vit(**kwargs):
    return MMSegViT(img_size=32, patch_size=8, embed_dims=12, num_layers=3,
                    num_heads=3, mlp_ratio=2, **kwargs)


def mmseg_vit_no_token():
    return mmseg_vit(with_cls_token=False)


def timm_vit(**kwargs):
    timm = pytest.importorskip('timm')
    return timm.create_model(
        'vit_tiny_patch16_224', img_size=32, patch_size=8, embed_dim=12,
        depth=3, num_heads=3, num_classes=0, dynamic_img_size=True, **kwargs)


def timm_with_registers_and_norms():
    return timm_vit(reg_tokens=4, qk_norm=True)


# How many tokens stand before those of the patches.
ZOO = {mmpretrain_vit: 1, dinov2_like: 1, deit: 2, without_class_token: 0,
       mmseg_vit: 1, mmseg_vit_no_token: 0, timm_vit: 1,
       timm_with_registers_and_norms: 5}


def blocks_of(model):
    """The attention modules, found by where the libraries have them."""
    if hasattr(model, 'blocks'):
        return [block.attn for block in model.blocks]
    return [getattr(layer.attn, 'attn', layer.attn)
            for layer in model.layers]


def manual(model, image, extra):
    """Softmax of q k^T by loops over heads and rows, of every block."""
    seen = []
    handles = [
        block.register_forward_pre_hook(
            lambda block, args, kwargs: seen.append(
                (block, args[0] if args else kwargs['query'])),
            with_kwargs=True) for block in blocks_of(model)
    ]
    out = model(image)
    for handle in handles:
        handle.remove()
    result = []
    for block, value in seen:
        if isinstance(block, nn.MultiheadAttention):
            if not block.batch_first:
                value = value.transpose(0, 1)
            weight, bias = block.in_proj_weight, block.in_proj_bias
        else:
            weight, bias = block.qkv.weight, block.qkv.bias
        three = value @ weight.t() + bias
        dim, heads = value.shape[2], block.num_heads
        d = dim // heads
        for b in range(len(value)):
            for head in range(heads):
                q = three[b, :, head * d:head * d + d]
                k = three[b, :, dim + head * d:dim + head * d + d]
                if isinstance(getattr(block, 'q_norm', None), nn.LayerNorm):
                    q, k = block.q_norm(q), block.k_norm(k)
                for row in q:
                    score = torch.stack([row @ one for one in k])
                    weights = (score / math.sqrt(d)).exp()
                    result.append((weights / weights.sum())[extra:])
    n = len(result[0])
    shape = (len(seen), len(image), heads, n + extra, n)
    return torch.stack(result).view(shape)[..., extra:, :], out


def flat(out):
    return out[-1] if isinstance(out, list | tuple) else out


@pytest.mark.parametrize('build', ZOO, ids=lambda build: build.__name__)
@pytest.mark.parametrize('training', [False, True])
def test_it_equals_a_manual_computation(build, training):
    torch.manual_seed(0)
    model = build()
    model.train(training)
    for parameter in model.parameters():  # far from a flat softmax
        nn.init.normal_(parameter, std=0.4)
    image = torch.randn(2, 3, 16, 32)
    with torch.no_grad():
        expected, out = manual(model, image, ZOO[build])
        with record_attention(model, last=2, heads=True) as record:
            torch.testing.assert_close(flat(model(image)), flat(out))
        assert record.grid == (2, 4)
        found = record.stacked()
        assert found.shape == (2, 6, 8, 8)
        torch.testing.assert_close(
            found, expected[-2:].transpose(0, 1).flatten(1, 2))
        with record_attention(model) as record:  # three are all
            model(image)
        torch.testing.assert_close(record.stacked(),
                                   expected.mean(2).transpose(0, 1))
        torch.testing.assert_close(record.mean(), expected.mean((0, 2)))
    assert found.std() > 0.005
    if not ZOO[build]:
        torch.testing.assert_close(found.sum(3), torch.ones(2, 6, 8))


def hooks_of(model):
    return sum(len(one._forward_hooks) + len(one._forward_pre_hooks)
               for one in model.modules())


@pytest.mark.parametrize('build', [mmpretrain_vit, mmseg_vit, timm_vit])
def test_gradients_flow_when_asked_and_hooks_go(build):
    model = build()
    image = torch.randn(1, 3, 32, 32)
    before = hooks_of(model)
    with record_attention(model, last=1) as record:
        model(image)
        model(image)  # the last one counts
    assert record.stacked().shape == (1, 1, 16, 16)
    assert not record.mean().requires_grad
    with record_attention(model, last=1, grad=True) as record:
        model(image)
    assert hooks_of(model) == before
    record.mean().square().sum().backward()
    block = blocks_of(model)[-1]
    weight = block.in_proj_weight if isinstance(
        block, nn.MultiheadAttention) else block.qkv.weight
    query, key, value = weight.grad.abs().sum(1).chunk(3)
    assert query.sum() > 0 and key.sum() > 0 and value.sum() == 0
    assert blocks_of(model)[0].get_parameter(
        'qkv.weight' if hasattr(block, 'qkv') else
        'in_proj_weight').grad.abs().sum() > 0
    with pytest.raises(RuntimeError, match='stop'):
        _stop_inside(model)
    assert hooks_of(model) == before


def _stop_inside(model):
    with record_attention(model, last=1):
        raise RuntimeError('stop')


def test_half_precision_gives_attention_in_full():
    model = mmpretrain_vit()
    model.eval()
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad(), record_attention(model, last=3) as record:
        model(image)
        expected = record.mean()
        with torch.autocast('cpu', torch.bfloat16):
            model(image)
    assert record.mean().dtype == torch.float32
    torch.testing.assert_close(record.mean(), expected, atol=0.02, rtol=0.1)


def test_the_last_stage_of_mit_and_no_other():
    model = MixVisionTransformer(
        embed_dims=4, num_layers=[1, 1, 1, 2], num_heads=[1, 1, 1, 2])
    image = torch.randn(1, 3, 64, 96)
    with record_attention(model, last=2, heads=True) as record:
        model(image)
    assert record.grid == (2, 3)
    torch.testing.assert_close(record.stacked().sum(3), torch.ones(1, 4, 6))
    with record_attention(model, last=3), pytest.raises(
            ValueError, match=r'pools or windows.*smaller "last"'):
        model(image)


def resnet():
    return ResNet(18, base_channels=4)


def swin():
    return MMSegSwin(embed_dims=12, depths=(1, 1), num_heads=(1, 2),
                     out_indices=(0, 1), strides=(4, 2))


@pytest.mark.parametrize('build', [resnet, swin])
def test_a_backbone_without_attention_is_named(build):
    model = build()
    name = type(model).__name__
    with pytest.raises(ValueError, match=f'self-attention in {name}, found 0'):
        record_attention(model).__enter__()


def test_too_many_blocks_checkpointing_masks_and_no_pass_are_refused():
    model = mmpretrain_vit()
    for last in (0, 4):
        with pytest.raises(ValueError, match=f'expected {last} >= 1.*found 3'):
            record_attention(model, last=last).__enter__()
    with record_attention(model, last=1) as record, pytest.raises(
            ValueError, match=r'forward pass .*found none'):
        record.mean()
    with pytest.raises(ValueError, match='with_cp=False'):
        record_attention(mmseg_vit(with_cp=True), 1, grad=True).__enter__()
    attention = nn.MultiheadAttention(12, 3)
    value = torch.randn(4, 1, 12)
    with record_attention(attention, last=1), pytest.raises(
            ValueError, match='without a mask'):
        attention(value, value, value, attn_mask=torch.zeros(4, 4))
