"""Block of text that says what a run trains, from what, and how.

In one file, though long: its lines describe one run.
"""
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from hsc_mm.datasets.facts import data_facts
from hsc_mm.models.contrast import HierarchicalContrast
from hsc_mm.utils.part_types import type_name
from .fitting import bare_model, pretrained_parts

__all__ = [
    'batch_of', 'data_of', 'describe_run', 'images_of', 'label_matrix',
    'start_of'
]

_SEEDS = dict(raw='the raw CAM', refined='the refined CAM',
              prototypes='the refined CAM and prototypes')


def label_matrix(dataset: Dataset) -> Tensor | None:
    """Return the image labels of a data set.

    Args:
        dataset (Dataset): Of mmengine, wrappers included.

    Returns:
        Tensor: (N, K), 0 or 1; None where its items have no ``gt_label``.
    """
    if not hasattr(dataset, 'get_data_info') or not len(dataset):
        return None
    if 'gt_label' not in dataset.get_data_info(0):
        return None
    return torch.as_tensor(np.stack([
        dataset.get_data_info(i)['gt_label'] for i in range(len(dataset))
    ]))


def start_of(model: nn.Module,
             cfg: dict,
             load_from: str | None = None,
             before: dict | None = None) -> dict:
    """Say where the weights of a model come from.

    Args:
        model (nn.Module): Without wrappers.
        cfg (dict): Config of the run.
        load_from (str, optional): The checkpoint that it starts from.
        before (dict, optional): What this function said when that was
            trained.

    Returns:
        dict: ``weights``, in words; ``random``, whether the backbone starts
        from random numbers.
    """
    found = [f'{name} from {init["checkpoint"]}'
             for name, _, init in pretrained_parts(model)]
    backbone = (cfg.get('model') or {}).get('backbone') or {}
    if backbone.get('pretrained') and not any(
            text.startswith('backbone') for text in found):
        found.insert(0, 'backbone, its own pretrained weights '
                        f'({backbone["pretrained"]})')
    if load_from:
        random = bool((before or {}).get('random'))
        return dict(
            random=random,
            weights=f'load_from={load_from}' +
            ', which started from RANDOM NUMBERS' * random)
    random = hasattr(model, 'backbone') and not any(
        text.startswith(('backbone', 'model ')) for text in found)
    if random:
        found.append('backbone from RANDOM NUMBERS')
    return dict(random=random, weights=', '.join(found) or 'random numbers')


def describe_run(runner, start: dict, labels: Tensor | None) -> list[str]:
    """Say what is trained, in at most 15 lines.

    Args:
        runner (Runner): About to train.
        start (dict): See :func:`start_of`.
        labels (Tensor, optional): See :func:`label_matrix`.

    Returns:
        list[str]: Lines of ``name: value``.
    """
    model, cfg = bare_model(runner.model), runner.cfg
    lines = dict(config=runner.cfg.filename or '-', **_method(model, cfg))
    backbone = getattr(model, 'backbone', model)
    count = sum(p.numel() for p in backbone.parameters()) / 1e6
    lines['backbone'] = f'{type(backbone).__name__}, {count:.1f} M parameters'
    lines['weights'] = start['weights']
    lines['recipe'] = _recipe(runner)
    data = f'{len(runner.train_dataloader.dataset)} images'
    if labels is not None:
        negatives = int((labels.sum(dim=1) == 0).sum())
        data += (f', {labels.shape[1]} classes, {negatives} images without '
                 'any of them')
    lines['data'] = data
    lines['results'] = str(runner.work_dir)
    width = max(map(len, lines))
    return ['What is trained:',
            *(f'  {key:{width}s}  {value}' for key, value in lines.items())]


def named_parts(head: nn.Module | None,
                name: str) -> Mapping | nn.ModuleDict | None:
    """Return the parts of a head by their names, such as its losses.

    None where the head calls something else so, or has none: a method
    ``losses``, a table ``embeddings``.
    """
    found = getattr(head, name, None)
    return found if isinstance(found, nn.ModuleDict | Mapping) else None


