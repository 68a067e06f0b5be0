"""Heads against classes, views against strides."""
from collections.abc import Iterator

import torch

from .case import Case
from .finding import Finding, error, fact, warning

__all__ = ['classes', 'views']

_FEW = 8  # positions along a side


def classes(case: Case) -> Iterator[Finding]:
    """Compare num_classes of the heads with the classes of the data."""
    for split in case.splits:
        if split.dataset is None:
            continue
        names = split.dataset.metainfo['classes']
        for key, head in case.heads().items():
            found = head.get('num_classes')
            if found is not None and found != len(names):
                yield error(
                    f'num_classes of {key}: expected {len(names)} '
                    f'({split.name}: {", ".join(names)}), found {found}',
                    f'Set model.{key}.num_classes={len(names)}.')


def views(case: Case) -> Iterator[Finding]:
    """Run the backbone on each view, and say what it makes of them."""
    size = _crop(case)
    if size is None:
        yield fact('size of the crops: not known from the training pipeline')
        return
    second = case.cfg.model.get('second_view')
    patch = case.cfg.model.backbone.get('patch_size')
    index = (case.heads().get('decode_head') or {}).get('in_index', -1)
    index = index[-1] if isinstance(index, list | tuple) else index
    for number, view in enumerate([size, second] if second else [size], 1):
        height, width = view
        if isinstance(patch, int) and (height % patch or width % patch):
            yield warning(
                f'view {number}: {height} x {width} pixels are no multiple '
                f'of the patches of {patch}: the rest is cut off or padded',
                f'Take a multiple of {patch}, for example '
                f'{round(height / patch) * patch}.')
        with torch.no_grad():
            feats = case.model.eval().extract_feat(
                torch.zeros(1, 3, height, width))
        feat = feats[index] if isinstance(feats, list | tuple) else feats
        rows, columns = feat.shape[2:]
        yield fact(f'view {number}: {height} x {width} pixels give '
                   f'{rows} x {columns} positions, {feat.shape[1]} channels')
        if min(rows, columns) < _FEW:
            yield warning(
                f'view {number}: only {rows} x {columns} positions',
                'CAMs of so few positions are coarse: take a larger crop or '
                'view, or a smaller stride.')


def _crop(case: Case) -> tuple[int, int] | None:
    """Return height and width of what the network is trained on."""
    for split in case.train:
        for step in reversed(split.pipeline):
            size = step.get('size') or step.get('crop_size')
            if step['type'].endswith(('CropPad', 'Crop')) and size:
                return (size, size) if isinstance(size, int) else tuple(size)
    size = (case.cfg.model.get('data_preprocessor') or {}).get('size')
    return tuple(size) if size else None
