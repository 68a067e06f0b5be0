"""Values of a model that the hosts read late: when it is filled or tested."""
from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config
from mmseg.models import EncoderDecoder

from hsc_mm.datasets.build import is_ours
from hsc_mm.utils.numbers import check_number
from hsc_mm.utils.part_types import classes_named
from hsc_mm.utils.wrappers import split_datasets
from .config_forms import mappings
from .config_loops import as_list

__all__ = ['check_late']

_IGNORED = 255  # of masks and pseudo labels
_PAIR = 'two numbers of pixels, such as (512, 512)'


def check_late(cfg: Config, path: str | Path) -> None:
    """Refuse what a model would be built with, to fail in use.

    Args:
        cfg (Config): Of either stage.
        path (str | Path): Its file, for messages.

    Raises:
        ValueError: An ``init_cfg`` has no type, ``test_cfg`` of a
            segmentor names windows of no size, or no known mode (fragments
            without data may: mmseg's U-Net has one number), an index of
            ignored pixels is not that of the masks, or nothing is learned
            from the losses of a head.
    """
    _check_ignored(cfg, path)
    _check_names(cfg, path)
    for place, part in mappings(cfg.model.to_dict(), 'model.'):
        found = part.get('init_cfg')
        parts = found if isinstance(found, list | tuple) else [found]
        if any(isinstance(one, str | int | float) or (
                isinstance(one, Mapping) and not one.get('type'))
               for one in parts if one):
            raise ValueError(
                f'{place}init_cfg of {path}: expected dict(type=...), found '
                f'{found!r}. For weights write dict(type="Pretrained", '
                f'checkpoint=FILE), or {place}init_cfg.type=Pretrained '
                f'{place}init_cfg.checkpoint=FILE as options.')
    test = cfg.model.get('test_cfg')
    used = cfg.get('val_dataloader') or cfg.get('test_dataloader')
    if used and isinstance(test, Mapping) and any(
            getattr(kind, 'inference', None) is EncoderDecoder.inference
            for kind in classes_named(cfg.model.get('type'))):
        _check_windows(test, path)


def _check_ignored(cfg: Config, path: str | Path) -> None:
    """Refuse indices of ignored pixels that masks do not have.

    Data sets of others are left out: mmseg ignores an index of their classes
    where one means "unlabelled", as in its HSIDrive20Dataset.
    """
    model = cfg.model.to_dict()
    masks = _marks(cfg)
    learned = masks['train'] and [*{_IGNORED, *masks['train']}]
    found = [('model.data_preprocessor.seg_pad_val',
              (model.get('data_preprocessor') or {}).get('seg_pad_val'),
              learned)]
    for name in ('decode_head', 'auxiliary_head'):
        found += [(f'{place}ignore_index', part.get('ignore_index'), learned)
                  for place, part in mappings(model.get(name),
                                              f'model.{name}.')]
    for split in ('val', 'test'):
        found += [(f'{split}_evaluator.ignore_index',
                   one.get('ignore_index'), masks[split])
                  for one in as_list(cfg.get(f'{split}_evaluator'))
                  if isinstance(one, Mapping)]
    for place, value, wanted in found:
        if value is not None and wanted and value not in wanted:
            raise ValueError(
                f'{place} of {path}: expected '
                f'{" or ".join(map(str, wanted))}, which marks '
                f'ignored pixels in the masks, found {value!r}. The pixels of '
                'another index would be learned or scored by mistake, or left '
                'out. Leave the key out.')


def _marks(cfg: Config) -> dict[str, list]:
    """Return what marks ignored pixels in the masks of each split.

    Nothing, where a data set is none of this package.
    """
    found: dict[str, list] = dict(train=[], val=[], test=[])
    for split, dataset in split_datasets(cfg):
        found[split].append(dataset.get('ignore_index', _IGNORED)
                            if is_ours(dataset) else None)
    return {split: [] if None in marks else [*{*marks}]
            for split, marks in found.items()}


def _check_names(cfg: Config, path: str | Path) -> None:
    """Refuse heads of which no loss is learned from, by the name in the log.

    mmengine adds up what has "loss" in its name.
    """
    for name in ('decode_head', 'auxiliary_head'):
        for head in as_list(cfg.model.get(name)):
            losses = as_list(head.get('loss_decode')) if isinstance(
                head, Mapping) else []
            named = [one.get('loss_name', 'loss') for one in losses
                     if isinstance(one, Mapping)]
            if named and not any('loss' in str(one) for one in named):
                raise ValueError(
                    f'model.{name}.loss_decode.loss_name of {path}: expected '
                    'a name that begins with "loss_", found '
                    f'{", ".join(map(repr, named))}. Others are logged, and '
                    'nothing is learned from them.')


def _check_windows(test: Mapping, path: str | Path) -> None:
    """Refuse a mode of mmseg's test, or sizes of its windows."""
    mode = test.get('mode', 'whole')
    if mode not in ('whole', 'slide'):
        raise ValueError(f'model.test_cfg.mode of {path}: expected "whole" or '
                         f'"slide", found {mode!r}.')
    if mode == 'whole':
        return
    sizes = {}
    for key in ('crop_size', 'stride'):
        found = test.get(key)
        where = f'model.test_cfg.{key} of {path}'
        if not isinstance(found, list | tuple) or len(found) != len('hw'):
            raise ValueError(f'{where}: expected {_PAIR}, for mode="slide", '
                             f'found {found!r}.')
        sizes[key] = [check_number(where, one, above=0, whole=True)
                      for one in found]
    if any(step > side for step, side in zip(
            sizes['stride'], sizes['crop_size'], strict=True)):
        raise ValueError(
            f'model.test_cfg.stride of {path}: expected at most crop_size, '
            f'{tuple(sizes["crop_size"])}, found {tuple(sizes["stride"])}: '
            'no window would see the pixels between.')
