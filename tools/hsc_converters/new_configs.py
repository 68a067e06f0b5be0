"""Configs of both stages for a user's pictures."""
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mmengine.config import Config
from yapf.yapflib.yapf_api import FormatCode

from hsc_mm.datasets.class_names import NONE
from hsc_mm.datasets.image_label import ImageLabelDataset
from hsc_mm.utils import atomic_write_bytes
from hsc_mm.utils.checkpoints import load
from hsc_mm.utils.locks import locked
from hsc_mm.utils.outputs import claim, refuse_data_folder
from .new_dataset import NewDataset

__all__ = ['leaf_text', 'write_configs']

_GREY = [127.5] * 3
_BASELINE = """\
# The baseline of HSC on the same pictures: "--baseline" and the path of this
# file, after the pipeline's command, put it beside HSC in scores and report.
_base_ = {base!r}
model = dict(
    second_view=None,
    decode_head=dict(
        refiner=None,
        seed_from='raw',
        losses=dict(er=None, ecr=None, min=None, contrast=None)))
"""


def write_configs(new: NewDataset,
                  out: str | Path,
                  bases: str | Path,
                  force: bool = False) -> tuple[list[Path], ImageLabelDataset]:
    """Write a short config for each stage, on top of those in configs/own.

    A third one is that of the baseline, plain CAM or, with saliency maps,
    EPS: ``cam_<name>.py`` or ``eps_<name>.py``.

    Args:
        new (NewDataset): The pictures.
        out (str | Path): Folder for the configs; its name is theirs.
        bases (str | Path): The folder ``configs/own``.
        force (bool): Whether configs that are there are replaced.

    Returns:
        tuple: Configs of the CAM stage, of the segmentation stage and of
        the baseline; and the data set.

    Raises:
        FileExistsError: A config is there, a file that was not written here
            has its name, or another process writes into the folder.
        ValueError: See :meth:`NewDataset.read`, :meth:`NewDataset.with_mask`
            and :func:`hsc_mm.utils.checkpoints.load`.
    """
    if not str(out).strip():
        raise ValueError('--out: expected a folder for the configs, found '
                         'no name.')
    # Relative, as it is named; "." has the name of the folder it is.
    out = Path(out) if Path(out).name not in ('', '..') else Path(
        os.path.abspath(out))
    names = (f'hsc_{out.name}.py', f'deeplabv3plus_{out.name}-pseudo.py',
             f'{"eps" if new.saliency else "cam"}_{out.name}.py')
    _refuse(out, () if force else names)
    if new.weights not in (None, 'none') and '://' not in new.weights:
        load(new.weights)
    dataset = new.read()
    refuse_data_folder(out, [
        dataset.get_data_info(i)['img_path'] for i in range(len(dataset))])
    scored = new.with_mask(dataset)
    for given in (out.name, *dataset.foreground, new.label_file, new.images,
                  new.masks, new.saliency, new.weights, str(bases), *new.none):
        if given and ('{{' in given or '\n' in given):
            raise ValueError(
                f'{given!r}: expected a name without "{{{{" and line ends: '
                'mmengine would take it for a part of the config. Rename '
                'it.')
    bases_of = (f'hsc_{"eps_" * bool(new.saliency)}{new.backbone}_own.py',
                f'deeplabv3plus_{new.backbone}_own-pseudo.py')
    files = {}
    for stage, (name, base) in enumerate(
            zip(names[:2], bases_of, strict=True)):
        base = Path(os.path.relpath(Path(bases) / base, out)).as_posix()
        files[name] = leaf_text(
            new, dataset, len(scored), base, cam=stage == 0)
    made = not out.exists()
    try:
        with locked(out):
            _refuse(out, () if force else names)
            _try(out, files)
            files[names[2]] = _BASELINE.format(base=names[0])
            if scored:
                files['eval.txt'] = '\n'.join(scored) + '\n'
            for name in files:
                claim(out, name)
            for name, text in files.items():
                atomic_write_bytes(out / name, text.encode())
    except BaseException:
        with suppress(OSError):
            if made:
                out.rmdir()  # unless another process wrote there
        raise
    return [out / name for name in names], dataset


def _refuse(out: Path, names: Iterable[str]) -> None:
    """Refuse to replace configs."""
    for path in (out / name for name in names):
        if path.exists():
            raise FileExistsError(f'{path}: there is one already. Choose '
                                  'another --out, or replace it with --force.')


def _try(out: Path, files: dict[str, str]) -> None:
    """Read configs under temporary names, so that no broken one is left."""
    for name, text in files.items():
        draft = out / f'try_{os.getpid()}_{name}'
        try:
            atomic_write_bytes(draft, text.encode())
            Config.fromfile(draft)
        finally:
            draft.unlink(missing_ok=True)


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
    maps = f', aux_maps={new.aux_maps!r}' * bool(new.aux_maps and cam)
    padding = []
    if new.grey and cam:
        padding = [
            'train_pipeline = _base_.train_dataloader.dataset.pipeline',
            f'train_pipeline[-2].update(pad_val={_GREY})'
        ]
        maps += ', pipeline=train_pipeline'
    head = [
        f'# {new.label_file}: {size} images of {len(classes) - 1} classes, '
        f'{scored or "none"} with a mask.',
        '# Written by tools/new_dataset.py; change it as you like.'
    ]
    lines = [
        f'_base_ = {base!r}', f'metainfo = dict(classes={classes!r})',
        *padding,
        f'train_dataloader = dict(batch_size={min(8, size)}, '
        f'dataset={_dataset(new, dict(img_path=new.images), maps)})',
        *_evaluation(new, scored),
        _model(new, len(classes), cam), f'train_cfg = dict('
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
    none = f', none={new.none!r}' * (new.none != NONE)
    return (f'dict(label_file={new.label_file!r}{none}, metainfo=metainfo'
            f'{more}{f", data_prefix=dict({folders})" * bool(given)})')


def _evaluation(new: NewDataset, scored: int) -> list[str]:
    """Return the lines for validation and test."""
    prefix = dict(
        img_path=new.images, seg_map_path=new.masks if scored else None)
    if scored:
        more = ', ann_file=r"""{{ fileDirname }}/eval.txt"""'
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


def _model(new: NewDataset, classes: int, cam: bool) -> str:
    """Return the line for the model, and what it was trained from."""
    parts = []
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
