"""Weights that fit a model, and those that do not."""
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from hsc_mm.utils.part_types import type_name
from .widening import widened

__all__ = [
    'bare_model', 'check_pretrained', 'check_warm_start', 'first_problem',
    'pretrained_parts'
]

#: Transformers, and those that extend them, which adapt these tensors to
#: their own size. Relative tables of BEiT and Swin are none of them: mmseg
#: takes no others, and mmpretrain needs a function that SciPy 1.14 removed.
_RESIZED = {
    'mmseg.VisionTransformer': ('pos_embed', ),
    'mmpretrain.VisionTransformer': ('pos_embed', ),
    'mmpretrain.RevVisionTransformer': ('pos_embed', ),
    'mmpretrain.BEiTViT': ('pos_embed', ),
    'mmpretrain.T2T_ViT': ('pos_embed', ),
    'mmpretrain.ViTSAM': ('pos_embed', '*rel_pos_[hw]'),
    'mmpretrain.SwinTransformer': ('absolute_pos_embed', ),
    'mmpretrain.SwinTransformerV2': ('absolute_pos_embed', )
}


def bare_model(model: nn.Module) -> nn.Module:
    """Return the model inside wrappers of ranks or test-time views."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def check_warm_start(name: str | None, model: nn.Module,
                     state: dict) -> str | None:
    """Refuse weights of which hardly any fits: they are another network's.

    Args:
        name (str, optional): The file, for messages.
        model (nn.Module): To begin with them.
        state (dict): Name -> tensor, as in the file.

    Returns:
        str | None: Which share fits, and what does not; None where all does.

    Raises:
        ValueError: Less than half of the numbers of the backbone (of the
            model, where there is none) are in the file.
    """
    part = 'backbone.' if hasattr(model, 'backbone') else ''
    found = {
        key.removeprefix('module.'): getattr(value, 'shape', None)
        for key, value in state.items()
    }
    wanted = {
        key: value for key, value in model.state_dict().items()
        if value.is_floating_point()
    }
    misses = {
        key: 'is missing' if found.get(key) is None else
        f'has shape {tuple(found[key])}, expected {tuple(value.shape)}'
        for key, value in wanted.items() if found.get(key) != value.shape
    }
    fits, total = _numbers(wanted, misses, part)
    if 2 * fits < total:
        raise ValueError(
            f'load_from {name}: expected weights of this network, but only '
            f'{fits} of the {total} numbers of its {part[:-1] or "model"} '
            'are in the file, by name and shape. Name a checkpoint of this '
            'architecture; weights of a backbone alone go into '
            'model.backbone.init_cfg.')
    if not misses:
        return None
    fits, total = _numbers(wanted, misses)
    first = [f'{key} {problem}' for key, problem in misses.items()][:5]
    more = f' and {len(misses) - 5} more' if len(misses) > 5 else ''
    return (f'load_from {name}: {100 * fits / total:.1f} % of the numbers of '
            f'the model are in the file, {len(misses)} of its {len(wanted)} '
            f'tensors keep their initial values: {"; ".join(first)}{more}.')


def _numbers(wanted: dict, misses: dict, part: str = '') -> tuple[int, int]:
    """Count the numbers that fit, and all, of tensors named ``part...``."""
    sizes = {key: value.numel() for key, value in wanted.items()
             if key.startswith(part)}
    return (sum(n for key, n in sizes.items() if key not in misses),
            sum(sizes.values()))


def check_pretrained(model: nn.Module, may_lack: Sequence[str] = ()) -> None:
    """Compare the files named by ``Pretrained`` initialisers with modules.

    Args:
        model (nn.Module): Its sub-modules' ``init_cfg`` are looked at.
        may_lack (Sequence[str]): See
            :class:`hsc_mm.engine.hooks.StartupCheckHook`.

    Raises:
        ValueError: A file lacks a tensor of the module, or has it in another
            shape. Tensors that the module does not know do no harm.
    """
    for name, module, cfg in pretrained_parts(model):
        _check_file(name, module, cfg, may_lack)


def pretrained_parts(
        model: nn.Module) -> Iterator[tuple[str, nn.Module, dict]]:
    """Yield name, module and initialiser of what takes weights of a file."""
    for name, module in model.named_modules():
        init_cfgs = getattr(module, 'init_cfg', None) or []
        if isinstance(init_cfgs, dict):
            init_cfgs = [init_cfgs]
        for cfg in init_cfgs:
            if type_name(cfg) in ('Pretrained', 'PretrainedInit'):
                yield name or 'model', module, cfg


def _check_file(name: str, module: nn.Module, cfg: dict,
                may_lack: Sequence[str]) -> None:
    checkpoint = CheckpointLoader.load_checkpoint(
        cfg['checkpoint'], map_location='cpu')
    state = checkpoint.get('state_dict', checkpoint)
    prefix = cfg.get('prefix', '')
    prefix = prefix + '.' if prefix and not prefix.endswith('.') else prefix
    found = {
        key.removeprefix('module.').removeprefix(prefix): value
        for key, value in state.items()
        if key.removeprefix('module.').startswith(prefix)
    }
    problem = first_problem(
        module, widened(module, found), may_lack=may_lack,
        resized=_resized(module))
    if problem:
        raise ValueError(
            f'{cfg["checkpoint"]}: expected the weights of {name} '
            f'({type(module).__name__}): {problem}. Take weights of this '
            'network, or change the backbone (depth, deep stem, width) in '
            'the config.')


def first_problem(module: nn.Module,
                  found: dict,
                  unused: tuple[str, ...] = (),
                  may_lack: Sequence[str] = (),
                  resized: Sequence[str] = ()) -> str | None:
    """Say which tensor of a module is missing or of another kind.

    Args:
        module (nn.Module): For which the weights are.
        found (dict): Name -> tensor.
        unused (tuple[str, ...]): Sub-modules that do not matter.
        may_lack (Sequence[str]): As of :func:`check_pretrained`.
        resized (Sequence[str]): Names, with wildcards, of tensors that the
            module itself adapts to its size as it loads them; only their last
            dimension must fit.

    Returns:
        str | None: The first one; None where all fits.
    """
    for key, value in module.state_dict().items():
        if key.endswith('num_batches_tracked') or \
                key.rpartition('.')[0] in unused:
            continue
        if key not in found:
            if any(fnmatchcase(key, pattern) for pattern in may_lack):
                continue
            return f'{key} of shape {tuple(value.shape)} is missing'
        if found[key].shape != value.shape and not (
                any(fnmatchcase(key, pattern) for pattern in resized)
                and _resizes(found[key], value)):
            return (f'{key} has shape {tuple(found[key].shape)}, expected '
                    f'{tuple(value.shape)}')
        if value.is_floating_point() > found[key].is_floating_point():
            return f'{key} has whole numbers, {found[key].dtype}'
    return None


def _resized(module: nn.Module) -> tuple[str, ...]:
    """Return the tensors that a backbone adapts to its size as it loads."""
    names = (f'{one.__module__.partition(".")[0]}.{one.__name__}'
             for one in type(module).__mro__)
    return next((_RESIZED[name] for name in names if name in _RESIZED), ())


def _resizes(found: Tensor, wanted: Tensor) -> bool:
    return found.ndim == wanted.ndim and found.shape[-1] == wanted.shape[-1]
