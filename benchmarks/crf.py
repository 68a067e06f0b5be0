#!/usr/bin/env python
"""Images per second of the dense CRF, by backend and number of processes.

    python benchmarks/crf.py --workers 2
    python benchmarks/crf.py --images data/VOC2012/JPEGImages --count 40

The plain way is serial pydensecrf: one image at a time, in one process. The
contestants take turns, the table has medians. Pictures are generated where
none are named: regions of a few colours, with shade, texture and noise, and
soft maps that follow the regions roughly.
"""
import argparse
import statistics
import sys
import time
from collections.abc import Iterator

import cv2
import numpy as np
import torch

from hsc_mm.cli import common as cli
from hsc_mm.crf import PRESETS, build_crf, has_pydensecrf
from hsc_mm.utils.pool import map_ordered

PLAIN = 'pydensecrf, serial (the plain way)'
Item = tuple[int, np.ndarray, np.ndarray]


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument(
        '--images', type=cli.file_path, help='folder of photographs')
    parser.add_argument('--count', type=int, default=20)
    parser.add_argument(
        '--size', type=int, nargs=2, default=(375, 500),
        metavar=('HEIGHT', 'WIDTH'), help='of generated pictures')
    parser.add_argument(
        '--labels', type=int, default=3, help='background included')
    parser.add_argument(
        '--preset', choices=sorted(PRESETS), default='pseudo_label')
    parser.add_argument('--workers', type=int, default=2)
    parser.add_argument('--repeat', type=int, default=3)
    parser.add_argument(
        '--exact', type=int, metavar='COUNT',
        help='pictures for the exact kernel: all on a GPU, none on a CPU, '
        'where one of VOC\'s size takes minutes')
    args = parser.parse_args()
    if args.exact is None:
        args.exact = args.count if torch.cuda.is_available() else 0
    return args


def blobs(rng: np.random.Generator, channels: int, height: int, width: int,
          cells: int) -> np.ndarray:
    """Draw smooth noise, (channels, height, width) float32."""
    return np.stack([
        cv2.resize(
            rng.standard_normal((cells, cells + 1)).astype(np.float32),
            (width, height), interpolation=cv2.INTER_CUBIC)
        for _ in range(channels)
    ])


def draw(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Draw a picture, (height, width, 3) uint8."""
    region = blobs(rng, 6, height, width, 5).argmax(axis=0)
    image = rng.integers(30, 226, (6, 3))[region].astype(np.float32)
    image += 12 * blobs(rng, 3, height, width, 4).transpose(1, 2, 0)
    image += 10 * blobs(rng, 1, height, width, height // 4)[0][..., None]
    image += rng.normal(0, 3, image.shape)
    return image.clip(0, 255).astype(np.uint8)


def make_items(args: argparse.Namespace) -> list[Item]:
    """Read or draw pictures, and draw soft maps (L, H, W) for them."""
    rng = np.random.default_rng(0)
    if args.images:
        paths = [
            path for path in sorted(args.images.iterdir())
            if path.suffix.lower() in ('.jpg', '.jpeg', '.png')
        ][:args.count]
        if not paths:
            raise ValueError(f'--images {args.images}: expected pictures, '
                             'found none.')
        images = [cv2.imread(str(path))[..., ::-1].copy() for path in paths]
    else:
        images = [draw(rng, *args.size) for _ in range(args.count)]
    items = []
    for number, image in enumerate(images):
        score = 2 * blobs(rng, args.labels, *image.shape[:2], 6)
        prob = np.exp(score) / np.exp(score).sum(axis=0)
        items.append((number, prob, image))
    return items


def work(cfg: dict, items: list[Item], workers: int) -> Iterator:
    """Refine; the first exception ends the benchmark."""
    for _, result in map_ordered(build_crf(cfg), items, workers):
        if isinstance(result, Exception):
            raise result
        yield result.argmax(axis=0)


def main() -> None:
    """Time, and print the table."""
    args = parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    items = make_items(args)
    number = args.workers
    contestants = {}
    if has_pydensecrf():
        contestants[PLAIN] = ('pydensecrf', 0, items)
        contestants[f'pydensecrf, {number} processes'] = ('pydensecrf',
                                                          number, items)
    else:
        print('pydensecrf is not installed (pip install "hsc_mm[crf]"): the '
              'plain way and the ratios to it are missing.')
    contestants['reduced, in process'] = ('reduced', 0, items)
    contestants[f'reduced, {number} processes'] = ('reduced', number, items)
    if args.exact:
        device = 'GPU' if torch.cuda.is_available() else 'CPU'
        contestants[f'exact, {device}'] = ('exact', 0, items[:args.exact])

    start = time.perf_counter()
    list(work(dict(backend='reduced'), [
        (0, one[:, :8, :8], image[:8, :8]) for _, one, image in items[:1]
    ], number))
    print(f'start of processes: {time.perf_counter() - start:.1f} s, once, '
          'not in the table')

    seconds = {name: [] for name in contestants}
    labels = {}
    for _ in range(args.repeat):
        for name, (backend, workers, some) in contestants.items():
            cfg = dict(backend=backend, preset=args.preset)
            start = time.perf_counter()
            labels[name] = list(work(cfg, some, workers))
            seconds[name].append((time.perf_counter() - start) / len(some))
    print(f'{len(items)} pictures, the first of {items[0][2].shape[:2]}, '
          f'{args.labels} labels, preset {args.preset}')
    print(f'{"":36}{"images/s":>10}{"ratio":>8}{"same labels":>13}')
    for name, times in seconds.items():
        line = f'{name:36}{1 / statistics.median(times):10.2f}'
        if PLAIN in seconds:
            ratio = statistics.median(
                plain / own for plain, own in
                zip(seconds[PLAIN], times, strict=True))
            same = np.mean([(a == b).mean() for a, b in
                            zip(labels[PLAIN], labels[name], strict=False)])
            line += f'{ratio:8.2f}{100 * same:11.2f} %'
        print(line)


if __name__ == '__main__':
    sys.exit(cli.run(main))
