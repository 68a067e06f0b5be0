"""Text of a config for a user's pictures, as a person would write it."""
import os
from pathlib import Path

from mmengine.config import Config
from yapf.yapflib.yapf_api import FormatCode

from hsc_mm.datasets.class_names import NONE
from hsc_mm.datasets.image_label import ImageLabelDataset
from .new_dataset import CROP, NewDataset

__all__ = ['leaf_text']

_GREY = [127.5] * 3


def leaf_text(new: NewDataset, dataset: ImageLabelDataset, scored: int,
              base: Path, out: Path) -> str:
    """Return the text of a config.

    Args:
        new (NewDataset): The pictures.
        dataset (ImageLabelDataset): The same, read.
        scored (int): How many of them have a mask.
        base (Path): The config it stands on.
        out (Path): The folder it will lie in.
    """
    classes = tuple(dataset.metainfo['classes'])
    size, cam = len(dataset), not base.stem.endswith('-pseudo')
    maps = f', aux_maps={new.aux_maps!r}' * bool(new.aux_maps and cam)
    resized = cam and new.crop != CROP
    changed = []
    if cam and (new.grey or resized):
        changed = ['train_pipeline = _base_.train_dataloader.dataset.pipeline']
        maps += ', pipeline=train_pipeline'
    if cam and new.grey:
        changed.append(f'train_pipeline[-2].update(pad_val={_GREY})')
    if resized:
        changed += _sizes(Config.fromfile(base), new.crop / CROP, scored)
    way = os.path.relpath(base, out)
    if os.path.realpath(out) != os.path.abspath(out):
        # Through a link, ".." means one thing to the system and another to
        # mmengine.
        way = os.path.abspath(base)
    head = [
        f'# {new.label_file}: {size} images of {len(classes) - 1} classes, '
        f'{scored or "none"} with a mask.',
        '# Written by tools/new_dataset.py; change it as you like.'
    ]
    lines = [
        f'_base_ = {Path(way).as_posix()!r}',
        f'metainfo = dict(classes={classes!r})',
        *changed,
        f'train_dataloader = dict(batch_size={min(8, size)}, '
        f'dataset={_dataset(new, dict(img_path=new.images), maps)})',
        *_evaluation(new, scored, resized),
        _model(new, len(classes), cam, resized), f'train_cfg = dict('
        f'max_iters={new.iters}, val_interval={new.iters})',
        "param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, "
        f'begin=0, end={new.iters}, by_epoch=False)]'
    ]
    style = dict(based_on_style='pep8', column_limit=79)
    body = FormatCode('\n'.join(lines), style_config=style)[0]
    return '\n'.join(head) + '\n' + body


def _sizes(base: Config, factor: float, scored: int) -> list[str]:
    """Return lines that resize crops and pictures by one factor."""
    kind = '' if scored else 'plain_'
    test = '_base_.plain_pipeline' if kind else (
        '_base_.test_dataloader.dataset.pipeline')
    tests = base.plain_pipeline if kind else (
        base.test_dataloader.dataset.pipeline)
    tta = base[f'{kind}tta_pipeline'][1].transforms[0]
    lines = [
        f'# Crops of {CROP * factor:.0f} pixels: the pictures are '
        f'{factor:g} times as large as in the base.']
    for name, source, place, steps in (
        ('train_pipeline', '', '', base.train_dataloader.dataset.pipeline),
        ('test_pipeline', test, '', tests),
        ('tta_pipeline', f'_base_.{kind}tta_pipeline', '[1].transforms[0]',
         tta)):
        lines += [f'{name} = {source}'] * bool(source)
        lines += [
            f'{name}{place}[{number}].update({key}='
            f'{tuple(round(side * factor) for side in step[key])})'
            for number, step in enumerate(steps)
            for key in ('long_side', 'size', 'scale') if key in step
        ]
    return lines


def _dataset(new: NewDataset, prefix: dict, more: str = '') -> str:
    """Write the arguments of a data set that differ from the base's."""
    given = {key: value for key, value in prefix.items() if value}
    if prefix.get('seg_map_path', '') is None:
        given['seg_map_path'] = None
    folders = ', '.join(f'{key}={value!r}' for key, value in given.items())
    none = f', none={new.none!r}' * (new.none != NONE)
    return (f'dict(label_file={new.label_file!r}{none}, metainfo=metainfo'
            f'{more}{f", data_prefix=dict({folders})" * bool(given)})')


def _evaluation(new: NewDataset, scored: int, resized: bool) -> list[str]:
    """Return the lines for validation and test."""
    prefix = dict(
        img_path=new.images, seg_map_path=new.masks if scored else None)
    if scored:
        more = ', ann_file=r"""{{ fileDirname }}/eval.txt"""'
        more += ', pipeline=test_pipeline' * resized
        return [
            '# Masks are for evaluation alone: those of eval.txt, beside this '
            'file.', 'val_dataloader = dict('
            f'dataset={_dataset(new, prefix, more)})',
            'test_dataloader = val_dataloader'
        ]
    pipeline = 'test_pipeline' if resized else '{{ _base_.plain_pipeline }}'
    more = f", ann_file='', pipeline={pipeline}"
    return [
        '# No masks: nothing is scored, the images are only predicted.',
        'val_dataloader = val_cfg = val_evaluator = None',
        f'test_dataloader = dict(dataset={_dataset(new, prefix, more)})',
        'test_evaluator = dict(format_only=True)',
        *['tta_pipeline = {{ _base_.plain_tta_pipeline }}'] * (not resized)
    ]


def _model(new: NewDataset, classes: int, cam: bool, resized: bool) -> str:
    """Return the line for the model, and what it was trained from."""
    parts = []
    if resized:
        parts.append(f'second_view={(new.second_view, new.second_view)}')
    if new.grey:
        parts.append(f'data_preprocessor=dict(mean={_GREY}, std={_GREY})')
    if new.weights == 'none':
        parts.append('backbone=dict(init_cfg=None)')
    elif new.weights:
        parts.append(
            f'backbone=dict(init_cfg=dict(checkpoint={new.weights!r}))')
    parts.append(f'decode_head=dict(num_classes={classes})')
    if not cam:
        parts.append(f'auxiliary_head=dict(num_classes={classes})')
    return f'model = dict({", ".join(parts)})'
