"""The chain from soft CAMs to pseudo labels: refiners, then a label rule.

In one file, though long: the chain, its config and its stream are one
contract.
"""
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.config import Config

from hsc_mm.evaluation.threshold_rules import find_choice
from hsc_mm.utils import check_number
from hsc_mm.utils.pool import map_ordered
from .identity import part_identity, rule_line
from .refiners import Refiner, build_refiner
from .refiners.base import files_of
from .rules import LabelRule, build_rule
from .section import own_threshold, read_section, with_threshold
from .soft_cam import SoftCAM
from .views import Failure

__all__ = ['LabelChain', 'Labelled', 'label_stream', 'usual_threshold']


class Labelled(NamedTuple):
    """What is written of an image.

    Attributes:
        img_id (str): Its id.
        classes (np.ndarray): Class index of each of its maps, (k,).
        mask (np.ndarray, optional): Class indices, (H, W) uint8, 255 =
            ignored; None where only soft CAMs are wanted.
        cam (np.ndarray, optional): Maps after the refiners, (k, H, W);
            None where only masks are wanted.
    """
    img_id: str
    classes: np.ndarray
    mask: np.ndarray | None
    cam: np.ndarray | None


class LabelChain:
    """Makes what is written of the soft CAM of an image.

    An image without a class passes the refiners by. The chain can be
    pickled: worker processes have copies.

    Args:
        refiners (sequence[dict | Refiner]): In the order in which they run;
            see :data:`hsc_mm.registry.REFINERS`.
        rule (dict | LabelRule, optional): Makes the mask; see
            :data:`hsc_mm.registry.LABEL_RULES`. By default
            ``hsc_mm.ThresholdRule``.
        threshold (float): Background threshold of a rule that names none.
        soft (str, optional): ``'also'``: the maps after the refiners are
            written besides the mask; ``'only'``: alone.

    Attributes:
        needs (frozenset[str]): What the refiners read beside the CAM:
            ``'image'``, ``'attention'``.
        refines (bool): Whether there is any refiner.
        parallel (bool): Whether worker processes may run it.

    Raises:
        ValueError: An argument is bad.
    """

    def __init__(self,
                 refiners: Sequence[dict | Refiner] = (),
                 rule: dict | LabelRule | None = None,
                 threshold: float = 0.3,
                 soft: str | None = None) -> None:
        if soft not in (None, 'also', 'only'):
            raise ValueError('soft: expected None, "also" or "only", found '
                             f'{soft!r}.')
        if not isinstance(refiners, list | tuple):
            raise ValueError('refiners: expected a list of dict(type=...), '
                             f'found {refiners!r}.')
        self.refiners = tuple(map(build_refiner, refiners))
        self.rule = build_rule(
            rule or dict(type='hsc_mm.ThresholdRule'), threshold)
        self.threshold = float(check_number(
            'background threshold', threshold, least=0, below=1))
        self.soft = soft
        self._running = running = self.refiners + (
            () if soft == 'only' else self.rule.refiners)
        self.needs = frozenset(need for one in running for need in one.needs)
        self.refines = bool(running)
        self.parallel = all(one.parallel for one in running)

    @classmethod
    def from_config(cls, cfg: Config, threshold: float | None = None,
                    **changes) -> 'LabelChain':
        """Build the chain that ``pseudo_label`` of a config describes.

        Args:
            cfg (Config): With or without ``pseudo_label=dict(refiners=[...],
                rule=dict(...), soft=..., threshold=...)``.
            threshold (float, optional): Background threshold, also of a
                rule that names one; by default that of
                ``pseudo_label``, if it is a number, else
                ``model.test_cfg.bg_threshold``, and 0.3 where that is
                missing.
            **changes: ``refiners``, ``rule`` and ``soft`` that replace those
                of the config; None = not given.

        Returns:
            LabelChain: The chain.

        Raises:
            ValueError: A key is unknown, or an argument is bad; or the rule
                is an object with another threshold.
        """
        found = read_section(cfg, changes)
        rule = found.get('rule')
        if threshold is not None:
            rule = with_threshold(rule, threshold)
        else:
            threshold = own_threshold(rule)
        own = found.get('threshold')
        if isinstance(own, str):
            find_choice(own)
        elif threshold is None:
            threshold = own
        if threshold is None:
            model = cfg.model.get('module', cfg.model)
            threshold = (model.get('test_cfg') or {}).get('bg_threshold', 0.3)
        return cls(
            found.get('refiners') or (), rule, threshold,
            found.get('soft'))

    @property
    def reads_threshold(self) -> bool:
        """bool: Whether a background threshold decides about pixels.

        It does not where only soft CAMs are written, where a refiner makes a
        background, and where the label rule has no threshold.
        """
        background = False
        for one in self.refiners:
            if one.background is not None:
                background = one.background
        return self.soft != 'only' and self.rule.reads_threshold(background)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """tuple[str, ...]: Suffixes of the files that are written."""
        return {None: ('.png', ), 'also': ('.png', '.npz'),
                'only': ('.npz', )}[self.soft]

    def __call__(self, soft: SoftCAM) -> Labelled:
        """Make what is written of an image that has what is in :attr:`needs`.

        Raises:
            ValueError: A refiner or the rule refuses the image.
        """
        for refiner in self.refiners if len(soft.cam) else ():
            soft = refiner(soft)
        return Labelled(
            soft.img_id, soft.classes,
            None if self.soft == 'only' else self.rule(soft),
            soft.cam if self.soft else None)

    def named_files(self, img_id: str) -> list[Path]:
        """Return the files of an image that the refiners name.

        Raises:
            ValueError: What a refiner names are no paths of files.
        """
        return sorted({path for one in self._running
                       for path in files_of(one, img_id)})

    def files(self, img_id: str) -> list[Path]:
        """Return those of :meth:`named_files` that are there."""
        return [path for path in self.named_files(img_id) if path.is_file()]

    def identity(self) -> dict:
        """Return what a manifest notes of it, plain JSON values.

        Raises:
            ValueError: See :func:`.identity.part_identity`.
        """
        return dict(
            threshold=self.threshold,
            soft=self.soft,
            refiners=[part_identity(one) for one in self.refiners],
            rule=None if self.soft == 'only' else part_identity(self.rule))

    def __str__(self) -> str:
        steps = [type(refiner).__name__ for refiner in self.refiners]
        steps.append('soft CAMs' if self.soft == 'only' else rule_line(
            self.rule))
        return ', '.join(steps)


