#!/usr/bin/env python
"""Train two steps with the release's config and in plain tensors, compare.

The network is that of configs/hsc_r38d_eps_voc-release.py, sixteen times as
narrow, with random weights; losses, head, optimiser and schedule are those of
the config. The exit status is 1 if a number differs.
"""
import copy
import logging
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from check_parity import show
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from parity.rows import Row, compare
from plain_step import PlainSGD, head_losses, second_view
from torch import Tensor, nn

from hsc_mm.engine.hooks import MomentumPrototypeHook
from hsc_mm.registry import MODELS

__all__ = ['check_step']

CONFIG = Path(__file__).resolve().parents[1] / (
    'configs/hsc_r38d_eps_voc-release.py')
BASE = 4
#: Relative, of losses and prototypes, and of what steps add to weights.
TOLERANCE, UPDATE = 1e-5, 1e-3
#: Rounding turns a ReLU of 200,000 on or off, in front of a norm.
LOOSE = {'decode_head.embeddings.region.0.weight': 1e-2,
         'decode_head.embeddings.region.0.bias': 1e-2}
_BANKS = dict(roi='roi', cls='class', pixel='pixel')


def narrow_config() -> Config:
    """Return the config with a narrow backbone and without dropout."""
    cfg = Config.fromfile(CONFIG)
    cfg.model.backbone.update(base_channels=BASE, init_cfg=None)
    cfg.model.decode_head.in_channels = 64 * BASE
    cfg.model.decode_head.refiner.in_channels = (8 * BASE, 16 * BASE)
    return cfg


def build_model(cfg: Config) -> nn.Module:
    """Build the model in training mode, with weights of a fixed seed."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    for name, tensor in model.state_dict().items():
        if '.bn' in name or 'region.1.' in name:
            if tensor.is_floating_point():
                tensor.add_(0.1 * torch.rand_like(tensor))
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
    return model.train()


def draw_batch(step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw two normalised images of smooth colours, saliency and labels."""
    generator = torch.Generator().manual_seed(step)
    colours = torch.rand(2, 3, 6, 6, generator=generator)
    colours = F.interpolate(colours, (160, 160), mode='bilinear')
    images = (colours - 0.45) / 0.225
    maps = torch.rand(2, 1, 9, 9, generator=generator)
    maps = F.interpolate(maps, (160, 160), mode='bicubic').clamp(0, 1)
    labels = torch.zeros(2, 20)
    labels[0, [0, 4 + step]] = labels[1, [14, 3 * step]] = 1
    return images, maps, labels


def ours(cfg: Config, model: nn.Module,
         batches: list) -> list[dict[str, Tensor]]:
    """Train with the parts of this package; return losses of each step."""
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    schedule = PARAM_SCHEDULERS.build(
        dict(cfg.param_scheduler[0], optimizer=optimizer))
    hook, found = MomentumPrototypeHook(), []
    runner = type('Runner', (), dict(model=model))
    for images, maps, labels in batches:
        samples = []
        for saliency, label in zip(maps, labels, strict=True):
            one = SegDataSample(gt_label=label)
            one.gt_saliency = PixelData(data=saliency)
            samples.append(one)
        losses = model.loss(images, samples)
        found.append({name.removeprefix('decode.loss_'): value.detach()
                      for name, value in losses.items()})
        optimizer.update_params(sum(losses.values()))
        schedule.step()
        hook.after_train_iter(runner, 0)
    return found


def plain(model: nn.Module, batches: list) -> tuple[list, dict, dict]:
    """Train in plain tensors; return losses, weights and prototypes."""
    weights = {name: value.detach().clone()
               for name, value in model.state_dict().items()}
    banks = {
        f'{theirs}{view + 1}':
        weights[f'decode_head.losses.contrast.levels.{name}.bank.{view}.rows']
        for name, theirs in _BANKS.items() for view in (0, 1)
    }
    optimizer = PlainSGD(weights, _is_trained)
    found = []
    for images, maps, labels in batches:
        for value in optimizer.weights.values():
            value.requires_grad_()
        views = [images, second_view(images)]
        part = {name.removeprefix('backbone.'): value
                for name, value in weights.items()
                if name.startswith('backbone.')}
        feats = [torch.func.functional_call(model.backbone, part, (view, ))
                 for view in views]
        head = {name.removeprefix('decode_head.'): value
                for name, value in weights.items()}
        losses = head_losses(head, feats, views, [maps, second_view(maps)],
                             labels, banks)
        found.append({name: one.detach() for name, one in losses.items()})
        gradients = torch.autograd.grad(
            sum(losses.values()), optimizer.weights.values())
        optimizer.step(dict(zip(optimizer.weights, gradients, strict=True)))
    return found, weights, banks


def _is_trained(name: str) -> bool:
    """Say what the release trains: no norm layer, neither conv1a nor b2."""
    if name.startswith('backbone.'):
        return 'conv' in name and not name.startswith(
            ('backbone.conv1a', 'backbone.b2'))
    return name.startswith('decode_head.') and '.losses.' not in name and (
        '.region.1.' not in name)


def check_step(steps: int = 2, change: dict | None = None) -> list[Row]:
    """Compare losses, changes of weights, and prototypes.

    Args:
        steps (int): How many steps.
        change (dict, optional): Merged into the config, to see it noticed.

    Returns:
        list[Row]: One for each loss of each step, each tensor of the head,
        the backbone together, what must stay, and each bank.
    """
    cfg = narrow_config()
    cfg.merge_from_dict(change or {})
    model = build_model(cfg)
    other = copy.deepcopy(model)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    batches = [draw_batch(step) for step in range(steps)]
    losses = ours(cfg, model, batches)
    expected, weights, banks = plain(other, batches)
    rows = [
        compare(f'step{i}.{name}', 'loss', one[name], two[name], TOLERANCE)
        for i, (one, two) in enumerate(zip(losses, expected, strict=True))
        for name in sorted(one.keys() | two.keys())
    ]
    after = model.state_dict()
    moved = {
        name: (after[name] - before[name], (w.detach() - before[name]))
        for name, w in weights.items() if '.losses.' not in name
    }
    rest = [name for name in moved if not _is_trained(name)]
    rows += [
        compare(name, 'change of the weight', *moved[name],
                LOOSE.get(name, UPDATE)) for name in moved
        if name.startswith('decode_head.') and name not in rest
    ]
    for what, names in (('changes of all weights', [
            n for n in moved if n.startswith('backbone.') and n not in rest
    ]), ('what is never trained', rest)):
        both = (torch.cat([moved[n][i].flatten().double() for n in names])
                for i in (0, 1))
        rows.append(compare('backbone' if 'all' in what else 'frozen', what,
                            *both, UPDATE))
    for name, theirs in _BANKS.items():
        levels = model.decode_head.losses['contrast'].levels
        rows += [
            compare(f'{theirs}{view}', 'prototypes', bank.rows,
                    banks[f'{theirs}{view}'], TOLERANCE)
            for view, bank in enumerate(levels[name].bank, 1)
        ]
    return rows


if __name__ == '__main__':
    logging.disable(logging.WARNING)
    table = check_step()
    show(table)
    sys.exit(any(row.verdict == 'FAIL' for row in table))
