#!/usr/bin/env python
r"""Quality of the masks for the contrast of a trained HSC.

    python benchmarks/contrast_masks.py CONFIG CHECKPOINT

Pictures of the test split, whole and in batches; masks are made as in a
training step, on its grid, and compared with what most pixels of a position
show. Masks by shares depend on the pictures of a batch: --seed draws batches.
The figures of docs/results-photographs.md are of batches in the order of the
list. "kept" is the share of positions that two backgrounds agree on;
"foreground" the share that is called a class, "right" that of these which
show it. The mIoU is that of the kept positions.
"""
import argparse
import sys

import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.evaluation import IoUMetric
from torch import Tensor

from hsc_mm.cli import common as cli
from hsc_mm.functional.contrast_maps import IGNORE, contrast_cam
from hsc_mm.functional.resize import resize_bilinear
from hsc_mm.inference import load_config, seeds
from hsc_mm.models import HierarchicalContrast, Targets

ROWS = (('score', (0.15, 0.4)), ('score', (0.3, 0.6)), ('score', (0.5, 0.8)),
        ('quantile', (0.4, 0.8)), ('quantile', (0.5, 0.8)),
        ('quantile', (0.5, 0.7)))
VOID = 255


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', type=cli.file_path)
    parser.add_argument('checkpoint', type=cli.file_path)
    parser.add_argument('--batch', type=cli.positive, default=16)
    parser.add_argument('--seed', type=int, default=0,
                        help='random seed of the batches (default: 0)')
    return parser.parse_args()


def shrink(mask: Tensor, grid: tuple[int, int], classes: int) -> Tensor:
    """Return the class that most pixels of each position show, (h, w).

    A position that is mostly void, or as much void as a class, is void.
    """
    shown = mask.long().clamp(max=classes)  # void is the last
    shares = torch.nn.functional.one_hot(shown, classes + 1)
    shares = torch.nn.functional.adaptive_avg_pool2d(
        shares.permute(2, 0, 1).float()[None], grid)[0].flip(0)
    best = classes - shares.argmax(0)
    return torch.where(best == classes, VOID, best)


@torch.no_grad()
def read_batches(args: argparse.Namespace) -> tuple:
    """Return the contrast and, by batch, r_hat, labels, colours and truth."""
    cfg = load_config(str(args.config))
    init_default_scope('mmseg')
    loader = Runner.build_dataloader(cfg.test_dataloader)
    model = seeds.build_model(cfg, str(args.checkpoint), 'cpu',
                              loader.dataset.metainfo['classes'])
    head = model.decode_head
    contrast = next((one for one in head.losses.modules()
                     if isinstance(one, HierarchicalContrast)), None)
    if contrast is None:
        raise ValueError(f'{args.config}: expected a head with '
                         'HierarchicalContrast, found none.')
    grid = tuple(contrast.grid or (16, 16))
    parts = []
    for batch in cli.progress(loader, len(loader), 'pictures'):
        batch = model.data_preprocessor(batch, False)
        view = head(model.extract_feat(batch['inputs']), batch['inputs'])
        label = Targets.of(batch['data_samples'],
                           head.num_classes).with_background
        colours = resize_bilinear(view.colours.float(), grid)
        shown = batch['data_samples'][0].gt_sem_seg.data[0]
        truth = shrink(shown, grid, head.num_classes)
        parts.append((contrast_cam(resize_bilinear(view.evidence.float(),
                                                   grid)),
                      label, colours, truth[None]))
    drawn = torch.Generator().manual_seed(args.seed)
    parts = [parts[i] for i in torch.randperm(len(parts), generator=drawn)]
    return contrast, [
        [torch.cat(one) for one in zip(*parts[start:start + args.batch],
                                       strict=True)]
        for start in range(0, len(parts), args.batch)]


def score(contrast: HierarchicalContrast, batches: list) -> list[float]:
    """Return kept, foreground, right and mIoU in percent."""
    found, truth = [], []
    for cam, label, colours, shown in batches:
        found.append(contrast.masks([cam], label, colours)[0].flatten())
        truth.append(shown.flatten())
    found, truth = torch.cat(found), torch.cat(truth)
    known = truth != VOID
    kept = known & (found != IGNORE)
    called = kept & (found > 0)
    both, either, _, shown = IoUMetric.intersect_and_union(
        found[kept], truth[kept], VOID, VOID)
    right = (found == truth)[called].float()
    return [100 * float(value) for value in (
        kept.sum() / known.sum(), called.sum() / known.sum(),
        right.mean() if len(right) else 0.0,
        (both / either)[shown > 0].mean())]


def main() -> None:
    """Print a row for each background."""
    args = parse_args()
    contrast, batches = read_batches(args)
    print('| background | kept | foreground | right | mIoU |\n'
          '|---|---|---|---|---|')
    for contrast.background_as, contrast.background in ROWS:
        numbers = ' | '.join(f'{value:.1f}'
                             for value in score(contrast, batches))
        print(f'| {contrast.background_as} {contrast.background} | '
              f'{numbers} |')


if __name__ == '__main__':
    sys.exit(cli.run(main))
