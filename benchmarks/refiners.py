#!/usr/bin/env python
r"""Refiners: seed scores and cost on images with masks.

    python tools/make_pseudo_labels.py CONFIG CHECKPOINT --split test \
        --no-tta --soft only --out work_dirs/soft
    python benchmarks/refiners.py --soft work_dirs/soft --data data/VOC2012

The mIoU is that of all images together, over the classes that masks or seeds
show; "best" is the best threshold (or alpha) of a row, chosen on the masks
that are scored. Segments are watersheds from a grid of seeds, as a stand-in
for those of another program.
"""
import argparse
import sys
import tempfile
import time
from collections.abc import Iterator

import cv2
import numpy as np
import torch
from mmseg.evaluation import IoUMetric

from hsc_mm.cli import common as cli
from hsc_mm.pseudo_labels.files import read_soft_cam
from hsc_mm.pseudo_labels.refiners import build_refiner
from hsc_mm.pseudo_labels.soft_cam import SoftCAM
from hsc_mm.utils import read_image, read_index_png

THRESHOLDS = [round(0.04 * step, 2) for step in range(1, 25)] + [0.3]
ALPHAS = (1.2, 2.4, 7)
CLASSES = 255


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument(
        '--soft', type=cli.file_path, required=True,
        help='folder of soft CAMs (npz)')
    parser.add_argument(
        '--data', type=cli.file_path, required=True,
        help='folder with JPEGImages and SegmentationClass')
    parser.add_argument('--count', type=int, help='of images; default: all')
    parser.add_argument(
        '--cell', type=int, default=16, help='pixels between seeds')
    parser.add_argument(
        '--only', nargs='+', choices=list(rows('')), help='rows of the table')
    return parser.parse_args()


def read_items(args: argparse.Namespace) -> Iterator[tuple]:
    """Yield the soft CAM and the mask of each image that has both."""
    paths = sorted(args.soft.glob('*.npz'))[:args.count]
    if not paths:
        raise ValueError(f'--soft {args.soft}: expected soft CAMs, found '
                         'none.')
    for path in paths:
        cam, classes = read_soft_cam(path)
        image = read_image(args.data / 'JPEGImages' / f'{path.stem}.jpg')
        mask = read_index_png(
            args.data / 'SegmentationClass' / f'{path.stem}.png')
        yield SoftCAM(
            path.stem, cam.astype(np.float32), classes, np.empty(0),
            np.ascontiguousarray(image[..., ::-1])), mask


def watershed(image: np.ndarray, cell: int) -> np.ndarray:
    """Return segments from seeds in a grid, (H, W) int32, from 1."""
    markers = np.zeros(image.shape[:2], np.int32)
    seeds = markers[cell // 2::cell, cell // 2::cell]
    seeds[:] = np.arange(1, seeds.size + 1).reshape(seeds.shape)
    cv2.watershed(cv2.GaussianBlur(image, (5, 5), 0), markers)
    # Lines between segments, and the border of the image, go to one beside.
    for _ in range(2):
        wider = cv2.dilate(markers.astype(np.float32), np.ones((3, 3)))
        markers = np.where(markers > 0, markers, wider.astype(np.int32))
    return markers


def hard_label(soft: SoftCAM, threshold: float | None) -> np.ndarray:
    """Return the class of each pixel; None: by the background of the CAM."""
    background = soft.background if threshold is None else np.full(
        soft.cam.shape[1:], threshold, np.float32)
    best = np.concatenate([background[None], soft.cam]).argmax(axis=0)
    return np.concatenate([[0], soft.classes])[best]


def overlap(label: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return intersections and unions of an image, (2, CLASSES)."""
    return torch.stack(
        IoUMetric.intersect_and_union(
            torch.from_numpy(label), torch.from_numpy(mask), CLASSES,
            255)[:2]).numpy()


def rows(folder: str) -> dict[str, list]:
    """Return what is compared: refiners, for each alpha where they have it."""
    par, crf = dict(type='hsc_mm.PAR'), 'hsc_mm.CRFRefiner'
    segments = dict(type='hsc_mm.SegmentRefiner', folder=folder)
    return {
        'none': [[]],
        'CRF': [[dict(type=crf, alpha=alpha)] for alpha in ALPHAS],
        'PAR': [[par]],
        'PAR, CRF': [[par, dict(type=crf, alpha=alpha)] for alpha in ALPHAS],
        'segments': [[dict(segments, threshold=threshold)]
                     for threshold in (0.3, 0.36, 0.42)]
    }


def score(chain: list, items: list) -> tuple[dict[float, float], float]:
    """Return the mIoU at each threshold (None: no threshold) and seconds."""
    refiners, totals, seconds = [build_refiner(one) for one in chain], {}, 0
    for soft, mask in items:
        start = time.perf_counter()
        for refine in refiners:
            soft = refine(soft)
        seconds += time.perf_counter() - start
        if soft.background is not None:
            thresholds = [None]
        elif chain and 'threshold' in chain[-1]:  # maps are 0 and 1
            thresholds = [chain[-1]['threshold']]
        else:
            thresholds = THRESHOLDS
        for name in thresholds:
            totals[name] = totals.get(name, 0) + overlap(
                hard_label(soft, name), mask)
    with np.errstate(invalid='ignore'):
        return {
            name: 100 * np.nanmean(both / union)
            for name, (both, union) in totals.items()
        }, seconds / len(items)


def main() -> None:
    """Compute, and print the table."""
    args = parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    items = list(read_items(args))
    with tempfile.TemporaryDirectory() as folder:
        for soft, _ in items:
            np.save(f'{folder}/{soft.img_id}.npy',
                    watershed(soft.image, args.cell))
        print(f'{len(items)} images')
        print('| refiners | default | best | s / image |\n|---|---|---|---|')
        table = rows(folder)
        for name in args.only or table:
            chains = table[name]
            found = {}
            for chain in chains:
                scores, seconds = score(chain, items)
                own = chain[-1].get('alpha') if chain else None
                found.update({
                    f'alpha {own}' if threshold is None else f'{threshold}':
                    value for threshold, value in scores.items()
                })
            default = 'alpha 7' if 'alpha 7' in found else '0.3'
            best = max(found, key=found.get)
            print(f'| {name} | {found[default]:.1f} ({default}) | '
                  f'{found[best]:.1f} ({best}) | {seconds:.3f} |', flush=True)


if __name__ == '__main__':
    sys.exit(cli.run(main))
