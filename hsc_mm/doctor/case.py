"""What the checks look at."""
import copy
from functools import cached_property

from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from hsc_mm.registry import MODELS
from .splits import Split, read_splits

__all__ = ['Case']


class Case:
    """A config, its data and its model, each read when first needed.

    Args:
        cfg (Config): Of either stage; see
            :func:`hsc_mm.inference.load_config`.
    """

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg
        self.missing_weights: set[str] = set()

    @cached_property
    def splits(self) -> list[Split]:
        """list[Split]: The data sets."""
        return read_splits(self.cfg)

    @property
    def train(self) -> list[Split]:
        """list[Split]: Those that are trained on."""
        return [split for split in self.splits if split.is_train]

    @cached_property
    def model(self) -> nn.Module:
        """nn.Module: The model, from random numbers, on the CPU."""
        from mmengine.model import revert_sync_batchnorm
        init_default_scope(self.cfg.get('default_scope', 'mmseg'))
        return revert_sync_batchnorm(
            MODELS.build(copy.deepcopy(self.cfg.model)))

    def heads(self) -> dict[str, dict]:
        """Return the configs of the heads, by name."""
        found = {}
        for name in ('decode_head', 'auxiliary_head'):
            head = self.cfg.model.get(name)
            for number, one in enumerate(
                    head if isinstance(head, list | tuple) else [head]):
                if one:
                    key = f'{name}[{number}]' if head is not one else name
                    found[key] = one
        return found
