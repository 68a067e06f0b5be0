#!/usr/bin/env python
"""Break-even of image labels: how many drawn masks they are worth.

Trains the segmentor of docs/protocol.md on N pictures with their true masks,
for several N, with the schedule of the segmentor that learns from pseudo
labels. Where the curve of these scores crosses that segmentor's score, image
labels of the whole data set are worth N masks. Cells that are done are not
repeated.
"""
import argparse
import hashlib
import itertools
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from protocol import NETWORKS, SETS, check_root, write_leaf

from hsc_mm.cli import add_tools
from hsc_mm.cli import common as cli
from hsc_mm.utils import atomic_write_bytes, read_json, write_json
from hsc_mm.utils.io import read_text

add_tools()

#: Column of run_matrix that is compared.
SEGMENTOR = 'segmentation'


def draw(root: Path, split: str, count: int | None, seed: int) -> list[str]:
    """Draw pictures with masks; a draw holds the smaller ones of its seed.

    Args:
        root (Path): A folder in VOC layout.
        split (str): A list of it, ``'train'``.
        count (int, optional): How many; None: all that have a mask.
        seed (int): Of the draw.

    Returns:
        list[str]: Ids.

    Raises:
        ValueError: There are fewer pictures with masks.
    """
    ids = read_text(root / f'ImageSets/Segmentation/{split}.txt').split()
    ids = [i for i in ids if (root / f'SegmentationClass/{i}.png').is_file()]
    if not ids or (count or 0) > len(ids):
        raise ValueError(
            f'--masks {count or "all"}: found {len(ids)} pictures with masks '
            f'in {split} of {root}.')
    ids.sort(key=lambda i: hashlib.sha256(f'{seed}/{i}'.encode()).digest())
    return ids[:count]


def break_even(curve: Mapping[int, float], score: float) -> float | None:
    """Return the number of masks at which a curve reaches a score.

    Between two numbers the score is taken as linear in the logarithm of the
    number.

    Args:
        curve (Mapping[int, float]): Number of masks -> mIoU.
        score (float): mIoU of the segmentor on image labels.

    Returns:
        float | None: 0.0: fewer than the smallest number reach it; None: the
        largest number does not.
    """
    points = sorted(curve.items())
    if points[0][1] >= score:
        return 0.0
    for (few, low), (many, high) in itertools.pairwise(points):
        if high >= score:
            share = (score - low) / (high - low)
            return math.exp(
                (1 - share) * math.log(few) + share * math.log(many))
    return None


def run_cell(leaf: Path, root: Path, ids: list[str], work_dir: Path,
             seed: int, options: list[str]) -> float:
    """Train on the masks of some pictures; return the mIoU in percent.

    Raises:
        ValueError: The folder is that of another cell, or the training ended
            with an error.
    """
    done, names = work_dir / 'score.json', work_dir / 'ids.txt'
    own = dict(masks=len(ids), seed=seed, config=leaf.name,
               root=str(root.resolve()), options=options)
    if done.is_file():
        kept = read_json(done, dict)
        other = [key for key, value in own.items()
                 if kept.get(key, value) != value]
        if other or (names.is_file() and read_text(names).split() != ids):
            raise ValueError(
                f'{done}: expected the score of the same cell, found one of '
                f'another {other[0] if other else "draw"}. Choose another '
                '--work-dir.')
        return kept['miou']
    names.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_bytes(names, ''.join(f'{i}\n' for i in ids).encode())
    resume = ['--resume'] * any(work_dir.glob('iter_*.pth'))
    status = subprocess.run(
        [sys.executable, '-m', 'hsc_mm', 'train', str(leaf), '--work-dir',
         str(work_dir), *resume, '--cfg-options', f'randomness.seed={seed}',
         f'train_dataloader.dataset.ann_file={names.resolve()}', *options],
        env={**os.environ,
             'PSEUDO_DIR': str(root.resolve() / 'SegmentationClass')},
        check=False).returncode
    if status:
        raise ValueError(f'{work_dir}: the training ended with status '
                         f'{status}; its message is above. The same command '
                         'continues.')
    scores = [json.loads(line)
              for path in sorted(work_dir.glob('*/vis_data/scalars.json'))
              for line in read_text(path).splitlines()]
    miou = [one['mIoU'] for one in scores if 'mIoU' in one][-1]
    write_json(done, own | dict(miou=miou))
    return miou


