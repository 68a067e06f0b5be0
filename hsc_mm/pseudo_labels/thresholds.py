"""The background threshold of pseudo labels, and how it is chosen."""
import itertools
from math import prod
from pathlib import Path
from typing import NamedTuple

import torch
from mmengine.config import Config

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.build import split_options
from hsc_mm.evaluation.counts import cam_histogram
from hsc_mm.evaluation.threshold_rules import (
    BINS,
    SUFFICIENCY,
    NoThresholdError,
    find_choice,
    threshold_by,
)
from hsc_mm.inference import seeds
from hsc_mm.tiles import Tiles
from hsc_mm.utils import read_json
from hsc_mm.utils.headers import read_header
from hsc_mm.utils.limits import most_pixels
from hsc_mm.utils.progress import progress
from .cams import iterate_cams
from .folder import MANIFEST
from .options import RunOptions
from .sufficiency import keep, sufficient
from .tiled import Windows
from .views import Failure

__all__ = ['Threshold', 'choose_threshold', 'found_before', 'in_windows']

#: Images at most whose CAMs a rule looks at, and of which the classifier sees
#: parts: ten more passes for each.
SAMPLED, SEEN_IN_PARTS = 500, 64


class Threshold(NamedTuple):
    """A background threshold.

    Attributes:
        value (float, optional): In (0, 1); None where that of the config or
            of its label rule counts.
        by (str): ``'fixed'``, ``'best'``, ``'selected'`` or the name of a
            label-free rule.
        asked (str, optional): The label-free rule that found none.
        masks (str, optional): What tells the masks apart that selected it.
        selection (tuple[str, ...]): The ids of their images.
    """
    value: float | None
    by: str = 'fixed'
    asked: str | None = None
    masks: str | None = None
    selection: tuple[str, ...] = ()

    @property
    def about(self) -> dict[str, object]:
        """dict[str, object]: What a manifest notes besides the value."""
        more = dict(asked=self.asked, masks=self.masks,
                    selection=[*self.selection])
        return dict(chosen=self.by, **{k: v for k, v in more.items() if v})


def choose_threshold(cfg: Config, checkpoint: str, split: str,
                     asked: float | str | None, usual: float | str | None,
                     options: RunOptions,
                     before: Threshold | None = None) -> Threshold:
    """Find the threshold that was asked for, or the usual one.

    Args:
        cfg (Config): With the test pipeline that makes the labels.
        checkpoint (str): The weights.
        split (str): Whose images are looked at.
        asked (float | str, optional): A number, ``'best'`` or a label-free
            rule.
        usual (float | str, optional): The same, of the config. A rule that
            finds none gives way to ``model.test_cfg.bg_threshold``.
        options (RunOptions): How to compute.
        before (Threshold, optional): Of :func:`found_before`.

    Raises:
        NoThresholdError: A rule was asked for and finds none.
        ValueError: There is no such rule.
    """
    name = usual if asked is None else asked
    if not isinstance(name, str):
        return Threshold(name)
    if name != 'best':
        name = find_choice(name, ('best', ))
    if before and (before.by == name or (
            asked is None and before.asked == name)):
        what = 'of the config' if before.value is None else before.value
        options.notify(f'background threshold {what}, by "{name}", of the '
                       'labels that are there')
        return before
    if name == 'best':
        if options.tiles:
            options.notify(
                'background threshold by "best": chosen on whole images. The '
                'CAMs of images in windows (--tile) may need another one.')
        return Threshold(seeds.best_threshold(
            cfg, checkpoint, options.device), name)
    try:
        return Threshold(
            _label_free(cfg, checkpoint, split, name, options), name)
    except NoThresholdError as error:
        if asked is not None:
            raise
        options.notify(f'{error} That of the config is used.')
        return Threshold(None, asked=name)


def found_before(out: str | Path, facts: dict) -> Threshold | None:
    """Return what was chosen for the labels that are in a folder.

    A rule that looks again, at images that were repaired or added, would find
    another threshold, and the labels of the others would not be resumed.

    Args:
        out (str | Path): The folder, which need not exist.
        facts (dict): What its manifest has to say of weights and split.

    Returns:
        Threshold | None: None where nothing was chosen.
    """
    manifest = Path(out) / MANIFEST
    try:
        found = read_json(manifest, dict)
    except (OSError, ValueError):  # none, or the folder says what is wrong
        return None
    same = all(found.get(key) == value for key, value in facts.items())
    chosen, value = found.get('chosen'), found.get('threshold')
    if not same or not isinstance(value, float):
        return None
    if chosen in (None, 'fixed'):
        asked = found.get('asked')
        return Threshold(None, asked=asked) if asked else None
    return Threshold(value, chosen, masks=found.get('masks'),
                     selection=tuple(found.get('selection') or ()))


def _label_free(cfg: Config, checkpoint: str, split: str, name: str,
                options: RunOptions) -> float:
    """Find a threshold by the rule that :func:`find_choice` has named."""
    in_parts = name == SUFFICIENCY
    dataset = seeds.seed_dataset(cfg, split, check=False)
    places = [place for place in range(len(dataset))
              if not in_parts or _shows_a_class(dataset, place)]
    if in_parts and options.tiles:  # the classifier sees images whole
        places = [place for place in places
                  if not in_windows(dataset, place, options.tiles)]
        if not places:
            raise NoThresholdError(
                'threshold "sufficiency": expected images that show a class '
                f'and no side above {options.tiles.size} pixels (--tile), '
                'found none. Name a number or "auto".')
    stride = -(-len(places) // (SEEN_IN_PARTS if in_parts else SAMPLED))
    places = places[::max(stride, 1)]
    tiled = [place for place in places if not in_parts
             and in_windows(dataset, place, options.tiles)]
    engine, loader, pipeline = options.load(
        cfg, checkpoint, dataset,
        [[place] for place in places if place not in tiled])
    if in_parts:
        parts = progress(keep(engine, pipeline, dataset, places),
                         len(places), 'looking at parts', delay=2)
        found, of = sufficient(list(parts)), 'parts'
    else:
        counts = torch.zeros(BINS, dtype=torch.int64)
        windows = Windows(engine, dataset, split_options(cfg, 'test').pipeline,
                          options.tiles or Tiles())
        for soft in itertools.chain(iterate_cams(engine, loader),
                                    windows.cams(tiled)):
            if not isinstance(soft, Failure) and len(soft.cam):
                counts += cam_histogram(torch.from_numpy(soft.cam))
        found, of = threshold_by(name, counts.numpy()), 'the CAMs'
    options.notify(f'background threshold {found}, label-free by "{name}" '
                   f'from {of} of {len(places)} images')
    return found


def _shows_a_class(dataset: BaseImageLabelDataset, place: int) -> bool:
    """Say whether an image has a label, or may have one."""
    label = dataset.get_data_info(place).get('gt_label')
    return label is None or bool(label.any())


def in_windows(dataset: BaseImageLabelDataset, place: int,
                tiles: Tiles | None) -> bool:
    """Say whether an image is computed in windows, and fits into memory."""
    if tiles is None:
        return False
    try:
        seen = read_header(dataset.get_data_info(place)['img_path'],
                           checked=False).seen
    except Exception:  # whatever it is, reading the image will tell
        return False
    return max(seen) > tiles.size and prod(seen) <= most_pixels()
