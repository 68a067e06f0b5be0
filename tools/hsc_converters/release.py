"""PyTorch checkpoints of HSC, EPS and SEAM, which share one layout."""
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from hsc_mm.utils.checkpoints import check_finite, read

__all__ = [
    'BACKGROUNDS', 'SOURCES', 'Source', 'add_counters', 'guess_source',
    'is_backbone', 'read_release', 'rename_release'
]

BACKGROUNDS = ('first', 'last', 'none')

_CLASSIFIER = {'fc8.weight': 'classifier.weight'}
_PCM = {
    'f8_3.weight': 'refiner.reduce.0.weight',
    'f8_4.weight': 'refiner.reduce.1.weight',
    'f9.weight': 'refiner.embed.weight',
}
_PROJECTORS = {
    'proj_fc.weight': 'embeddings.pixel.0.weight',
    **{
        f'extra_F.{name}': f'embeddings.region.{name}'
        for name in ('0.weight', '0.bias', '1.weight', '1.bias',
                     '1.running_mean', '1.running_var',
                     '1.num_batches_tracked', '3.weight', '3.bias')
    },
}
# The first source of which a file has a module is the one it is from.
_MARKS = dict(
    hsc=('proj_fc', 'extra_F'), seam=('f8_3', 'f8_4', 'f9'), eps=('fc8', ))


class Source(NamedTuple):
    """What a kind of file holds beside the backbone.

    Attributes:
        background (str, optional): Which channel of its classifier is the
            background: ``first``, ``last`` or ``none``.
        head (dict[str, str]): Names of the tensors of its head, and what
            they are called in the heads of this package.
    """
    background: str | None
    head: dict[str, str]


SOURCES = {
    'mxnet': Source(None, {}),
    'eps': Source('last', _CLASSIFIER),
    'seam': Source('first', _CLASSIFIER | _PCM),
    'hsc': Source('last', _CLASSIFIER | _PCM | _PROJECTORS),
}


def read_release(path: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint, and nothing else that it may hold.

    Args:
        path (str | Path): A state dict, bare or under ``state_dict``; its
            keys may begin with ``module.``.

    Returns:
        dict[str, Tensor]: On the CPU, without that prefix.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no checkpoint, or holds something else.
    """
    try:
        state = read(path)
    except ValueError as error:
        reason = str(error).removeprefix(f'checkpoint {path}: ')
        raise ValueError(f'{path}: expected a checkpoint of PyTorch with '
                         f'nothing but tensors, but: {reason}') from error
    if isinstance(state, dict) and isinstance(state.get('state_dict'), dict):
        state = state['state_dict']
    wrong = None if isinstance(state, dict) else type(state).__name__
    if wrong is None:
        wrong = next((f'{type(value).__name__} at "{key}"'
                      for key, value in state.items()
                      if not isinstance(value, Tensor)), None)
    if wrong is not None:
        raise ValueError(f'{path}: expected a dict of tensors, found {wrong}. '
                         'Save the state dict of the model alone.')
    check_finite(path, state)
    return {
        str(key).removeprefix('module.'): value
        for key, value in state.items()
    }


def guess_source(state: dict[str, Tensor]) -> str:
    """Tell from its tensors what kind of PyTorch file it is.

    Projectors are HSC's. A PCM without them is taken for SEAM's, a
    classifier alone for that of EPS; others publish such files too, and may
    have the background elsewhere.

    Raises:
        ValueError: There is no tensor of a head.
    """
    modules = {key.split('.')[0] for key in state}
    for source, marks in _MARKS.items():
        if modules & set(marks):
            return source
    raise ValueError('expected the tensor fc8.weight of a classifier, found '
                     f'none among {len(state)} tensors (the first: '
                     f'{", ".join(sorted(state)[:3])})')


def is_backbone(name: str) -> bool:
    """Say whether a tensor of that name is the backbone's."""
    module = name.split('.')[0]
    return module in ('conv1a', 'bn7') or (
        module[:1] == 'b' and module[1:2].isdigit())


def add_counters(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Add the counters of batches that MXNet and PyTorch < 0.4.1 lack."""
    counters = {
        key.removesuffix('running_mean') + 'num_batches_tracked':
        torch.tensor(0)
        for key in state if key.endswith('.running_mean')
    }
    return state | {key: value for key, value in counters.items()
                    if key not in state}


def rename_release(state: dict[str, Tensor], source: str,
                   background: str | None) -> dict[str, Tensor]:
    """Give tensors the names, and classes the order, of this package.

    Args:
        state (dict[str, Tensor]): By the names of the public checkpoints.
        source (str): A key of ``SOURCES``.
        background (str, optional): Where the classifier has the background;
            with ``none`` a background whose weights are zero is put first.

    Returns:
        dict[str, Tensor]: Keys ``backbone.*`` and ``decode_head.*``; the
        background is channel 0. Tensors of neither kind are left out.
    """
    head = SOURCES[source].head
    renamed = {}
    for key, value in state.items():
        if is_backbone(key):
            renamed[f'backbone.{key}'] = value
        elif key in head:
            renamed[f'decode_head.{head[key]}'] = value
    key = 'decode_head.classifier.weight'
    if key in renamed:
        renamed[key] = _background_first(renamed[key], background)
    return renamed


def _background_first(weight: Tensor, background: str | None) -> Tensor:
    """Move the background of a classifier, (C, D, 1, 1), to channel 0."""
    if background == 'none':
        return torch.cat([torch.zeros_like(weight[:1]), weight])
    if background == 'last':
        return weight.roll(1, dims=0)
    return weight