def usual_threshold(cfg: Config, **changes) -> float | str | None:
    """Return ``threshold`` of ``pseudo_label``, where it has an effect.

    It has none where :attr:`LabelChain.reads_threshold` is False, or where
    the label rule names its own.

    Args:
        cfg (Config): With or without ``pseudo_label``.
        **changes: See :meth:`LabelChain.from_config`.

    Returns:
        float | str | None: A number, or the name of a label-free rule.

    Raises:
        ValueError: See :meth:`LabelChain.from_config`.
    """
    chain = LabelChain.from_config(cfg, **changes)
    found = read_section(cfg, changes)
    rule = found.get('rule')
    named = isinstance(rule, Mapping) and rule.get('threshold') is not None
    if not chain.reads_threshold or named or own_threshold(rule) is not None:
        return None
    return found.get('threshold')


def label_stream(stream: Iterable[SoftCAM | Labelled | Failure],
                 chain: LabelChain,
                 workers: int = 0) -> Iterator[Labelled | Failure]:
    """Yield the labels of a stream of CAMs, in its order.

    Failures of the stream, and labels that are written already, pass
    through; an image that a refiner or the rule cannot do becomes one.
    ``workers`` processes run refiners that may run in some; 0 = this one.
    """
    workers = workers if chain.refines and chain.parallel else 0
    items = ((item.img_id, item) for item in stream)
    for img_id, result in map_ordered(partial(_apply, chain), items, workers):
        if isinstance(result, BaseException):
            result = Failure(img_id, str(result) or type(result).__name__)
        yield result


def _apply(chain: LabelChain,
           item: SoftCAM | Labelled | Failure) -> Labelled | Failure:
    return chain(item) if isinstance(item, SoftCAM) else item
