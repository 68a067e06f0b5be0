"""Keys of configs that nothing reads, and that look like ones that are read.

The hosts ignore them in silence: a training would run with the default.
"""
from collections.abc import Collection, Iterator, Mapping
from inspect import signature
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from hsc_mm.utils.numbers import nearest

__all__ = ['TOP_LEVEL', 'at', 'check_spelling']

#: Keys of a config that somebody reads.
TOP_LEVEL = {*signature(Runner).parameters, 'compile', 'model_wrapper_cfg',
             'custom_imports', 'runner_type', 'tta_model', 'tta_pipeline',
             'pseudo_label', 'pipeline'} - {'cfg'}
# Keys of mmcv 1.
_OLD = ('resume_from', 'lr_config', 'optimizer_config', 'checkpoint_config',
        'log_config')
_PREFIX = ('img_path', 'seg_map_path', 'xml_path')
# Sections of which mmengine, mmseg or a data set reads these keys.
_KNOWN: dict[str, Collection[str]] = {
    'env_cfg': ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'),
    'env_cfg.mp_cfg': ('mp_start_method', 'opencv_num_threads'),
    'default_hooks': ('runtime_info', 'timer', 'sampler_seed', 'logger',
                      'param_scheduler', 'checkpoint', 'visualization'),
    'optim_wrapper.paramwise_cfg': (
        'custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult',
        'flat_decay_mult', 'dwconv_decay_mult', 'dcn_offset_lr_mult',
        'bypass_duplicate'),
    'optim_wrapper.paramwise_cfg.custom_keys.*': ('lr_mult', 'decay_mult'),
    'model.test_cfg': ('mode', 'crop_size', 'stride'),
    **{f'{split}_dataloader.dataset.{part}': known
       for split in ('train', 'val', 'test')
       for part, known in (('data_prefix', _PREFIX),
                           ('metainfo', ('classes', 'palette')))},
}


def check_spelling(cfg: Config, path: str | Path) -> None:
    """Refuse keys that are a slip away from one that is read.

    At the top level, where variables may have any name, that is one letter,
    or two that changed places.

    Args:
        cfg (Config): A config.
        path (str | Path): Its file, for messages.

    Raises:
        ValueError: There is one; the message has the key that is meant.
    """
    for key in cfg:
        near = next((one for one in TOP_LEVEL if _slip(key, one)), None)
        if near and key not in TOP_LEVEL and not key[-1:].isdigit() and \
                isinstance(cfg[key], Mapping) == isinstance(
                    cfg.get(near, cfg[key]), Mapping):
            _refuse(path, key, f' Is "{near}" meant?')
        if key in _OLD:
            _refuse(path, key, ' It is a key of mmcv 1; docs of mmengine '
                    'say what replaces it.')
    for place, known in _KNOWN.items():
        for found, section in at(cfg, place):
            for key in section if isinstance(section, Mapping) else ():
                near = nearest(key, known, 0.8)
                if near and key not in known and not key[-1:].isdigit():
                    _refuse(path, f'{found}.{key}', near)


def _refuse(path: str | Path, key: str, advice: str) -> None:
    raise ValueError(f'{key} of {path}: nothing reads this key.{advice} '
                     'A variable of your own needs another name.')


def at(node: Any, place: str, above: str = '') -> Iterator[tuple[str, Any]]:
    """Yield name and value of what is at a place; ``*`` stands for any key."""
    first, _, rest = place.partition('.')
    if isinstance(node, Mapping | Config):
        for key in list(node) if first == '*' else [first]:
            if rest:
                yield from at(node.get(key), rest, f'{above}{key}.')
            else:
                yield f'{above}{key}', node.get(key)


def _slip(one: str, other: str) -> bool:
    """Say whether a letter is wrong, missing or too many, or two turned."""
    if one == other or min(len(one), len(other)) < 5:
        return False
    same = 0
    while one[same:same + 1] == other[same:same + 1] != '':
        same += 1
    a, b = one[same:], other[same:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (
        a[:2] == b[1::-1] and a[2:] == b[2:])
