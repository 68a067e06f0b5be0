"""Adaptation of configs to data without the maps that losses need."""
from collections.abc import Collection, Iterator, Mapping

from mmengine.config import Config

from hsc_mm.registry import MODELS
from hsc_mm.utils.part_types import class_of, type_name
from hsc_mm.utils.wrappers import wrapped
from .config_loops import as_list

__all__ = [
    'drop_losses_without_maps', 'idle_maps', 'is_map_notice', 'map_notice',
    'wanted_maps'
]

_LOADER = 'LoadAuxMaps'
_BEGINNING = 'no {} maps: train_dataloader.dataset.aux_maps.{} is not set.'


def map_notice(name: str) -> str:
    """Return what the log says of a run without the maps of a name."""
    return (f'{_BEGINNING.format(name, name)} This run is the {name}-free '
            'baseline: the losses that need these maps are off.')


def idle_maps(cfg: Mapping, read: Collection[str]) -> str | None:
    """Say which maps a training loads for nothing; None where all are read.

    Args:
        cfg (mapping): Config.
        read (collection[str]): ``needs_maps`` of the losses of the model.
    """
    loader = cfg.get('train_dataloader') or {}
    idle = sorted({
        name for one in wrapped(loader.get('dataset'))
        for name, folder in (one.get('aux_maps') or {}).items()
        if folder is not None and name not in read
    })
    return (f'train_dataloader.dataset.aux_maps: no loss reads '
            f'{", ".join(idle)}; needs_maps of the losses: {sorted(read)}. '
            'A loss of your own names its maps there, else it gets none.'
            ) if idle else None


def is_map_notice(text: str) -> bool:
    """Say whether a text is :func:`map_notice` of some name."""
    words = text.split()
    return len(words) > 1 and text == map_notice(words[1])


def _heads(cfg: Config) -> Iterator[tuple[str, dict]]:
    """Yield key and losses of the model's heads that have a dict of them."""
    for key, part in (cfg.get('model') or {}).items():
        if isinstance(part, dict) and isinstance(part.get('losses'), dict):
            yield key, part['losses']


def _needs(loss: dict | None) -> tuple[str, ...]:
    """Return the maps that a loss needs, as its class declares them."""
    found = getattr(class_of(MODELS, loss), 'needs_maps', ())
    return tuple(found) if isinstance(found, list | tuple) else ()


def wanted_maps(cfg: Config) -> dict[str, list[str]]:
    """Return the maps that losses of a config need, each with these losses.

    A loss declares its maps by the attribute ``needs_maps``.
    """
    wanted: dict[str, list[str]] = {}
    for _, losses in _heads(cfg):
        for loss, options in losses.items():
            for name in _needs(options):
                wanted.setdefault(name, []).append(loss)
    return wanted


def _missing(cfg: Config) -> list[str]:
    """List the maps that losses need, that nobody names, and may be so.

    A :class:`hsc_mm.LoadAuxMaps` without ``names`` loads what there is: it
    lets maps be absent.
    """
    datasets = list(wrapped(
        (cfg.get('train_dataloader') or {}).get('dataset')))
    if not any(
            type_name(step) == _LOADER and step.get('names') is None
            for one in datasets for step in one.get('pipeline') or []):
        return []
    declared = {
        name for one in datasets
        for name, folder in (one.get('aux_maps') or {}).items()
        if not isinstance(folder, Mapping | None)  # its reader says so
        or (folder or {}).get('path') is not None
    }
    return [name for name in wanted_maps(cfg) if name not in declared]


def drop_losses_without_maps(cfg: Config) -> bool:
    """Turn such a config into that of the baseline without these maps.

    The losses that need the maps are switched off, and what
    ``without_<name>`` of the config says is merged into their head. The
    metrics leave ``' + <name>'`` out of the supervision that they print,
    and a hook puts :func:`map_notice` in the log.

    Args:
        cfg (Config): Changed in place; others stay as they are.

    Returns:
        bool: Whether it was changed.
    """
    missing = _missing(cfg)
    for name in missing:
        without = dict(cfg.get(f'without_{name}') or {})
        for head, losses in list(_heads(cfg)):
            off = [k for k, one in losses.items() if name in _needs(one)]
            if off:
                losses.update(dict.fromkeys(off))
                cfg.merge_from_dict(dict(model={head: without}))
        for key in ('val_evaluator', 'test_evaluator'):
            for one in as_list(cfg.get(key)):
                if isinstance(one, dict) and 'supervision' in one:
                    one['supervision'] = one['supervision'].replace(
                        f' + {name}', '')
        hook = dict(type='hsc_mm.NoticeHook', text=map_notice(name))
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), hook]
    return bool(missing)
