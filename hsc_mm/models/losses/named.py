"""Losses and levels by name, and what is wrong with those of a user."""
from typing import Any

from mmseg.utils import ConfigType
from torch import nn

from hsc_mm.registry import MODELS

__all__ = ['build_named']


def build_named(place: str, cfg: ConfigType, owner: type[nn.ModuleDict]
                ) -> dict[str, nn.Module]:
    """Build the parts of a config by name; None leaves one out.

    Args:
        place (str): Key of the config, for messages.
        cfg (dict): Name -> config.
        owner (type): Class that will hold them, whose attributes no name
            may be.

    Raises:
        ValueError: A name cannot be one, a part is no config or does not
            call the constructor of its base class, or its needs are no
            tuple.
    """
    for name, one in cfg.items():
        if one and not isinstance(one, dict):
            raise ValueError(f'{place}.{name}: expected dict(type=...), found '
                             f'{one!r}.')
        if not name or '.' in name or hasattr(owner, name) or (
                name == 'training'):
            raise ValueError(
                f'{place}.{name}: expected a name without a dot that is no '
                f'method of torch.nn.ModuleDict, found {name!r}. Rename it, '
                f'such as {str(name).replace(".", "_")}_1.')
    built = {name: MODELS.build(one) for name, one in cfg.items() if one}
    for name, part in built.items():
        _check(f'{place}.{name} ({type(part).__name__})', part)
    return built


def _check(which: str, part: Any) -> None:
    if isinstance(part, nn.Module) and '_modules' not in vars(part):
        raise ValueError(
            f'{which}: expected its __init__ to call that of its base class, '
            'found none called. Begin it with super().__init__().')
    for key in ('needs', 'needs_maps'):
        found = getattr(part, key, ())
        if isinstance(found, str):
            raise ValueError(f'{key} of {which}: expected a tuple of names, '
                             f'found {found!r}. Write ({found!r}, ).')
