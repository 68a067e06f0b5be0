#!/usr/bin/env python
r"""Loss of label-free threshold rules, and of few masks, against the oracle.

    python benchmarks/threshold_rules.py --dump work_dirs/histograms \
        --run CONFIG CHECKPOINT --run CONFIG CHECKPOINT
    python benchmarks/threshold_rules.py --dump work_dirs/histograms

The CAMs of the test split are computed once; their histograms are kept as
<config>-<checkpoint>.npz, and all rules are scored from those. "all" applies a
rule to the histogram of all images, "each" to that of each image. "loss" is
the oracle's mIoU less the rule's; those of selected thresholds are on the
images that were not selected.
"""
import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hsc_mm.cli import common as cli
from hsc_mm.datasets.build import build_split
from hsc_mm.evaluation.confusion import sweep_scores
from hsc_mm.evaluation.counts import image_counts
from hsc_mm.evaluation.folder import ground_truth
from hsc_mm.evaluation.selection import choose_selection
from hsc_mm.evaluation.threshold_rules import BINS, rule_names, threshold_by
from hsc_mm.inference import load_config, seeds, use_tta
from hsc_mm.inference.models import make_fast
from hsc_mm.pseudo_labels.cams import MultiScaleCAM, iterate_cams
from hsc_mm.pseudo_labels.views import Failure, view_loader

GRID = torch.arange(1, BINS) / BINS
FEW = (1, 5, 10)


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dump', type=cli.file_path, required=True,
                        help='folder of histograms')
    parser.add_argument('--run', nargs=2, action='append', default=[],
                        metavar=('CONFIG', 'CHECKPOINT'))
    parser.add_argument('--workers', type=int, default=0)
    return parser.parse_args()


@torch.no_grad()
def dump(config: str, checkpoint: str, path: Path, workers: int) -> None:
    """Compute the CAMs of the test split; keep histograms and selections."""
    plain = load_config(config)
    truth = build_split(plain, 'test', masks=True)
    cfg = use_tta(plain) if plain.get('tta_pipeline') else plain
    data = seeds.seed_dataset(cfg, 'test')
    loader, pipeline = view_loader(
        data, cfg, [[i] for i in range(len(data))], workers)
    model = make_fast(seeds.build_model(cfg, checkpoint, 'cpu',
                                        data.metainfo['classes']))
    infos = {info['img_id']: info for info in map(
        truth.get_data_info, range(len(truth)))}
    counts, ids = [], []
    stream = iterate_cams(MultiScaleCAM(model, pipeline.flips), loader)
    for soft in cli.progress(stream, len(data), path.stem):
        if isinstance(soft, Failure):
            raise ValueError(f'{soft.img_id}: {soft.reason}. The table needs '
                             'every image with a mask.')
        dense = torch.zeros(len(data.foreground), *soft.cam.shape[1:])
        dense[torch.from_numpy(soft.classes) - 1] = torch.from_numpy(soft.cam)
        counts.append(image_counts(dense, torch.from_numpy(
            ground_truth(infos[soft.img_id])), GRID, data.ignore_index))
        ids.append(soft.img_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        seeds=torch.stack([one.seeds for one in counts]).int().numpy(),
        cams=torch.stack([one.cams for one in counts]).numpy(),
        own=plain.model.test_cfg.bg_threshold,
        **{f'select{n}': np.isin(ids, choose_selection(truth, n))
           for n in FEW})


def miou(counts: Tensor, threshold: float | None = None) -> Tensor:
    """Return the mIoU in percent at a threshold, or at all of the grid."""
    curve = 100 * sweep_scores(counts).miou
    if threshold is None:
        return curve
    return curve[(GRID - threshold).abs().argmin()]


def at_own_threshold(counts: Tensor, edges: list[int]) -> float:
    """Return the mIoU where each image has a threshold of its own.

    Args:
        counts (Tensor): Of each image, (N, C, K, T + 1).
        edges (list[int]): Level below which an image is background, N.
    """
    parts = [torch.stack([one[..., :edge].sum(-1), one[..., edge:].sum(-1)],
                         -1) for one, edge in zip(counts, edges, strict=True)]
    return float(100 * sweep_scores(torch.stack(parts).sum(0)).miou[0])


def show(path: Path) -> None:
    """Print the table of a file of histograms."""
    found = np.load(path)
    counts, cams = torch.from_numpy(found['seeds']), found['cams']
    total = counts.sum(0)
    oracle = float(miou(total).max())
    best = float(GRID[miou(total).argmax()])
    print(f'\n{path.stem}: {len(counts)} images, oracle {oracle:.2f} at '
          f'{best:.2f}\n\n| threshold | all: at | mIoU | loss | each: mIoU '
          '| loss |\n|---|---|---|---|---|---|')
    own = float(found['own'])
    fixed = float(miou(total, own))
    print(f'| fixed | {own:.2f} | {fixed:.2f} | {oracle - fixed:.2f} | | |')
    for name in rule_names():
        at = threshold_by(name, cams.sum(0))
        score = float(miou(total, at))
        edges = [round(threshold_by(name, one) * BINS) if one.any() else BINS
                 for one in cams]
        each = at_own_threshold(counts, edges)
        print(f'| {name} | {at:.2f} | {score:.2f} | {oracle - score:.2f} | '
              f'{each:.2f} | {oracle - each:.2f} |')
    for n in FEW:
        few = torch.from_numpy(found[f'select{n}'])
        at = float(GRID[miou(counts[few].sum(0)).argmax()])
        rest = counts[~few].sum(0)
        score = float(miou(rest, at))
        print(f'| selected on {int(few.sum())} masks, {n} per class | '
              f'{at:.2f} | {score:.2f} | '
              f'{float(miou(rest).max()) - score:.2f} | | |')


def main() -> None:
    """Dump what is asked for, and print the tables of all dumps."""
    args = parse_args()
    for config, checkpoint in args.run:
        name = '-'.join([Path(config).stem, Path(checkpoint).parts[-3]
                         if len(Path(checkpoint).parts) > 2 else '',
                         Path(checkpoint).stem])
        dump(config, checkpoint, args.dump / f'{name}.npz', args.workers)
    paths = sorted(args.dump.glob('*.npz'))
    if not paths:
        raise FileNotFoundError(
            f'--dump {args.dump}: expected histograms (*.npz), found none. '
            '--run CONFIG CHECKPOINT makes them.')
    for path in paths:
        show(path)


if __name__ == '__main__':
    sys.exit(cli.run(main))
