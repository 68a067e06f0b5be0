"""The text of a config for pictures of one's own."""
from __future__ import annotations

from typing import TYPE_CHECKING

from yapf.yapflib.yapf_api import FormatCode

if TYPE_CHECKING:
    from hsc_mm.datasets import ImageLabelDataset
    from .new_dataset import NewDataset

__all__ = ['leaf_text']


def leaf_text(new: NewDataset, dataset: ImageLabelDataset, scored: int,
              base: str, cam: bool) -> str:
    """Return the text of a config, as a person would write it.

    Args:
        new (NewDataset): The pictures.
        dataset (ImageLabelDataset): The same, read.
        scored (int): How many of them have a mask.
        base (str): The config it stands on, relative to its folder.
        cam (bool): Whether it is that of the CAM stage.
    """
    classes = tuple(dataset.metainfo['classes'])
    size = len(dataset)
    prefix = dict(img_path=new.images)
    if new.saliency and cam:
        prefix['saliency_path'] = new.saliency
    head = [
        f'# {new.label_file}: {size} images of {len(classes) - 1} classes, '
        f'{scored or "none"} with a mask.',
        '# Written by tools/new_dataset.py; change it as you like.'
    ]
    lines = [
        f'_base_ = {base!r}', f'metainfo = dict(classes={classes!r})',
        f'train_dataloader = dict(batch_size={min(8, size)}, '
        f'dataset={_dataset(new, prefix)})', *_evaluation(new, scored),
        *_model(new, len(classes), cam), f'train_cfg = dict('
        f'max_iters={new.iters}, val_interval={new.iters})',
        "param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, "
        f'begin=0, end={new.iters}, by_epoch=False)]'
    ]
    style = dict(based_on_style='pep8', column_limit=79)
    body = FormatCode('\n'.join(lines), style_config=style)[0]
    return '\n'.join(head) + '\n' + body


def _dataset(new: NewDataset, prefix: dict, more: str = '') -> str:
    """Write the arguments of a data set that differ from the base's."""
    given = {key: value for key, value in prefix.items() if value}
    if prefix.get('seg_map_path', '') is None:
        given['seg_map_path'] = None
    folders = ', '.join(f'{key}={value!r}' for key, value in given.items())
    return (f'dict(label_file={new.label_file!r}, metainfo=metainfo'
            f'{more}{f", data_prefix=dict({folders})" * bool(given)})')


def _evaluation(new: NewDataset, scored: int) -> list[str]:
    """Return the lines for validation and test."""
    prefix = dict(
        img_path=new.images, seg_map_path=new.masks if scored else None)
    if scored:
        more = ", ann_file='{{ fileDirname }}/eval.txt'"
        return [
            '# Masks are for evaluation alone: those of eval.txt, beside this '
            'file.', 'val_dataloader = dict('
            f'dataset={_dataset(new, prefix, more)})',
            'test_dataloader = val_dataloader'
        ]
    more = ", ann_file='', pipeline={{ _base_.plain_pipeline }}"
    return [
        '# No masks: nothing is scored, the images are only predicted.',
        'val_dataloader = val_cfg = val_evaluator = None',
        f'test_dataloader = dict(dataset={_dataset(new, prefix, more)})',
        'test_evaluator = dict(format_only=True)',
        'tta_pipeline = {{ _base_.plain_tta_pipeline }}'
    ]


def _model(new: NewDataset, classes: int, cam: bool) -> list[str]:
    """Return the lines for the model, and what it was trained from."""
    parts, lines = [], []
    if new.grey:
        grey = [127.5] * 3
        parts.append(f'data_preprocessor=dict(mean={grey}, std={grey})')
    if new.weights == 'none':
        parts.append('backbone=dict(init_cfg=None)')
    elif new.weights:
        parts.append(
            f'backbone=dict(init_cfg=dict(checkpoint={new.weights!r}))')
    head = f'num_classes={classes}'
    if cam and new.saliency:
        head += (", activation='softmax', seed_from='raw', "
                 "losses=dict(sal=dict(type='hsc_mm.SaliencyLoss'))")
        more = ', format_only=True' * (not new.masks)
        lines = [
            "test_evaluator = dict(supervision='image labels + saliency'"
            f'{more})'
        ] + ['val_evaluator = test_evaluator'] * bool(new.masks)
    parts.append(f'decode_head=dict({head})')
    if not cam:
        parts.append(f'auxiliary_head=dict(num_classes={classes})')
    return [f'model = dict({", ".join(parts)})', *lines]
