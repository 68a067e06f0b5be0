#!/usr/bin/env python
"""Measure how partial the seeds of the demo are: recall of heads and bodies.

    python benchmarks/demo_partial_cam.py configs/demo/cam_demo.py \
        work_dirs/demo/cam_demo/iter_200.pth --threshold 0.6

The generator knows which pixels of an object are its head, the part that
tells the class; the data set does not. Heads are painted again from the seed.
"""
import argparse
import sys
from pathlib import Path

import numpy as np

from hsc_mm.cli import common as cli
from hsc_mm.datasets.build import build_split
from hsc_mm.evaluation.folder import ground_truth
from hsc_mm.inference import load_config, seeds, use_tta
from hsc_mm.utils import to_classes

sys.path.append(str(Path(__file__).resolve().parents[1] / 'demo'))

from demo_data import make_scene
from demo_data.writer import SPLITS


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    cli.add_config(parser, launcher=False)
    cli.add_checkpoint(parser)
    parser.add_argument('--threshold', type=cli.threshold, default=0.3)
    parser.add_argument(
        '--seed', type=int, default=0, help='seed of the demo data')
    return cli.parse(parser)


def main() -> None:
    """Print the shares of head and body pixels that the seeds cover."""
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    masked = build_split(cfg, 'test', masks=True)
    cfg.model.test_cfg.bg_threshold = args.threshold
    cfg = use_tta(cfg)
    dataset = seeds.seed_dataset(cfg, 'test')
    model = seeds.build_model(cfg, args.checkpoint, 'cpu')
    hit, total = np.zeros(2), np.zeros(2)
    samples = seeds.iterate_seeds(model, seeds.seed_loader(dataset, 1))
    samples = cli.progress(samples, len(dataset), 'pictures')
    for index, sample in enumerate(samples):
        info = masked.get_data_info(index)
        truth = ground_truth(info)
        split, number = info['img_id'].split('_')
        scene = make_scene(
            np.random.default_rng([args.seed, SPLITS[split], int(number)]))
        if not np.array_equal(to_classes(scene.mask, info['label_map']),
                              truth):
            raise ValueError(
                f'--seed {args.seed}: expected the seed that the demo data '
                f'were made with, found another mask in '
                f'{info["seg_map_path"]}. Name the --seed of make_demo_data.')
        head = scene.part
        right = sample.pred_sem_seg.data[0].numpy() == truth
        thing = (truth > 0) & (truth < 255)
        for row, region in enumerate((thing & head, thing & ~head)):
            hit[row] += (right & region).sum()
            total[row] += region.sum()
    recall = 100 * hit / total
    print(f'recall of heads {recall[0]:.1f} %, of bodies {recall[1]:.1f} %, '
          f'ratio {recall[0] / recall[1]:.2f}')


if __name__ == '__main__':
    sys.exit(cli.run(main))
