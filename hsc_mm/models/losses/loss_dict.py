"""The losses of a head by name, built, checked and run."""
import logging
from collections.abc import Iterable
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import ModuleDict
from mmseg.utils import ConfigType
from torch import Tensor, nn

from hsc_mm.utils.shapes import described
from ..views import Targets, View
from .named import build_named

__all__ = ['LossDict']


class LossDict(ModuleDict):
    """The losses of a head by name, built, checked and run.

    Args:
        cfg (dict): Name -> config of a loss; None leaves one out. Each has
            the signature of :class:`hsc_mm.models.ViewLoss`. The log calls it
            ``loss_<name>``, or by the names in the dict that it returns.

    Raises:
        ValueError: No loss is left, or see :func:`.named.build_named`.
    """

    def __init__(self, cfg: ConfigType) -> None:
        built = build_named('losses', cfg, LossDict)
        if not built:
            raise ValueError('losses: expected at least one loss, found '
                             'none. Leave "cls" in.')
        super().__init__(built)
        self._warned: set[str] = set()

    def _joined(self, attribute: str) -> tuple[str, ...]:
        found = (getattr(one, attribute, ()) for one in self.values())
        return tuple(dict.fromkeys(name for names in found for name in names))

    @property
    def needs(self) -> tuple[str, ...]:
        """tuple[str]: Parts of the head that some loss needs."""
        return self._joined('needs')

    @property
    def needs_maps(self) -> tuple[str, ...]:
        """tuple[str]: Auxiliary maps that some loss needs."""
        return self._joined('needs_maps')

    def check(self, provided: Iterable[str], owner: str) -> None:
        """Raise ValueError for a loss whose needs are not provided."""
        provided = set(provided)
        for name, loss in self.items():
            for part in getattr(loss, 'needs', ()):
                if part not in provided:
                    raise ValueError(
                        f'losses.{name} of {owner} ({type(loss).__name__}) '
                        f'needs "{part}", found {sorted(provided)}. '
                        f'{_remedy(part)}, or switch the loss off: '
                        f'losses=dict({name}=None).')

    def warn_of_idle(self, refiner: nn.Module | None) -> None:
        """Warn of a refiner with weights that no loss trains."""
        if refiner is not None and 'refined' not in self.needs and any(
                one.requires_grad for one in refiner.parameters()):
            print_log(
                'decode_head.refiner: expected a loss that trains it, such as '
                f'"ecr" or "min", found {sorted(self)}. Refined CAMs come '
                'from random weights. Add such a loss, or set refiner=None '
                'and seed_from="raw".', 'current', logging.WARNING)

    def bind(self, num_classes: int, channels: dict[str, int]) -> None:
        """Tell the losses about the head; see ``bind`` of ViewLoss."""
        for loss in self.values():
            if hasattr(loss, 'bind'):
                loss.bind(num_classes, channels)  # type: ignore[operator]

    def forward(self, views: list[View],
                targets: Targets) -> dict[str, Tensor]:
        """Compute all losses outside of autocast, on views in float32.

        Returns:
            dict[str, Tensor]: Scalars named ``loss_*``, or lists of them.

        Raises:
            ValueError: Two losses have one name, one returns no tensor of
                floats, or none has a gradient though the CAMs have.
        """
        found: dict[str, Tensor] = {}
        owners: dict[str, str] = {}
        with torch.autocast(views[0].cam.device.type, enabled=False):
            for name, loss in self.items():
                result = loss(views, targets)
                single = not isinstance(result, dict)
                for key, value in ({name: result} if single else
                                   result).items():
                    if not _floats(value):
                        raise ValueError(
                            f'losses.{name} ({type(loss).__name__}): '
                            'expected a Tensor of floats, or a dict of them, '
                            f'found {described(value)}'
                            f'{"" if single else f" as {key!r}"}. Where '
                            'there is nothing to learn, return a sum of '
                            'zero: views[0].cam.sum() * 0.')
                    if key in owners:
                        raise ValueError(
                            'losses: expected different names, found '
                            f'"loss_{key}" twice, of {owners[key]} and '
                            f'{name} ({type(loss).__name__}). '
                            f'{_renaming(name, key, loss, single)}.')
                    owners[key] = name
                    found[f'loss_{key}'] = value
        if torch.is_grad_enabled() and views[0].cam.requires_grad:
            self._check_gradient({
                key: name for key, name in owners.items()
                if not any(one.requires_grad
                           for one in _listed(found[f'loss_{key}']))
            }, len(found))
        return found

    def _check_gradient(self, constant: dict[str, str], count: int) -> None:
        """Warn once of losses that cannot be learned from; refuse only such.

        Args:
            constant (dict[str, str]): Name in the log -> that of the entry.
            count (int): Number of all.
        """
        for key in constant if len(constant) < count else ():
            if key not in self._warned:
                self._warned.add(key)
                name = constant[key]
                print_log(
                    f'losses.{name} ({type(self[name]).__name__}): '
                    f'loss_{key} has no gradient, and trains nothing. '
                    'Compute it from the views without detach(); '
                    'where there is nothing to learn, return '
                    'views[0].cam.sum() * 0.', 'current', logging.WARNING)
        if len(constant) == count:
            named = [f'{name} ({type(loss).__name__})'
                     for name, loss in self.items()]
            raise ValueError(
                'losses: expected one with a gradient, found none: '
                f'{", ".join(named)}. Compute them from the views without '
                'detach(); where there is nothing to learn, return '
                'views[0].cam.sum() * 0.')


def _listed(value: Any) -> list:
    """Return the tensors of a loss; mmengine sums those of a list."""
    return value if isinstance(value, list) else [value]


def _floats(value: Any) -> bool:
    """Say whether a loss is a tensor of floats, or a list of such."""
    return bool(_listed(value)) and all(
        isinstance(one, Tensor) and one.is_floating_point()
        for one in _listed(value))


def _renaming(name: str, key: str, loss: nn.Module, single: bool) -> str:
    """Say how the second of two losses of one name comes by another."""
    if single:
        return f'Rename the entry {name}'
    names = getattr(loss, 'log_names', None)
    if isinstance(names, dict):
        level = {log: one for one, log in names.items()}.get(key, key)
        return (f'Rename its levels, losses.{name}.levels=dict({level}=None, '
                'NAME=dict(type=...))')
    return 'Return other names in its forward()'


def _remedy(part: str) -> str:
    """Say how a head comes by a part."""
    return dict(
        refined="Give the head a refiner, refiner=dict(type='hsc_mm."
        "PixelCorrelation', ...)",
        attention='Set model.attention=dict(last=NUMBER_OF_BLOCKS); the '
        'backbone must be a vision transformer',
        second_view='Set model.second_view=(height, width)').get(
            part, f'Add it to the head, embeddings=dict({part}=dict(...))')