def _method(model: nn.Module, cfg: dict) -> dict[str, str]:
    """Say what the head learns, and from what."""
    head = getattr(model, 'decode_head', None)
    losses = named_parts(head, 'losses')
    dataset = (cfg.get('train_dataloader') or {}).get('dataset') or {}
    steps = dataset.get('pipeline') or [] if isinstance(dataset, dict) else []
    folders = [str(step['pseudo_dir']) for step in steps
               if type_name(step) == 'LoadPseudoLabel']
    if losses is None:  # a head of another kind
        return dict(
            method=type(model).__name__ + (
                f' with {type(head).__name__}' if head is not None else ''),
            supervision=f'pseudo labels of {folders[0]}' if folders else
            'what the training pipeline loads')
    said = dict(method=' + '.join(_names(losses)))
    said['losses'] = ', '.join(
        f'{name} x {_weight(one)}' for name, one in losses.items())
    for one in losses.values():
        if isinstance(one, HierarchicalContrast):
            said['contrast'] = _contrast(one, model)
    if getattr(head, 'refiner', None) is not None:
        said['refiner'] = type(head.refiner).__name__
        if hasattr(head, 'seed_from'):
            said['refiner'] += '; seeds from ' + _SEEDS.get(
                head.seed_from, str(head.seed_from))
    maps = getattr(losses, 'needs_maps', ())
    said['supervision'] = ' and '.join(
        ['image labels', *(f'{name} maps' for name in maps)])
    return said


def _names(losses: nn.ModuleDict) -> list[str]:
    """Name a method by the losses that make it, others by their class."""
    known = dict(
        ClassificationLoss='CAM', EquivarianceLoss='SEAM',
        EquivarianceCrossLoss='SEAM', MinPoolingLoss='SEAM',
        SaliencyLoss='EPS', HierarchicalContrast='HSC')
    kinds = {type(one).__name__ for one in losses.values()}
    ordered = [*(k for k in known if k in kinds), *sorted(kinds - {*known})]
    return list(dict.fromkeys(known.get(kind, kind) for kind in ordered))


def _weight(part: nn.Module) -> str:
    """Write the weight of a loss; one of an own class may be no number."""
    weight = getattr(part, 'loss_weight', 1.0)
    if isinstance(weight, nn.Parameter):
        return 'learned'
    return f'{weight:g}' if isinstance(weight, int | float) else str(weight)


def _contrast(loss: nn.Module, model: nn.Module) -> str:
    levels = ', '.join(f'{name} x {_weight(level)}'
                       for name, level in loss.levels.items())
    grid = ' x '.join(map(str, loss.grid)) if loss.grid else (
        'that of the second view')
    return (f'{levels}; grid {grid}, background {loss.background} by '
            f'{loss.background_as}, warm-up {loss.warmup:g}, second view '
            f'{getattr(model, "second_view", None)}')


def images_of(runner) -> int:
    """Return the images of an iteration in this process.

    A loader knows the number only where its sampler of batches is torch's
    own; another one that does not say it counts as batches of one.
    """
    loader = runner.train_dataloader
    return (loader.batch_size
            or getattr(loader.batch_sampler, 'batch_size', None) or 1)


def batch_of(runner) -> int:
    """Return how many images an iteration has in all processes."""
    return images_of(runner) * runner.world_size


def data_of(runner) -> dict[str, Any]:
    """Return what names the training data of a run, and its batch.

    Args:
        runner (Runner): It trains.

    Returns:
        dict: See :func:`hsc_mm.datasets.facts.data_facts`; and ``batch``, the
        images of an iteration in all processes, ``ranks`` of them.
    """
    return dict(data_facts(runner.train_dataloader.dataset),
                batch=batch_of(runner),
                ranks=runner.world_size)


def _recipe(runner) -> str:
    """Write optimiser, rate, clipping, batch, length and seed."""
    cfg = runner.cfg.get('optim_wrapper') or {}
    optimizer = cfg.get('optimizer') or {}
    clip = cfg.get('clip_grad') or 'none'
    loop = (f'{runner.max_iters} iterations of '
            f'{images_of(runner)} images')
    if runner.world_size > 1:
        loop += f' on each of {runner.world_size} devices'
    return (f'{optimizer.get("type")}, rate {optimizer.get("lr")}, '
            f'clipping {dict(clip) if clip != "none" else clip}; {loop}; '
            f'seed {runner.seed}')
