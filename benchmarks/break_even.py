#!/usr/bin/env python
"""Break-even of image labels: how many drawn masks they are worth.

Trains the segmentor of docs/protocol.md on N pictures with their true masks,
for several N, with the schedule of the segmentor that learns from pseudo
labels. Where the curve of these scores reaches that segmentor's score, and
stays there, image labels of the whole data set are worth N masks. Finished
cells are not repeated.
"""
import argparse
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from break_even_table import read_rows, table
from protocol import NETWORKS, SETS, check_root, write_leaf

from hsc_mm.cli import add_tools
from hsc_mm.cli import common as cli
from hsc_mm.utils import atomic_write_bytes, digest, read_json, write_json
from hsc_mm.utils.io import read_text
from hsc_mm.utils.sums import fingerprint

add_tools()


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


def _files(root: Path, ids: list[str], scored: str) -> list[Path]:
    """Return what a cell reads: masks, the list scored, all its pictures."""
    listed = root / f'ImageSets/Segmentation/{scored}.txt'
    names = read_text(listed).split() if listed.is_file() else []
    return [path for path in (
        listed, *(root / 'SegmentationClass').glob('*.png'),
        *(root / f'JPEGImages/{name}.jpg' for name in {*ids, *names}))
        if path.is_file()]


def run_cell(leaf: Path, root: Path, ids: list[str], work_dir: Path,
             seed: int, options: list[str], scored: str = 'val') -> float:
    """Train on the masks of some pictures; return the mIoU in percent.

    ``score.json`` holds what the cell is from its beginning, and its mIoU
    when it is done. The contents of the config count, not its name, and the
    list of pictures that are scored.

    Raises:
        ValueError: The folder is that of another cell, which is left as it
            is, or the training ended with an error.
    """
    from hsc_analysis.matrix_cells import logged
    from hsc_analysis.matrix_hashes import settings as hashes
    done, names = work_dir / 'score.json', work_dir / 'ids.txt'
    own = dict(masks=len(ids), draw=digest(ids), seed=seed,
               root=str(root.resolve()), options=options,
               config=hashes(str(leaf), None, {})['cam'],
               data=fingerprint(_files(root, ids, scored)))
    kept = read_json(done, dict) if done.is_file() else {}
    other = [key for key, value in own.items() if kept.get(key) != value]
    if other and any(work_dir.glob('[!.]*')):
        found = f'one of another {other[0]}' if 'draw' in kept else (
            'one of an earlier version' if kept else 'files of no cell')
        raise ValueError(f'{work_dir}: expected the same cell, found {found}. '
                         'Choose another --work-dir.')
    if 'miou' in kept:
        return kept['miou']
    write_json(done, own)
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
    miou = [one['mIoU'] for one in logged(work_dir) if 'mIoU' in one][-1]
    write_json(done, own | dict(miou=miou))
    return miou


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
    parser.add_argument('--seeds', nargs='+', type=cli.random_seed,
                        default=[0])
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
    rows = read_rows(args.matrix, leaf, args.options) if args.matrix else []
    curve: dict[int, list[float]] = {}
    data = SETS[args.name]
    numbers = dict.fromkeys(  # "all" may be a number beside it
        len(draw(args.root, data.seeds,
                 None if number == 'all' else int(number), 0))
        for number in args.masks)
    for seed in args.seeds:
        for number in numbers:
            ids = draw(args.root, data.seeds, number, seed)
            folder = args.work_dir / f'masks-{number}-seed-{seed}'
            curve.setdefault(number, []).append(run_cell(
                leaf, args.root, ids, folder, seed, args.options, data.test))
    write_json(args.work_dir / 'break_even.json', dict(sorted(curve.items())))
    print(table(curve, rows))


if __name__ == '__main__':
    sys.exit(cli.run(main))