def table(curve: Mapping[int, list[float]], rows: list[dict]) -> str:
    """Write the curve, and what image labels are worth.

    Args:
        curve (Mapping[int, list[float]]): Number of masks -> mIoU by seed.
        rows (list[dict]): ``rows`` of the ``matrix.json`` of
            ``benchmarks/protocol.py --segmentor``; may be empty.

    Returns:
        str: Markdown; mIoU in percent, mean and sample standard deviation.
    """
    from hsc_analysis.matrix_tables import spread
    lines = ['| trained on | mIoU | worth |', '|---|---|---|']
    means = {count: statistics.mean(values)
             for count, values in curve.items()}
    for count, values in sorted(curve.items()):
        std = statistics.stdev(values) if values[1:] else None
        text = spread(dict(mean=means[count], std=std))
        lines.append(f'| {count} masks | {text} | |')
    for row in rows:
        column = row['columns'].get(SEGMENTOR)
        if column is None:
            continue
        found = break_even(means, column['mean'])
        worth = f'{found:.0f} masks' if found else (
            f'fewer than {min(means)} masks' if found == 0.0
            else f'more than {max(means)} masks')
        lines.append(f'| image labels, {row["config"]} | {spread(column)} | '
                     f'{worth} |')
    return '\n'.join(lines)


def _count(text: str) -> str:
    """Read a number of masks, or "all"."""
    return text if text == 'all' else str(cli.positive(text))


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    able = [n for n, data in SETS.items() if data.seeds == 'train']
    parser.add_argument('name', choices=sorted(able), help='the data set')
    parser.add_argument(
        'root', type=cli.file_path, help='its folder, in VOC layout')
    parser.add_argument('--work-dir', type=cli.file_path, required=True)
    parser.add_argument('--network', choices=NETWORKS, default=NETWORKS[0])
    parser.add_argument(
        '--masks', nargs='+', type=_count,
        default=['10', '20', '50', '100', '200', 'all'],
        help='numbers of pictures with masks, or "all"')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0])
    parser.add_argument(
        '--matrix', type=cli.file_path,
        help='work dir of benchmarks/protocol.py --segmentor to compare with')
    parser.add_argument(
        '--options', nargs='+', default=[], metavar='KEY=VALUE',
        help='values that override those of the config')
    args = parser.parse_args()
    check_root(parser, args.root)
    if args.matrix and not (args.matrix / 'matrix.json').is_file():
        parser.error(f'--matrix {args.matrix}: expected the work dir of a '
                     'finished benchmarks/protocol.py, found no matrix.json')
    for name in ('seeds', 'masks'):
        values = getattr(args, name)
        if len(set(values)) < len(values):
            parser.error(f'--{name}: expected different values, found one '
                         'twice')
    return args


def main() -> None:
    """Train the cells, and print the table."""
    args = parse_args()
    leaf = write_leaf(f'deeplabv3plus_{args.network}_{{}}-pseudo', args.name,
                      args.root, args.work_dir / 'configs')
    curve: dict[int, list[float]] = {}
    for seed in args.seeds:
        for number in args.masks:
            ids = draw(args.root, SETS[args.name].seeds,
                       None if number == 'all' else int(number), seed)
            folder = args.work_dir / f'masks-{len(ids)}-seed-{seed}'
            curve.setdefault(len(ids), []).append(run_cell(
                leaf, args.root, ids, folder, seed, args.options))
    write_json(args.work_dir / 'break_even.json', dict(sorted(curve.items())))
    rows = read_json(args.matrix / 'matrix.json')['rows'] if args.matrix else (
        [])
    print(table(curve, rows))


if __name__ == '__main__':
    sys.exit(cli.run(main))
