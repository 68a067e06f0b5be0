"""The three levels of contrast, step by step, with gradients and banks."""
import re

import numpy as np
import torch
from methods import build_contrast
from torch import Tensor

from hsc_mm.models import HierarchicalContrast
from .rows import (
    Arrays,
    MissingArrayError,
    Row,
    background_first,
    compare,
    compare_channels,
    problem,
)

__all__ = [
    'bank_rows', 'check_contrast', 'commit', 'compare_banks', 'last_first',
    'make_contrast', 'with_background'
]

#: Bank of the release -> level and view (from 0) here.
BANKS = {
    'memobank1': ('cls', 0),
    'memobank2': ('cls', 1),
    'memobank_fb': ('roi', 0),
    'memobank1_fb': ('roi', 1),
    'memobank1_p': ('pixel', 0),
    'memobank2_p': ('pixel', 1),
}
#: Loss -> the embedding that it has a gradient for.
LEVELS = {'roi': 'region', 'class': 'region', 'pixel': 'pixel'}


def bank_rows(arrays: Arrays, prefix: str, name: str) -> np.ndarray:
    """Return the rows of a bank, background first."""
    rows = arrays[prefix + name]
    # ROI prototypes have the background first everywhere.
    return rows if BANKS[name][0] == 'roi' else background_first(rows, 0)


def last_first(mask: Tensor, num_classes: int) -> Tensor:
    """Renumber a mask: the background from the last label to 0."""
    return (mask.long() + 1) % num_classes


def with_background(label: Tensor) -> Tensor:
    """Join the background to labels: y (B, K) to y+ (B, C)."""
    return torch.cat([torch.ones_like(label[:, :1]), label], dim=1).float()


def make_contrast(arrays: Arrays) -> HierarchicalContrast:
    """Build the contrast of the release with the banks ``init.*``."""
    rows, regions = arrays['init.memobank1'].shape
    contrast = build_contrast(
        rows, regions, arrays['init.memobank1_p'].shape[1], recipe='release')
    with torch.no_grad():
        for name, (level, view) in BANKS.items():
            contrast.levels[level].bank[view].rows.copy_(
                torch.from_numpy(bank_rows(arrays, 'init.', name)))
    return contrast.train()


def commit(contrast: HierarchicalContrast) -> None:
    """Move all banks, as the hook does after an iteration."""
    for level in contrast.levels.values():
        for bank in level.bank:
            bank.commit()


def compare_banks(contrast: HierarchicalContrast, arrays: Arrays,
                  prefix: str) -> list[Row]:
    """Compare the banks that are stored under a prefix."""
    return [
        compare(prefix + name, 'bank after the step',
                contrast.levels[level].bank[view].rows,
                bank_rows(arrays, prefix, name))
        for name, (level, view) in BANKS.items() if prefix + name in arrays
    ]


def check_contrast(arrays: Arrays) -> list[Row]:
    """Recompute consecutive steps; each begins with the banks left here.

    Args:
        arrays (Arrays): ``init.*`` and ``step{N}.*``, N from 0.

    Returns:
        list[Row]: Losses, gradients and banks of every step.
    """
    steps = sorted({int(match[1]) for match in
                    (re.match(r'step(\d+)\.', key) for key in arrays)
                    if match})
    rows = []
    try:
        contrast = make_contrast(arrays)
        for number, step in enumerate(steps):
            if step != number:
                raise MissingArrayError(
                    f'the file has no step {number}, from which step {step} '
                    'goes on')
            rows += _check_step(contrast, arrays, f'step{step}.')
    except MissingArrayError as error:
        rows.append(problem('step*', str(error)))
    return rows


def _check_step(contrast: HierarchicalContrast, arrays: Arrays,
                prefix: str) -> list[Row]:
    """Compare one step, and move the banks."""
    cams = [arrays.maps(f'{prefix}cam{view}') for view in (1, 2)]
    masks = [
        last_first(arrays.tensor(f'{prefix}mask{view}'), cams[0].shape[1])
        for view in (1, 2)
    ]
    embeddings = {
        kind: [
            arrays.tensor(f'{prefix}feat_{kind}{view}').requires_grad_()
            for view in (1, 2)
        ] for kind in ('pixel', 'region')
    }
    losses = contrast.contrast(
        cams, masks, embeddings,
        with_background(arrays.tensor(f'{prefix}label')))
    rows = []
    for level, kind in LEVELS.items():
        loss, name = losses[level], f'{prefix}loss_{level}'
        if name in arrays:
            rows.append(compare(name, 'loss', loss, arrays[name]))
        for view, embedding in enumerate(embeddings[kind], 1):
            name = f'{prefix}grad_{level}_{view}'
            if name in arrays:
                gradient, = torch.autograd.grad(
                    loss, embedding, retain_graph=True)
                rows.append(compare_channels(name, 'gradient', gradient,
                                             arrays[name]))
    commit(contrast)
    return rows + compare_banks(contrast, arrays, f'{prefix}after.')
