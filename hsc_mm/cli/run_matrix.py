"""Run configs x seeds through the pipeline; print mean and spread.

Each cell is a folder of its own, and what is done is not done again: a
stopped matrix goes on where it was.
"""
import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hsc_mm.pipeline.matrix import Cell, collect, markdown, run_cell
from hsc_mm.utils import atomic_write_bytes, write_json


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('configs', nargs='+', help='configs of the CAM stage')
    parser.add_argument(
        '--seg-config',
        help='config of the segmentation stage (default: only the seeds are '
        'scored)')
    parser.add_argument('--work-dir', required=True, help='output folder')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    parser.add_argument(
        '--jobs', type=int, default=1, help='cells at the same time')
    for stage in ('cam', 'seg'):
        parser.add_argument(
            f'--{stage}-options',
            nargs='+',
            default=[],
            metavar='KEY=VALUE',
            help=f'values that override the configs of the {stage} stage')
    args = parser.parse_args()
    for path in filter(None, [*args.configs, args.seg_config]):
        if not Path(path).is_file():
            parser.error(f'config {path}: there is no such file')
    stems = [Path(path).stem for path in args.configs]
    if len(set(stems)) < len(stems):
        parser.error('configs: expected different names, found one twice')
    return args


def main() -> int:
    """Run the matrix."""
    args = parse_args()
    root = Path(args.work_dir)
    cells = [
        Cell(config, seed, root / Path(config).stem / f'seed{seed}')
        for seed in args.seeds for config in args.configs
    ]
    options = dict(cam=args.cam_options, seg=args.seg_options)
    done, failures = [], []
    with ThreadPoolExecutor(args.jobs) as pool:
        running = [
            pool.submit(run_cell, cell, args.seg_config, options)
            for cell in cells
        ]
        for number, (cell, future) in enumerate(
                zip(cells, running, strict=True), start=1):
            try:
                done.append(future.result())
                state = 'done'
            except ValueError as error:
                failures.append(str(error))
                state = 'FAILED'
            print(f'[{number}/{len(cells)}] {cell.name}, seed {cell.seed}: '
                  f'{state}', flush=True)
    rows = collect(sorted(done, key=lambda c: args.configs.index(c['config'])))
    text = markdown(rows)
    write_json(root / 'matrix.json', rows)
    atomic_write_bytes(root / 'matrix.md', f'{text}\n'.encode())
    print(text)
    for failure in failures:
        print(f'error: {failure}', file=sys.stderr)
    return int(bool(failures))
