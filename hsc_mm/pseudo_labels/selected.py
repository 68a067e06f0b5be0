"""Background threshold that a few masks select, after the refiners."""
import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.config import Config

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.build import build_split, split_options
from hsc_mm.evaluation.confusion import GRID, seed_histogram, sweep_scores
from hsc_mm.evaluation.folder import ground_truth
from hsc_mm.evaluation.selection import find_selection
from hsc_mm.inference import seeds
from hsc_mm.tiles import Tiles
from hsc_mm.utils import check_number
from hsc_mm.utils.progress import progress
from hsc_mm.utils.sums import fingerprint
from .cams import iterate_cams
from .chain import LabelChain, Labelled, label_stream
from .options import RunOptions
from .thresholds import Threshold, in_windows
from .tiled import Windows
from .views import Failure

__all__ = ['Selected']


@dataclass(frozen=True)
class Selected:
    """Masks of the test split that select a background threshold.

    The threshold is the one, in steps of 0.01, at which their images have
    the highest mIoU **after the refiners**, for these move it: the best one
    of the seeds may be far from that of their labels.

    Attributes:
        select (int | str | Path): Masks of each class, or a file with the
            ids of their images; see
            :func:`hsc_mm.evaluation.selection.find_selection`.

    Raises:
        ValueError: It is no whole number above 0, and no path.
    """
    select: int | str | Path

    def __post_init__(self) -> None:
        """Check the value."""
        if not isinstance(self.select, str | Path):
            check_number('select', self.select, above=0, whole=True)

    def choose(self, cfg: Config, checkpoint: str, chain: LabelChain,
               options: RunOptions,
               before: Threshold | None = None) -> Threshold:
        """Find the threshold.

        Args:
            cfg (Config): With the test pipeline that makes the labels.
            checkpoint (str): The weights.
            chain (LabelChain): Its refiners come first, and its rule has
                none.
            options (RunOptions): How to compute.
            before (Threshold, optional): Of :func:`.thresholds.found_before`.
                It stays if it is of the same masks.

        Raises:
            ValueError: The test split has no masks, an image of the list is
                not of it or fails, all pixels are ignored, or no threshold
                decides about pixels.
        """
        if not chain.reads_threshold or chain.rule.refiners:
            raise ValueError(
                'threshold: expected masks that a threshold makes of refined '
                f'maps, to select it, found {chain}. Leave --select out.')
        data = build_split(cfg, 'test', masks=True)
        chosen = set(find_selection(data, self.select))
        infos = {info['img_id']: info for info in map(
            data.get_data_info, range(len(data))) if info['img_id'] in chosen}
        masks = fingerprint(
            path for img_id, info in infos.items()
            for path in (info['seg_map_path'], *chain.files(img_id)))
        about = f'selected on {len(infos)} masks'
        if before and before.masks == masks:
            options.notify(f'background threshold {before.value}, {about}, of '
                           'the labels that are there')
            return before
        counts = sum(
            _count(labelled, infos[labelled.img_id], data)
            for labelled in progress(
                _refined(cfg, checkpoint, infos, chain, options), len(infos),
                'selecting a threshold', delay=2))
        if not counts.any():
            raise ValueError(
                f'threshold: expected masks that show something, to select '
                f'it, found {len(infos)} that are ignored everywhere (255). '
                'Name others by --select-list.')
        value = GRID[int(sweep_scores(counts).miou.argmax())]
        after = ', after the refiners' if chain.refiners else ''
        options.notify(f'background threshold {value}, {about}{after}')
        return Threshold(value, 'selected', masks=masks,
                         selection=tuple(sorted(infos)))


def _refined(cfg: Config, checkpoint: str, chosen: Collection[str],
             chain: LabelChain, options: RunOptions) -> Iterator[Labelled]:
    """Yield the maps of images of the test split after the refiners."""
    dataset = seeds.seed_dataset(cfg, 'test', check=False)
    places = [place for place in range(len(dataset))
              if dataset.get_data_info(place)['img_id'] in chosen]
    tiled = [place for place in places
             if in_windows(dataset, place, options.tiles)]
    soft = LabelChain(chain.refiners, threshold=chain.threshold, soft='only')
    engine, loader, _ = options.load(
        cfg, checkpoint, dataset,
        [[place] for place in places if place not in tiled], soft.needs)
    windows = Windows(engine, dataset, split_options(cfg, 'test').pipeline,
                      options.tiles or Tiles())
    cams = itertools.chain(
        iterate_cams(engine, loader),
        windows.cams(tiled, lambda scan, info: windows.whole(
            scan, info, 'image' in soft.needs)))
    for item in label_stream(cams, soft, options.workers):
        if isinstance(item, Failure):
            raise ValueError(
                f'{item.img_id}: expected an image that selects a threshold, '
                f'found one that fails: {item.reason}')
        yield item


def _count(labelled: Labelled, info: dict,
           dataset: BaseImageLabelDataset) -> torch.Tensor:
    """Count the pixels of an image, see :func:`seed_histogram`."""
    truth = torch.from_numpy(ground_truth(info))
    found = torch.from_numpy(labelled.cam).float()
    cam = found.new_zeros(len(dataset.foreground), *found.shape[1:])
    cam[torch.from_numpy(labelled.classes).long() - 1] = found
    try:
        return seed_histogram(cam, truth, torch.tensor(GRID),
                              dataset.ignore_index)
    except ValueError as error:
        raise ValueError(f'{info["seg_map_path"]}: {error}') from error
