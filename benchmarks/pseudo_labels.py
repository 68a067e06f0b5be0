#!/usr/bin/env python
"""Images per second of CAM inference, and its memory.

    python benchmarks/pseudo_labels.py --threads 2
    python benchmarks/pseudo_labels.py --device cuda --batch-size 16 --amp
    python benchmarks/pseudo_labels.py --memory 1000

`plain` does as the release does: one image, one scale, one flip at a time,
all classes resized to the image, the sum made in numpy. `tta` is mmseg's
mechanism, as `tools/test.py --tta` uses it; `ours` is the engine of
`tools/make_pseudo_labels.py`. All read the same generated images of VOC's
size by as many workers, with the same random weights, and take turns. Time of
the CPU tells more than the clock where other programs are running.
"""
import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from hsc_mm.cli import common as cli
from hsc_mm.inference import load_config, seeds, use_tta
from hsc_mm.inference.models import make_fast
from hsc_mm.pseudo_labels.cams import MultiScaleCAM, iterate_cams
from hsc_mm.pseudo_labels.views import plan_batches, view_loader
from hsc_mm.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument(
        '--config', default=str(ROOT / 'configs' / 'cam_mbv2_voc.py'))
    parser.add_argument('--count', type=int, default=24, help='images')
    parser.add_argument('--repeat', type=int, default=1)
    parser.add_argument('--batch-size', type=int, default=4)
    parser.add_argument('--workers', type=int, default=2)
    parser.add_argument('--threads', type=int, help='of torch')
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--amp', action='store_true', help='ours only')
    parser.add_argument(
        '--only', choices=('plain', 'tta', 'ours'), nargs='+',
        default=('plain', 'tta', 'ours'))
    parser.add_argument(
        '--memory', type=int, metavar='N',
        help='print the memory after 100 and after N images of ours instead')
    args = parser.parse_args()
    if args.device == 'cuda' and not torch.cuda.is_available():
        parser.error('--device cuda: torch sees no GPU.')
    return args


def write_data(root: Path, count: int) -> None:
    """Draw smooth pictures, two in three lying, with one or two classes."""
    rng = np.random.default_rng(0)
    labels = {}
    (root / 'JPEGImages').mkdir()
    for number in range(count):
        size = (500, 375) if number % 3 else (375, 500)
        small = rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)
        image = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(root / 'JPEGImages' / f'{number:05d}.jpg'), image)
        labels[f'{number:05d}'] = ['cat', 'dog'][:1 + number % 2]
    (root / 'list.txt').write_text('\n'.join(labels) + '\n')
    (root / 'image_labels.json').write_text(
        json.dumps(dict(classes=['cat', 'dog'], images=labels)))


def read_config(args: argparse.Namespace, root: Path) -> Config:
    """Read the config, pointed at the generated images."""
    cfg = load_config(args.config)
    cfg.model.backbone.init_cfg = None
    cfg.train_dataloader.dataset.update(
        data_root=str(root), ann_file='list.txt',
        label_file='image_labels.json')
    return use_tta(cfg)


def build(cfg: Config, device: str) -> nn.Module:
    """Build the model, always with the same random weights."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
    return MODELS.build(cfg.copy().model).to(device).eval()


@torch.no_grad()
def plain(cfg: Config, model: nn.Module, args: argparse.Namespace) -> Iterable:
    """Yield CAMs as the release computes them."""
    dataset = seeds.seed_dataset(cfg, 'train')
    network = model.module
    for batch in seeds.seed_loader(dataset, args.workers):
        total = 0
        for inputs, samples in zip(
                batch['inputs'], batch['data_samples'], strict=True):
            data = network.data_preprocessor(
                dict(inputs=inputs, data_samples=samples), False)
            cam = network.encode_decode(data['inputs'],
                                        data['data_samples'])[0]
            meta = samples[0].metainfo
            cam = F.interpolate(
                cam, tuple(meta['ori_shape']), mode='bilinear',
                align_corners=network.align_corners)[0]
            cam = cam.cpu().numpy() * samples[0].gt_label.numpy()[:, None,
                                                                  None]
            total = total + (cam[..., ::-1] if meta.get('flip') else cam)
        yield total / (total.max(axis=(1, 2), keepdims=True) + 1e-5)


def tta(cfg: Config, model: nn.Module, args: argparse.Namespace) -> Iterable:
    """Yield samples of mmseg's test-time augmentation."""
    dataset = seeds.seed_dataset(cfg, 'train')
    yield from seeds.iterate_seeds(
        model, seeds.seed_loader(dataset, args.workers))


def ours(cfg: Config,
         model: nn.Module,
         args: argparse.Namespace,
         rounds: int = 1) -> Iterable:
    """Yield CAMs of the engine."""
    dataset = seeds.seed_dataset(cfg, 'train')
    shapes = [(375, 500) if i % 3 else (500, 375)
              for i in range(len(dataset))]
    loader, pipeline = view_loader(
        dataset,
        cfg,
        plan_batches(shapes, args.batch_size) * rounds,
        args.workers,
        pin_memory=args.device == 'cuda')
    yield from iterate_cams(
        MultiScaleCAM(model, pipeline.flips, args.amp), loader)


def compare(cfg: Config, args: argparse.Namespace) -> None:
    """Print a table of images per second."""
    contestants = {
        name: (globals()[name], build(cfg, args.device))
        for name in args.only
    }
    if 'ours' in contestants:
        make_fast(contestants['ours'][1], args.amp)
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    busy: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(-1, args.repeat):  # the first turn warms up
        for name, (run, model) in contestants.items():
            start, used = time.perf_counter(), time.process_time()
            for number, _ in enumerate(run(cfg, model, args)):
                if turn < 0 and number == args.batch_size:
                    break
            if turn >= 0:
                seconds[name].append(time.perf_counter() - start)
                busy[name].append(time.process_time() - used)
    print(f'{args.count} images, {Path(args.config).stem}, {args.device}, '
          f'{torch.get_num_threads()} threads, {args.workers} workers; ours: '
          f'batch {args.batch_size}, amp {args.amp}')
    print('         images/s            CPU s / image, readers aside')
    first = next(iter(contestants))
    for name in contestants:
        wall, cpu = (
            statistics.median(times[name]) / args.count
            for times in (seconds, busy))
        wall_ratio, cpu_ratio = (
            statistics.median(times[first]) / statistics.median(times[name])
            for times in (seconds, busy))
        print(f'{name:6s} {1 / wall:10.2f} {wall_ratio:6.2f} x '
              f'{cpu:10.3f} {cpu_ratio:6.2f} x')


def resident() -> float:
    """Return the memory that this process holds, MB."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 1e6


def measure_memory(cfg: Config, args: argparse.Namespace) -> None:
    """Print the memory after 100 and after N images."""
    model = make_fast(build(cfg, args.device), args.amp)
    rounds = -(-args.memory // args.count)
    stream = ours(cfg, model, args, rounds)
    for number, _ in enumerate(
            cli.progress(stream, rounds * args.count, 'memory'), start=1):
        if number in (100, args.memory):
            print(f'{number} images: {resident():.0f} MB')


def main() -> None:
    """Compare, or measure memory."""
    args = parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder), args.count)
        cfg = read_config(args, Path(folder))
        (measure_memory if args.memory else compare)(cfg, args)


if __name__ == '__main__':
    sys.exit(main())
